import { describe, expect, test } from "vitest";
import type { Server } from "../../hcloud/schemas.ts";
import type { SettingsInput } from "../config/schema.ts";
import { type Cloud, type HostAtCloud, isAtCloud, type Topology } from "../config/topology.ts";
import {
  emptyProject as nothing,
  wholeCloud,
  wholeState,
  stateWithout as wholeStateWithout,
} from "../testing/cloud.ts";
import { sampleCloudInput, sampleHcloud, sampleHostKey, sampleTopology } from "../testing/sample.ts";
import { judgeThings, projectFaults, remainingFaults, sectionFaults } from "./cloud-project.ts";
import { type CloudState, cloudStateFrom, type ProjectFacts } from "./cloud-state.ts";

const topology = sampleTopology(sampleCloudInput());
const { facts, resources } = wholeCloud(topology);
const state = wholeState(topology);
const newState = cloudStateFrom({});
const nothingSeen = { faults: [], doubts: [], unfinished: [] };
const messages = (found: readonly { readonly message: string }[]) => found.map(({ message }) => message);
const judge = (more: Partial<ProjectFacts> = {}, of: CloudState = state, at: Topology = topology) =>
  judgeThings(at, at.cloud as Cloud, of, { ...facts, ...more }, new Set());
const faults = (...args: Parameters<typeof judge>) => messages(judge(...args).faults);
const doubts = (...args: Parameters<typeof judge>) => messages(judge(...args).doubts);
const withServer = (id: number, more: Partial<Server>) =>
  facts.servers.map((server) => (server.id === id ? { ...server, ...more } : server));
const stateWithout = (...names: string[]) => wholeStateWithout(resources, ...names);

test("a stack that is as it should be", () => {
  expect(projectFaults(state, facts)).toEqual([]);
  expect(judge()).toEqual(nothingSeen);
});

test("a new stack in a project that has nothing of its names", () => {
  expect(projectFaults(newState, nothing)).toEqual([]);
  expect(judge(nothing, newState)).toEqual(nothingSeen);
});

describe("the token's project", () => {
  test("is another: none of the ids answers", () => {
    const [fault] = projectFaults(state, nothing);
    expect(fault).toMatchObject({ code: "HF_CLOUD", next: expect.stringContaining("hcloud.token") });
    expect(fault?.message).toContain("of another project than this stack's");
    expect(fault?.message).toContain("(server 100 of host-a, server 101 of host-b, server 102 of host-c and 10 more)");
  });
  test("is another though it has things of the same names", () => {
    const twins = Object.fromEntries(
      Object.entries(facts).map(([kind, all]) => [
        kind,
        all.map((one: { id: number }) => ({ ...one, id: one.id + 5000 })),
      ]),
    ) as unknown as ProjectFacts;
    expect(projectFaults(state, twins)).toHaveLength(1);
  });
  test("is the right one as long as one id answers", () =>
    expect(projectFaults(state, { ...nothing, networks: facts.networks })).toEqual([]));
});

describe("settings that say nothing of Hetzner any more", () => {
  test("without the section, while hosts are there", () => {
    const [fault, ...others] = sectionFaults(state);
    expect(fault).toMatchObject({
      code: "HF_CONFIG_INVALID",
      message: expect.stringContaining("(server 100 of host-a, server 101 of host-b, server 102 of host-c and 3 more)"),
    });
    expect(others).toEqual([]);
  });
  test("without the section, once no host is there", () => {
    const hosts = Object.entries(resources).filter(([, { type }]) => !/Server|primaryIp/.test(type));
    expect(sectionFaults(cloudStateFrom(Object.fromEntries(hosts)))).toEqual([]);
    expect(sectionFaults(newState)).toEqual([]);
  });
  test("of one host, whatever its protection", () => {
    const existing = { name: "host-c", address: "10.233.9.9", hostKey: sampleHostKey("other") };
    const at = sampleTopology(sampleCloudInput({ hosts: [...sampleCloudInput().hosts.slice(0, 2), existing] }));
    expect(faults({}, state, at)).toEqual([
      "holdfast:hosts: host-c has no cloud any more, but this stack has made it at Hetzner (server 102 of host-c), and would delete that",
    ]);
  });
});

