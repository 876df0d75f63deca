import { describe, expect, test } from "vitest";
import type { HostNow } from "../../contract/taking-away.ts";
import type { Identity } from "../../contract/wire/identity.ts";
import { activeStatus, arbiterStatus, standbyStatus } from "../testing/cluster.ts";
import { type Machine, machineFrom } from "./machine.ts";
import { bootsForMs, missingOn, newForMs, nextStep, type Situation } from "./next-step.ts";

const identity: Identity = {
  id: "hf-0123456789abcdef",
  stack: "organization/holdfast/localnet",
  network: "localnet",
  account: "validator.test",
  host: "host-b",
  since: "2026-01-01T00:00:00.000Z",
  adopted: [],
  before: { users: [], files: [], directories: [] },
};
const now = (status: ReturnType<typeof standbyStatus>): HostNow => ({ name: status.host, roles: status.roles, status });
const hosts = [now(activeStatus("host-a")), now(standbyStatus("host-b")), now(arbiterStatus("host-c"))];
const three = [...hosts, now(standbyStatus("host-d"))];
const noStatus = (name: string, of = hosts) =>
  of.map((host) => (host.name === name ? { ...host, status: null } : host));
const error = { code: "HF_HOST_UNREACHABLE" as const, message: "host-b cannot be reached.", next: undefined };
const login = { code: "HF_HOST_LOGIN" as const, message: "host-b gives root no root rights.", next: "Allow it." };
const machines = {
  silent: { is: "silent", error },
  "shut-out": { is: "shut-out", error: login },
  "other-key": { is: "other-key", error: { code: "HF_HOST_KEY_MISMATCH", message: "another key", next: undefined } },
  bare: { is: "bare" },
  drained: { is: "drained", identity },
  old: { is: "deployed", identity, ageMs: newForMs, isDraining: false },
  new: { is: "deployed", identity, ageMs: newForMs - 1, isDraining: false },
  draining: { is: "deployed", identity, ageMs: 0, isDraining: true },
} satisfies Record<string, Machine>;

const step = (machine: Machine, more: Partial<Situation> = {}) =>
  nextStep({
    host: "host-b",
    hosts: three,
    cloud: null,
    machine,
    withNewKey: null,
    missing: null,
    withoutStandby: false,
    anew: false,
    ...more,
  });

describe("from where things stand, step by step", () => {
  test.each<[string, Machine, Partial<Situation>, object]>([
    ["a host that serves is taken out of service", machines.old, {}, { do: "drain" }],
    [
      "one that is out of service waits for the operator",
      machines.drained,
      { hosts: noStatus("host-b") },
      { do: "await-machine", dead: false },
    ],
    [
      "a dead one waits for him too",
      machines.silent,
      { hosts: noStatus("host-b") },
      { do: "await-machine", dead: true },
    ],
    ["an empty machine is deployed to", machines.bare, { hosts: noStatus("host-b") }, { do: "deploy", refresh: false }],
    [
      "one with another key needs that key in the settings",
      machines["other-key"],
      {},
      { do: "set-host-key", message: "another key" },
    ],
    [
      "which is there, and fits",
      machines["other-key"],
      { withNewKey: machines.bare },
      { do: "deploy", refresh: false },
    ],
    [
      "which is there, and is not that of what answers",
      machines["other-key"],
      { withNewKey: machines["other-key"] },
      { do: "set-host-key" },
    ],
    [
      "one that serves is not passed over for a new key in the settings",
      machines.old,
      { withNewKey: machines["other-key"] },
      { do: "drain" },
    ],
    [
      "which is there, and nothing answers any more",
      machines["other-key"],
      { withNewKey: machines.silent },
      { do: "await-machine", dead: true },
    ],
    [
      "an apply that was cut short goes on",
      machines["other-key"],
      { withNewKey: machines.new },
      { do: "deploy", refresh: false },
    ],
    [
      "a new machine is waited for",
      machines.new,
      { missing: "neard is not in sync yet" },
      { do: "await-healthy", missing: "neard is not in sync yet" },
    ],
    ["and then it is done", machines.new, {}, { do: "done" }],
    ["unless it is meant once more", machines.new, { anew: true }, { do: "drain" }],
    [
      "which waits until the new one is as it should be: an earlier call has made it",
      machines.new,
      { anew: true, missing: "neard is not in sync yet" },
      { do: "await-healthy" },
    ],
    [
      "a drain that was cut off goes on, of a new machine too",
      machines.draining,
      { hosts: noStatus("host-b", three), missing: "the agent gives no answer" },
      { do: "drain" },
    ],
    [
      "one that answers and lets nobody in is not dead",
      machines["shut-out"],
      { hosts: noStatus("host-b", three) },
      {
        do: "refuse",
        reasons: ["host-b gives root no root rights"],
        next: expect.stringMatching(/It may live and validate.*Allow it\..*switch the machine off/),
      },
    ],
  ])("%s", (_, machine, more, expected) => expect(step(machine, more)).toMatchObject(expected));
});

