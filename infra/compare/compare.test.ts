import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hostWords } from "../../cli/plan/host-words.ts";
import type { SettingsInput } from "../config/schema.ts";
import { anySettings } from "../testing/arbitrary.ts";
import { sampleCloudInput, sampleHost, sampleHostKey, sampleInput } from "../testing/sample.ts";
import { sampleStackFile } from "../testing/stack-file.ts";
import { type Comparison, compare, isSame } from "./compare.ts";
import type { HostChange } from "./host-changes.ts";
import { makeSide, type Side } from "./side.ts";
import { readStackFile } from "./stack-file.ts";

const programs = { holdfastd: "base", node: "24", consul: "1.20" };

function side(more: Partial<SettingsInput> = {}, cipher?: string, of = programs): Side {
  const { side: made, faults } = makeSide(readStackFile(sampleStackFile(more, cipher), "Pulumi.x.yaml"), of);
  if (made === null) throw new Error(faults.map(({ message }) => message).join("; "));
  return made;
}

const [a, b, c] = sampleInput().hosts as [
  SettingsInput["hosts"][0],
  SettingsInput["hosts"][0],
  SettingsInput["hosts"][0],
];
const { neard } = sampleInput();
const against = (more: Partial<SettingsInput>) => compare(side(), side(more));
const restarts = ({ hosts }: Comparison) =>
  Object.fromEntries(hosts.map(({ name, concerns }) => [name, concerns.flatMap((concern) => concern.restarts)]));
const states = ({ hosts }: Comparison) => Object.fromEntries(hosts.map(({ name, state }) => [name, state]));
const risks = ({ risks: all }: Comparison) => all.map(({ name, weight }) => `${weight} ${name}`);
const agents = { "host-a": ["holdfastd.service"], "host-b": ["holdfastd.service"], "host-c": ["holdfastd.service"] };

test("the same settings do nothing", () => {
  const same = compare(side(), side());
  expect(isSame(same)).toBe(true);
  expect(same).toMatchObject({ settings: [], order: [], risks: [], key: { moves: "no" } });
});

describe("what docs/operate/changes.md says of a change is what is told of it", () => {
  test("another release of neard: neard on one host after the other, and the key moves once", () => {
    const found = against({ neard: { ...neard, version: "2.14.0" } });
    expect(found.settings).toEqual([{ setting: "neard.version", before: "2.13.4", after: "2.14.0" }]);
    expect(restarts(found)).toEqual({ "host-a": ["neard.service"], "host-b": ["neard.service"], "host-c": [] });
    expect(found.order).toEqual([
      { title: expect.stringContaining("neard restarts"), hosts: ["host-a", "host-b"], oneByOne: true },
    ]);
    expect(found.key.moves).toBe("yes");
    expect(states(found)["host-c"]).toBe("same");
  });
  test("a setting of neard's own: the line that changes", () => {
    const found = against({ neard: { ...neard, config: { archive: true } } });
    const [change] = found.hosts[0]?.concerns[0]?.changes ?? [];
    expect(change).toMatchObject({
      what: "/var/lib/neard/config.json",
      lines: ["-   }", "+   },", '+   "archive": true'],
    });
  });
  test("the lease: the agents, arbiters first, and the key stays", () => {
    const found = against({ lease: { leaseMs: 6000 } });
    expect(restarts(found)).toEqual(agents);
    expect(found.order).toEqual([
      { title: expect.stringContaining("agents of arbiters"), hosts: ["host-c"], oneByOne: true },
      { title: expect.stringContaining("the active host last"), hosts: ["host-a", "host-b"], oneByOne: true },
    ]);
    expect(found.key.moves).toBe("no");
  });
  test("the firewall: nothing restarts", () => {
    const found = against({ firewall: { monitoring: ["198.51.100.0/24"] } });
    expect(restarts(found)).toEqual({ "host-a": [], "host-b": [], "host-c": [] });
    expect(found.hosts[0]?.concerns[0]?.reloads).toEqual(["holdfast-firewall.service"]);
  });
  test("a host more: the agents learn of it, neither Consul nor neard restarts", () => {
    const found = against({ hosts: [a, b, c, sampleHost("host-d", 14, ["consul"], { zone: "rack-4" })] });
    expect(restarts(found)).toEqual({ ...agents, "host-d": [] });
    expect(states(found)["host-d"]).toBe("new");
    expect(found.key.moves).toBe("no");
  });
  test("another validator key: the agents of neard hosts", () => {
    const found = compare(side(), side({}, "v1:other:one"));
    expect(restarts(found)).toEqual({ ...agents, "host-c": [] });
    expect(risks(found)).toEqual(["danger validator-key-set"]);
    expect(JSON.stringify(found)).not.toContain("v1:");
  });
  test("other code of holdfast's: the agents", () => {
    const found = compare(side(), side({}, undefined, { ...programs, holdfastd: "head" }));
    expect(restarts(found)).toEqual(agents);
    expect(found.order[0]).toMatchObject({ title: "programs are copied and put in place", oneByOne: false });
  });
  test("another login: every command runs again and does nothing", () => {
    const found = against({ hosts: [{ ...a, user: "admin" }, b, c] });
    expect(states(found)).toEqual({ "host-a": "changes", "host-b": "same", "host-c": "same" });
    expect(restarts(found)["host-a"]).toEqual([]);
  });
});