describe("a name that is taken", () => {
  test("by what a run that was cut off has made, or by another stack", () => {
    const all = judge({}, newState).faults;
    expect(messages(all)).toContain(
      "Hetzner has a server holdfast-localnet-host-a (id 100) already, which is not in this stack's state",
    );
    expect(messages(all)).toContain(
      "Hetzner has a network holdfast-localnet (id 1) already, which is not in this stack's state",
    );
    // Three servers with addresses and groups, network, two firewalls, and the key.
    expect(all).toHaveLength(3 * 3 + 1 + 2 + 1);
    for (const { next } of all) expect(next).toContain("holdfast:hcloud.name");
    // What may validate is not to be deleted, and nothing else can be adopted.
    for (const { message, next } of all)
      expect(next.includes("nothing was deployed to it") && next.includes("cloud.adopt")).toBe(
        /a (server|public address) /.test(message),
      );
  });
  test("is somebody else's business where nothing of ours is called so", () =>
    expect(faults({ servers: [...facts.servers, { ...(facts.servers[0] as Server), id: 900, name: "web" }] })).toEqual(
      [],
    ));
});

describe("the SSH key", () => {
  const named = (hcloud: object) => sampleTopology({ ...sampleCloudInput(), hcloud: sampleHcloud(hcloud) });
  test("is in the project already, under another name", () => {
    const keys = [
      { id: 9, name: "laptop", fingerprint: "", public_key: `${sampleHostKey("operator")} me@laptop`, labels: {} },
    ];
    const all = judge({ ...nothing, ssh_keys: keys }, newState);
    expect(messages(all.faults)).toEqual([
      "The project has this stack's SSH key already, under the name laptop (id 9), and takes none twice",
    ]);
    expect(all.faults[0]?.next).toContain("holdfast:hcloud.sshKeyName laptop");
    const at = named({ sshPublicKey: undefined, sshKeyName: "laptop" });
    expect(faults({ ...nothing, ssh_keys: keys }, newState, at)).toEqual([]);
  });
  test("that is named is not there", () => {
    const at = named({ sshPublicKey: undefined, sshKeyName: "laptop" });
    expect(faults({}, state, at)).toEqual([
      "holdfast:hcloud.sshKeyName is laptop, but the project has no SSH key of that name, only holdfast-localnet",
    ]);
  });
});

