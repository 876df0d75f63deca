import { expect, test } from "vitest";
import { blankState } from "../role/reduce.ts";
import type { State } from "../role/types.ts";
import { snapshotDesk } from "./snapshot-desk.ts";

/** Nothing listens there: whoever gets as far as asking Consul fails otherwise than by a refusal. */
const connections = [{ url: "https://127.0.0.1:1", ca: "", cert: "", key: "", token: "" }];
const agent = (state: Partial<State>) => ({
  state: { ...blankState(0), ...state },
  standDown: () => {},
  standUp: () => {},
});
const standDown = { id: "r", untilMs: 60_000, because: "test", wasDoubted: false, overMs: 0 };

test("an arbiter does not stand down: it holds nothing", () => {
  expect(snapshotDesk(connections, null).standDown({ id: "r", seconds: 5, because: "" })).toMatchObject({
    refused: "an arbiter holds nothing",
  });
});

test.each([
  ["an arbiter", null],
  ["a host that does not stand down", agent({ standDown: null })],
  ["one that has not let go yet", agent({ standDown, phase: { name: "demoting" } as State["phase"] })],
])("%s restores nothing", async (_who, host) => {
  const answer = await snapshotDesk(connections, host).restoreSnapshot("token", Buffer.from("snapshot"));
  expect(answer).toMatchObject({ refused: "this host does not stand down" });
});

test("one that has let go asks Consul", async () => {
  const restore = snapshotDesk(connections, agent({ standDown })).restoreSnapshot("token", Buffer.from("snapshot"));
  await expect(restore).rejects.toThrow("https://127.0.0.1:1");
});