describe("risks", () => {
  test("fencing that is weakened, and a wait that is skipped", () => {
    const fence: NonNullable<typeof a.fence> = { device: "command", command: ["/bin/bmc"] };
    const hosts = [{ ...a, fence }, { ...b, fence }, c];
    const from = (more: Partial<SettingsInput>) =>
      compare(side({ hosts, fencing: "required" }), side({ hosts, ...more }));
    expect(risks(from({ fencing: "bestEffort" }))).toEqual(["note fencing-weakened"]);
    expect(risks(from({ fencing: "required", fencingSkipsWait: true }))).toEqual(["note fencing-weakened"]);
    expect(risks(from({ fencing: "required" }))).toEqual([]);
  });
  const d = sampleHost("host-d", 14, ["neard", "consul"], { zone: "rack-1" });
  const e = sampleHost("host-e", 15, ["neard", "consul"], { zone: "rack-5" });
  test("both hosts with neard in one zone, and with them the majority", () =>
    expect(risks(against({ hosts: [a, { ...b, zone: "rack-1" }, c] }))).toEqual(["note zone", "note zone"]));
  test("a host that may be active leaves", () => {
    const found = against({ hosts: [a, c, e] });
    expect(states(found)).toEqual({ "host-a": "changes", "host-c": "changes", "host-e": "new", "host-b": "leaves" });
    expect(risks(found)).toEqual(["note active-replaced"]);
    expect(found.key).toMatchObject({ moves: "maybe", because: expect.stringContaining("host-b leaves") });
    expect(found.order.at(-1)?.hosts).toEqual(["host-b"]);
  });
  test("one that loses its role neard gives the key away before anything else of it goes", () => {
    const found = against({ hosts: [{ ...a, roles: ["consul"] }, b, c, e] });
    expect(found.key).toMatchObject({
      moves: "maybe",
      because: expect.stringContaining("host-a has no neard any more"),
    });
    const disturbed = found.hosts[0]?.concerns.flatMap(({ concern, disturbs }) =>
      disturbs.map((what) => [concern, what]),
    );
    expect(disturbed).toEqual([
      ["system", "neard"],
      // Its roles stand in Consul's node meta.
      ["consul", "consul"],
      ["neard", "neard"],
      ["agent", "neard"],
    ]);
  });
  test("a host under its old name with another host key is another machine", () => {
    const found = against({ hosts: [{ ...a, hostKey: sampleHostKey("other") }, b, c] });
    expect(states(found)["host-a"]).toBe("replaced");
    expect(risks(found)).toEqual(["note active-replaced"]);
  });
  test("all of them at once: nobody stands by, and Consul loses its majority", () =>
    expect(risks(against({ hosts: [c, d, e] }))).toEqual(["danger quorum-lost", "danger no-standby-left"]));
  test("two Consul servers move at once", () => {
    const moved = [{ ...a, address: "192.0.2.91" }, b, { ...c, address: "192.0.2.93" }];
    expect(risks(against({ hosts: moved }))).toEqual(["danger quorum-lost"]);
  });
  test("fewer servers than before", () => {
    const five = [a, b, c, { ...d, zone: "rack-4" }, e];
    expect(risks(compare(side({ hosts: five }), side({ hosts: five.slice(0, 4) })))).toContain("note quorum-falls");
  });
  test("another account is another deployment", () =>
    expect(risks(against({ validator: { account: "other.localnet" } }))).toEqual(["danger other-deployment"]));
  test("a lease with next to nothing to spare", () => {
    const found = against({ lease: { leaseMs: 6700, skewMs: 300 } });
    expect(found.risks).toEqual([
      expect.objectContaining({
        name: "lease-edge",
        message: expect.stringContaining("leave 300 ms between two holders; 290 ms"),
      }),
    ]);
  });
  test("SSH from fewer addresses", () =>
    expect(risks(against({ firewall: { ssh: ["192.0.2.0/24"] } }))).toEqual(["note ssh-narrowed"]));
});