describe("a host's server", () => {
  describe("cannot move", () => {
    const moved = sampleTopology({
      ...sampleCloudInput(),
      hosts: sampleCloudInput().hosts.map((host, i) => (i === 0 ? { ...host, cloud: { location: "hel1" } } : host)),
    });
    const at = (more: Partial<ProjectFacts>, replaceable: readonly string[]) =>
      messages(
        judgeThings(moved, moved.cloud as Cloud, state, { ...facts, ...more }, new Set(replaceable)).faults,
      ).filter((message) => message.startsWith("host-a"));
    const where = "is in fsn1, but its cloud.location is hel1, and nothing of it can move there";
    test.each([[[]], [["host-a"]]])("not when it is replaced either: %j", (replaceable) =>
      expect(at({}, replaceable)).toEqual([`host-a (server 100, public address 203.0.113.1) ${where}`]),
    );
    test("its address stays where it is when there is no server any more", () =>
      expect(at({ servers: facts.servers.slice(1) }, [])).toEqual([`host-a (public address 203.0.113.1) ${where}`]));
    test("its place is told, and what to do", () => {
      const [fault] = judge({ servers: withServer(100, { location: { name: "nbg1" } }) }).faults;
      expect(fault?.message).toBe(
        "host-a (server 100) is in nbg1, but its cloud.location is fsn1, and nothing of it can move there",
      );
      expect(fault?.next).toContain("add a host of another name");
    });
  });
  test("has no power", () => {
    const [fault] = judge({ servers: withServer(101, { status: "off" }) }).faults;
    expect(fault?.message).toBe("host-b (server 101) has no power");
    expect(fault?.next).toContain("fenced");
  });
  test.each(["deleting", "migrating", "rebuilding", "stopping", "unknown"] as const)("is %s", (status) =>
    expect(faults({ servers: withServer(101, { status }) })).toEqual([`host-b (server 101) is ${status}`]),
  );
  test.each(["initializing", "starting"] as const)("is waited for: %s", (status) =>
    expect(judge({ servers: withServer(101, { status }) })).toEqual(nothingSeen),
  );
  test("was deleted by hand: a doubt, for the run may make it anew", () => {
    const found = judge({ servers: facts.servers.slice(1) });
    expect(found.faults).toEqual([]);
    expect(messages(found.doubts)).toEqual(["host-a has no server holdfast-localnet-host-a at Hetzner"]);
  });
  test("was detached by hand, or lost its address: a doubt", () => {
    expect(doubts({ servers: withServer(100, { private_net: [] }) })).toEqual([
      "host-a (server 100) is in no private network",
    ]);
    const loose = facts.primary_ips.map((one) => (one.id === 200 ? { ...one, assignee_id: null } : one));
    expect(doubts({ primary_ips: loose })).toEqual([
      "host-a (server 100) has another public address: 203.0.113.1 is not assigned to it",
    ]);
  });
  test("that this run completes is none: its attachment was never made", () =>
    expect(judge({ servers: withServer(100, { private_net: [] }) }, stateWithout("host-a-private"))).toEqual({
      ...nothingSeen,
      unfinished: ["host-a"],
    }));
  test("that stands without its firewall: a doubt, unless this run puts it there", () => {
    const bare = {
      servers: withServer(100, { public_net: { ...(facts.servers[0] as Server).public_net, firewalls: [] } }),
    };
    expect(doubts(bare)).toEqual(["host-a (server 100) has not all of its firewalls before it"]);
    const without = Object.entries(resources).map(([urn, one]) => [
      urn,
      urn.endsWith("::host-a") ? { ...one, outputs: { ...(one.outputs as object), firewallIds: [] } } : one,
    ]);
    expect(doubts(bare, cloudStateFrom(Object.fromEntries(without)))).toEqual([]);
    const hosts = topology.hosts.filter(isAtCloud);
    expect(
      messages(
        remainingFaults(
          topology.cloud as Cloud,
          hosts,
          new Map([
            ["host-a", 100],
            ["host-b", 101],
            ["host-c", 102],
          ]),
          { ...facts, ...bare },
        ),
      ),
    ).toEqual(["host-a (server 100) has not all of its firewalls before it"]);
  });
  test.each<[string, object, object]>([
    ["protected", { protect: false }, {}],
    ["protected no more", {}, { protect: false }],
    ["called otherwise", {}, { name: "other" }],
    ["elsewhere in the private network", {}, { network: { range: "10.234.0.0/16", subnet: "10.234.0.0/17" } }],
  ])("that is to be %s is no doubt: the settings say so, and an up without a refresh does it", (_, before, after) => {
    const at = (hcloud: object) => sampleTopology({ ...sampleCloudInput(), hcloud: sampleHcloud(hcloud) });
    const { facts: there, resources: had } = wholeCloud(at(before));
    const primary_ips = there.primary_ips.map((one) => ({
      ...one,
      protection: { delete: !("protect" in before) },
    }));
    expect(doubts({ ...there, primary_ips }, cloudStateFrom(had), at(after))).toEqual([]);
    // What Hetzner has otherwise than the state is one still.
    const loose = primary_ips.map((one) => (one.id === 200 ? { ...one, assignee_id: null } : one));
    expect(doubts({ ...there, primary_ips: loose }, cloudStateFrom(had), at(after))).toHaveLength(1);
  });
  test("that is to become another type is no doubt", () => {
    const { hosts } = sampleCloudInput();
    const [a, ...others] = hosts;
    const at = sampleTopology({
      ...sampleCloudInput(),
      hosts: [{ ...a, name: "host-a", cloud: { location: "fsn1", serverType: "cx43" } }, ...others],
    });
    expect(judge({}, state, at)).toEqual(nothingSeen);
  });
});

describe("afterwards", () => {
  const hosts = topology.hosts.filter(isAtCloud) as HostAtCloud[];
  const ids = new Map([
    ["host-a", 100],
    ["host-b", 101],
    ["host-c", 102],
  ]);
  test("a host that was in doubt is whole", () =>
    expect(remainingFaults(topology.cloud as Cloud, hosts, ids, facts)).toEqual([]));
  test("or is not, and only a refresh helps", () => {
    const [fault, ...others] = remainingFaults(topology.cloud as Cloud, hosts, ids, {
      ...facts,
      servers: facts.servers.slice(1),
    });
    expect(fault).toMatchObject({
      code: "HF_CLOUD",
      message: "host-a has no server holdfast-localnet-host-a at Hetzner",
      next: expect.stringContaining("pulumi up --refresh"),
    });
    expect(others).toEqual([]);
  });
  test("or has a new server, under another id", () => {
    const servers = [{ ...(facts.servers[0] as Server), id: 300 }, ...facts.servers.slice(1)];
    const primary_ips = facts.primary_ips.map((one) => (one.id === 200 ? { ...one, assignee_id: 300 } : one));
    expect(
      remainingFaults(topology.cloud as Cloud, hosts, new Map(ids).set("host-a", 300), {
        ...facts,
        servers,
        primary_ips,
      }),
    ).toEqual([]);
  });
});

