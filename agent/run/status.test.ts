import { expect, test } from "vitest";
import type { AgentConfig } from "../../contract/agent-config.ts";
import type { LockView } from "../lease/lock-record.ts";
import { activeCore, type Core, settings } from "../role/testing.ts";
import { health } from "./http.ts";
import { type Around, statusOf } from "./status.ts";

const ours: LockView = { modifyIndex: 80, lockIndex: 5, session: "session-b", value: { host: "host-b", seq: 1 } };
const config = {
  network: "localnet",
  account: "validator.localnet",
  host: "host-b",
  roles: ["neard", "consul"],
  neard: { publicKey: settings.publicKey },
} as unknown as AgentConfig;

function statusIn(core: Core) {
  const around: Around = {
    version: "0",
    nowMs: core.nowMs,
    wallMs: core.nowMs,
    startedMs: 0,
    fence: { armed: true, open: true },
    consul: { reachable: true, leader: "host-c", isLeader: false, voter: true, healthy: true },
    neardRestarts: 0,
  };
  return statusOf(config, settings, core.state, around);
}
const answers = (core: Core) =>
  Object.fromEntries(Object.entries(health).map(([path, isSo]) => [path, isSo(statusIn(core))]));

const yesOfActive = { "/active": true, "/standby": false, "/healthy": true, "/ready": true };

test("a switchover that waits for its window changes no health endpoint: the host signs", () => {
  const core = activeCore();
  expect(answers(core)).toEqual(yesOfActive);
  const { since } = statusIn(core);
  const note = (ack: string | null) => ({ "host-a": { ready: true, because: "ready", ack, modifyIndex: 70 } });
  core.see(ours, { notes: note(null) });
  core.tell({ is: "switchover-asked", job: { id: "s1", to: "host-a", window: true, startedMs: core.nowMs } });
  expect(answers(core)).toEqual(yesOfActive);
  core.see(ours, { notes: note("s1") });
  expect(answers(core)).toEqual(yesOfActive);
  expect(statusIn(core)).toMatchObject({
    role: "active",
    because: "switchover to host-a: waits for a maintenance window",
    switchover: { id: "s1", to: "host-a" },
    since,
  });

  core.tell({ is: "window-found", serial: core.state.serial, opensMs: core.nowMs }).after(100).tell({ is: "tick" });
  expect(statusIn(core)).toMatchObject({ role: "handing", switchover: { id: "s1" } });
  expect(answers(core)).toMatchObject({ "/active": false, "/ready": false });
});