describe("hosts that a cloud makes", () => {
  const cloudHost = (i: number, more: object = {}, own: object = {}) => {
    const host = (sampleCloudInput().hosts as SettingsInput["hosts"])[i] as SettingsInput["hosts"][0];
    return { ...host, ...own, cloud: { ...(host.cloud as NonNullable<typeof host.cloud>), ...more } };
  };
  const cloudSide = (...hosts: object[]) => side({ ...sampleCloudInput(), hosts: hosts as SettingsInput["hosts"] });
  const [ca, cb, cc] = [0, 1, 2].map((i) => cloudHost(i)) as [object, object, object];
  const before = cloudSide(ca, cb, cc);

  test("all that could validate at one provider's is worth a note, and nothing else", () =>
    expect(risks(compare(before, before))).toEqual(["note provider"]));
  test("another type: powered off, by itself, first of all, and the key may move", () => {
    const found = compare(before, cloudSide(cloudHost(0, { serverType: "cx43" }), cb, cc));
    expect(states(found)).toEqual({ "host-a": "changes", "host-b": "same", "host-c": "same" });
    expect(found.hosts[0]?.machine).toEqual([{ what: "serverType cx33 becomes cx43", powersOff: true }]);
    expect(found.order[0]).toMatchObject({ title: expect.stringContaining("powered off"), hosts: ["host-a"] });
    expect(found.key).toEqual({
      moves: "maybe",
      because: "only if the active host is among these: host-a is powered off to become another type",
    });
    expect(risks(found)).toEqual(["note powered-off", "note provider"]);
    expect(hostWords(found.hosts[0] as HostChange)).toBe("serverType cx33 becomes cx43: powered off and on");
    expect(isSame(found)).toBe(false);
  });
  test("of two at once, both named: a danger", () => {
    const found = compare(
      before,
      cloudSide(cloudHost(0, { serverType: "cx43" }), cb, cloudHost(2, { serverType: "cx33" })),
    );
    expect(found.risks[0]).toMatchObject({
      name: "powered-off",
      weight: "danger",
      message: expect.stringContaining("host-a: serverType cx33 becomes cx43; host-c: serverType cx23 becomes cx33"),
    });
  });
  test("another image waits for another machine, and moves nothing", () => {
    const found = compare(before, cloudSide(cloudHost(0, { image: "debian-14" }), cb, cc));
    expect(found.hosts[0]?.machine.map(({ powersOff }) => powersOff)).toEqual([false]);
    expect(found.key.moves).toBe("no");
    expect(hostWords(found.hosts[0] as HostChange)).toContain(
      "image debian-13 becomes debian-14: when the machine is replaced",
    );
  });
  test("protection that is removed", () =>
    expect(risks(compare(before, cloudSide(ca, cloudHost(1, { protect: false }), cc)))).toContain(
      "note protection-removed",
    ));
  test("a host that existed and is made now is another machine", () => {
    const existing = sampleHost("host-c", 13, ["consul"], { address: "10.233.5.5", zone: "rack-3" });
    expect(states(compare(before, cloudSide(ca, cb, existing)))["host-c"]).toBe("replaced");
    const adopt = { server: 4711, primaryIp: 815 };
    const adopted = (hostKey: string | undefined) => ({
      ...existing,
      hostKey,
      cloud: { location: "hel1", adopt },
    });
    const is = (hostKey: string | undefined) =>
      states(compare(cloudSide(ca, cb, existing), cloudSide(ca, cb, adopted(hostKey))))["host-c"];
    expect([is(existing.hostKey), is(sampleHostKey("another"))]).toEqual(["changes", "replaced"]);
  });
});

test("with nothing to compare with, every host is new and the key is nowhere yet", () => {
  const found = compare(null, side());
  expect(states(found)).toEqual({ "host-a": "new", "host-b": "new", "host-c": "new" });
  expect(found).toMatchObject({ settings: [], key: { moves: "no" } });
});

describe("for any two sound configurations", () => {
  const pair = fc.tuple(anySettings, anySettings);
  test("a comparison is made, and each host that changes is in the order", () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const found = compare(side(before), side(after));
        const ordered = new Set(found.order.flatMap(({ hosts }) => hosts));
        for (const host of found.hosts)
          if (host.concerns.length > 0 || host.runtime) expect(ordered).toContain(host.name);
        for (const { name, concerns, state } of found.hosts)
          if (state === "changes")
            for (const { disturbs } of concerns)
              for (const what of disturbs)
                expect(
                  found.order.some(
                    ({ hosts, oneByOne, title }) =>
                      oneByOne && hosts.includes(name) && title.toLowerCase().includes(what),
                  ),
                ).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
  test("a version compared with itself does nothing", () => {
    fc.assert(
      fc.property(anySettings, (input) => {
        expect(isSame(compare(side(input), side(input)))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});