test("what was deleted by hand besides a server is told at once", () =>
  expect(faults({ networks: [] })).toEqual(["Hetzner does not have network 1 any more, which the stack's state has"]));

describe("an address that another server has", () => {
  const web = { ...(facts.servers[0] as Server), id: 900, name: "old-web", private_net: [] };
  const held = {
    servers: [...facts.servers, web],
    primary_ips: facts.primary_ips.map((one) => (one.id === 201 ? { ...one, assignee_id: 900 } : one)),
  };
  const urn = "urn:pulumi:sample::holdfast::holdfast:index:Cloud$hcloud:index/primaryIp:PrimaryIp::host-b-address";
  const words =
    "host-b: its public address 203.0.113.2 is that of the server 900 (old-web), which this stack does not have, so no other server can be made under it";
  const without = stateWithout("host-b", "host-b-private");
  const gone = { ...held, servers: held.servers.filter(({ id }) => id !== 101) };
  test("as an adoption leaves it that was given up: how to go on, and how to give it up whole", () => {
    const [fault, ...others] = judge(gone, without).faults;
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ code: "HF_CLOUD", message: words });
    expect(fault?.next).toContain("put cloud.adopt (server: 900, primaryIp: 201) and hostKey of host-b back");
    expect(fault?.next).toContain(`pulumi state delete --force '${urn}'`);
  });
  test("is told before a server is deleted, and of one that was deleted", () => {
    const replacing = judgeThings(topology, topology.cloud as Cloud, state, { ...facts, ...held }, new Set(["host-b"]));
    expect(messages(replacing.faults)).toEqual([words]);
    expect(faults(gone)).toEqual([words]);
  });
  test("of a server that stays it is a doubt, and of one that nobody has there is nothing to say", () => {
    expect(judge(held).faults).toEqual([]);
    expect(doubts(held)).toEqual([expect.stringContaining("host-b (server 101) has another public address")]);
    const loose = facts.primary_ips.map((one) => (one.id === 201 ? { ...one, assignee_id: null } : one));
    expect(faults({ primary_ips: loose, servers: facts.servers.filter(({ id }) => id !== 101) }, without)).toEqual([]);
  });
  test("of a host that has left the settings: putting it back would have that server deleted", () => {
    const [a, , c] = sampleCloudInput().hosts as [SettingsInput["hosts"][0], unknown, SettingsInput["hosts"][0]];
    const at = sampleTopology(sampleCloudInput({ hosts: [a, c] }));
    const [fault, ...others] = judge(held, without, at).faults;
    expect(others).toEqual([]);
    expect(fault?.message).toBe(
      "host-b is not in holdfast:hosts any more, and its public address 203.0.113.2 is that of the server 900 (old-web), which this stack does not have",
    );
    expect(fault?.next).toContain(urn);
    expect(fault?.next).not.toContain("protect: false");
  });
});

describe("a host that leaves", () => {
  const { hosts } = sampleCloudInput();
  const at = sampleTopology({
    ...sampleCloudInput(),
    hosts: [...hosts.slice(0, 2), { name: "host-d", cloud: { location: "hel1" }, roles: ["consul"] }],
  });
  test("while it is protected", () => {
    const found = judge({}, state, at).faults.filter(({ message }) => message.includes("host-c"));
    expect(messages(found)).toEqual([
      "host-c is not made by this stack any more, but its server and its public address (id 202) are protected",
    ]);
    expect(found[0]?.next).toContain("cloud.protect: false");
  });
  test("when its protection was lifted before", () => {
    const lifted = Object.fromEntries(
      Object.entries(resources).map(([urn, one]) => [
        urn,
        urn.endsWith("host-c-address")
          ? { ...one, outputs: { ...(one.outputs as object), deleteProtection: false } }
          : one,
      ]),
    );
    expect(faults({}, cloudStateFrom(lifted), at)).toEqual([]);
  });
});