describe("a host whose machine a cloud makes", () => {
  const old = { status: "running", ageMs: newForMs };
  const fresh = { status: "running", ageMs: newForMs - 1 };
  const booting = { status: "initializing", ageMs: bootsForMs - 1 };
  test.each<[string, Machine, Partial<Situation>, object]>([
    ["serves", machines.old, { cloud: old }, { do: "drain" }],
    ["is out of service", machines.drained, { cloud: old }, { do: "make-machine", dead: false }],
    ["is dead", machines.silent, { cloud: old }, { do: "make-machine", dead: true }],
    ["is dead and off", machines.silent, { cloud: { ...old, status: "off" } }, { do: "make-machine", dead: true }],
    ["was made a moment ago, and boots", machines.silent, { cloud: fresh }, { do: "deploy", refresh: false }],
    ["was made a moment ago, and is meant", machines.silent, { cloud: fresh, anew: true }, { do: "make-machine" }],
    [
      "was made a moment ago, and is off",
      machines.silent,
      { cloud: { ...fresh, status: "off" } },
      { do: "make-machine" },
    ],
    [
      "was made by the call that was cut off, and is meant",
      machines.silent,
      { cloud: booting, anew: true },
      { do: "deploy", refresh: false },
    ],
    ["boots, and has not got our key yet", machines["shut-out"], { cloud: booting }, { do: "deploy" }],
    ["answers and lets nobody in", machines["shut-out"], { cloud: old }, { do: "refuse" }],
    [
      "is off since it let nobody in",
      machines["shut-out"],
      { cloud: { ...old, status: "off" } },
      { do: "make-machine" },
    ],
    [
      "has no server: one was deleted, none made",
      machines.silent,
      { cloud: "absent" },
      { do: "deploy", refresh: true },
    ],
    [
      "cannot be asked for at the provider's",
      machines.silent,
      { cloud: "unknown" },
      { do: "make-machine", dead: true },
    ],
    ["is new and empty", machines.bare, { cloud: fresh }, { do: "deploy", refresh: false }],
    [
      "is answered for by somebody else",
      machines["other-key"],
      { cloud: old },
      { do: "refuse", reasons: ["another key"] },
    ],
    ["is new and whole", machines.new, { cloud: fresh }, { do: "done" }],
  ])("%s", (_, machine, more, expected) =>
    expect(
      step(machine, {
        hosts: ["silent", "shut-out"].includes(machine.is) ? noStatus("host-b", three) : three,
        ...more,
      }),
    ).toMatchObject(expected),
  );
  test("is deleted only when another host says that it holds nothing, or its power is off", () => {
    const voteless = three.map((host) => ({
      ...host,
      status: null,
      ...(host.name === "host-b" && { roles: ["neard"] as const }),
    }));
    expect(step(machines.silent, { cloud: old, hosts: voteless })).toMatchObject({
      do: "refuse",
      reasons: [expect.stringContaining("it may live and validate")],
    });
    expect(step(machines.silent, { cloud: { ...old, status: "off" }, hosts: voteless })).toMatchObject({
      do: "make-machine",
    });
  });
  test("is deleted only while the others can do without it", () => {
    const hosts = noStatus("host-b", noStatus("host-c"));
    expect(step(machines.silent, { cloud: old, hosts })).toMatchObject({ do: "refuse" });
  });
});

describe("what must stay", () => {
  test("the last standby, and the operator may say that it need not", () => {
    expect(step(machines.old, { hosts })).toEqual({
      do: "refuse",
      reasons: ["host-b is the only standby that is ready: without it no host could take over from host-a"],
      next: expect.stringContaining("holdfast replace host-b --without-standby"),
    });
    expect(step(machines.old, { hosts, withoutStandby: true })).toEqual({ do: "drain" });
  });
  test("the quorum, whatever the operator says, and both are named", () => {
    const refused = step(machines.old, { hosts: noStatus("host-c") });
    expect(refused).toMatchObject({
      do: "refuse",
      reasons: [expect.stringContaining("(host-c gives no answer)"), expect.stringContaining("the only standby")],
      next: expect.stringContaining("Mend that first"),
    });
    expect(step(machines.old, { hosts: noStatus("host-c"), withoutStandby: true })).toMatchObject({
      do: "refuse",
      reasons: [expect.stringContaining("host-c gives no answer")],
    });
  });
  test("a dead one while most others are silent too: the way out is told, of one that answers it is not", () => {
    const alone = hosts.map((host) => (host.name === "host-a" ? host : { ...host, status: null }));
    const next = (of: typeof hosts, cloud: Situation["cloud"]) => {
      const refused = step(machines.silent, { hosts: of, cloud });
      return refused.do === "refuse" ? refused.next : refused.do;
    };
    const page = 'docs/operate/replace-a-host.md, "Most Consul servers are gone for good"';
    expect(next(alone, { status: "running", ageMs: newForMs })).toMatch(
      /delete its server in the provider's console.* pulumi up --refresh/,
    );
    expect(next(alone, { status: "running", ageMs: newForMs })).toContain(page);
    expect(next(alone, null)).toBe(
      `Mend that first; holdfast status shows when it is. If most of Consul's servers are gone for good: ${page}.`,
    );
    const answers = step(machines.old, { hosts: noStatus("host-c") });
    expect(answers).toMatchObject({ next: "Mend that first; holdfast status shows when it is." });
  });
  test("a silent host that others see hold the lock is no dead one", () => {
    const holds = noStatus("host-a", three);
    expect(step(machines.silent, { host: "host-a", hosts: holds })).toMatchObject({
      do: "refuse",
      reasons: [expect.stringContaining("it lives and may validate")],
    });
  });
  test("a machine that is replaced already is not held up by it", () => {
    expect(step(machines.bare, { hosts: noStatus("host-b", noStatus("host-c")) })).toEqual({
      do: "deploy",
      refresh: false,
    });
    expect(step(machines.drained, { hosts: noStatus("host-b", noStatus("host-c")) })).toMatchObject({
      do: "await-machine",
    });
  });
});

describe("when a host is as it was", () => {
  const of = (name: string, more: object = {}) => {
    const host = three.find((one) => one.name === name) as HostNow;
    return missingOn({ ...host, status: host.status && { ...host.status, ...more } });
  };
  const consul = { reachable: true, leader: "host-c", isLeader: false, voter: true, healthy: true };
  const neard = standbyStatus("host-b").neard;
  test.each<[string, object, string | null]>([
    ["host-b", {}, null],
    ["host-a", {}, null],
    ["host-c", {}, null],
    ["host-b", { consul: { ...consul, reachable: false } }, "Consul on host-b does not answer yet"],
    ["host-b", { consul: { ...consul, voter: false } }, "Consul on host-b has no vote yet"],
    ["host-c", { consul: { ...consul, healthy: false } }, "Consul on host-c is not caught up yet"],
    ["host-b", { neard: null }, "neard on host-b does not run yet"],
    ["host-b", { neard: { ...neard, synced: false, height: 12 } }, "neard on host-b is not in sync yet (height 12)"],
    [
      "host-b",
      { ready: false, notReadyBecause: "its head is old" },
      "host-b is standby, and could not take over yet: its head is old",
    ],
    ["host-b", { role: "starting" }, "host-b is starting, and could not take over yet"],
  ])("%s %j", (name, more, missing) => expect(of(name, more)).toBe(missing));
  test("silence is not health", () =>
    expect(missingOn({ ...(three[1] as HostNow), status: null })).toBe("the agent on host-b gives no answer yet"));
});

describe("what a machine says of itself", () => {
  const said = (more: Record<string, string> = {}) =>
    Object.entries({
      identity: Buffer.from(JSON.stringify(identity)).toString("base64"),
      agent: "active enabled ",
      consul: "active enabled ",
      specs: "agent.json consul.json neard.json system.json ",
      now: String(Date.parse("2026-01-01T01:00:00Z") / 1000),
      ...more,
    })
      .map(([name, value]) => `${name}=${value}`)
      .join("\n");
  test.each<[string, Record<string, string>, object]>([
    ["serves", {}, { is: "deployed", ageMs: 3_600_000, isDraining: false }],
    ["has nothing", { identity: "", specs: "", agent: "inactive", consul: "inactive" }, { is: "bare" }],
    ["was deployed in part", { specs: "system.json consul.json " }, { is: "bare" }],
    ["is out of service", { agent: "inactive disabled ", consul: "failed disabled " }, { is: "drained" }],
    ["is half out of service", { agent: "inactive disabled " }, { is: "deployed", isDraining: true }],
    [
      "was only stopped: a boot starts it",
      { agent: "inactive enabled ", consul: "inactive enabled " },
      { is: "deployed" },
    ],
  ])("%s", (_, more, expected) => expect(machineFrom("host-b", said(more))).toMatchObject(expected));
  test("other words are no answer", () =>
    expect(() => machineFrom("host-b", "", "sh: not found")).toThrow(
      expect.objectContaining({ code: "HF_HOST_LOGIN", message: "host-b does not say how it is: sh: not found." }),
    ));
});
