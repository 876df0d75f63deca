import { describe, expect, test } from "vitest";
import { arbiterStatus } from "../../cli/testing/cluster.ts";
import type { Cloud } from "../config/topology.ts";
import { sampleTypes, wholeCloud, wholeState } from "../testing/cloud.ts";
import { FakeProject } from "../testing/fake-project.ts";
import { sampleCloudInput, sampleHost, sampleTopology } from "../testing/sample.ts";
import { cloudStateFrom } from "./cloud-state.ts";
import { type CloudQuestion, lookAgain, lookAtCloud } from "./look-at-cloud.ts";

const topology = sampleTopology(sampleCloudInput());
const { facts } = wholeCloud(topology);
const question = (more: Partial<CloudQuestion> = {}): CloudQuestion => ({
  topology,
  cloud: topology.cloud as Cloud,
  state: wholeState(topology),
  replaceable: new Set(),
  leftOut: new Set(),
  preview: false,
  hostsNow: async () => [],
  ...more,
});

test("a stack with nothing to make asks for its own things, and for nothing else", async () => {
  const project = new FakeProject(facts);
  expect(await lookAtCloud(project.client(), question())).toEqual({
    faults: [],
    warnings: [],
    notes: [],
    doubtful: new Set(),
    adopting: new Map(),
    takingOver: new Map(),
  });
  expect(project.asked.toSorted()).toEqual([
    "firewalls",
    "networks",
    "placement_groups",
    "primary_ips",
    "servers",
    "ssh_keys",
  ]);
});

test("a new stack asks what can be had, once for each image", async () => {
  const project = new FakeProject({});
  const seen = await lookAtCloud(project.client(), question({ state: cloudStateFrom({}) }));
  expect(seen.faults).toEqual([]);
  expect(seen.notes).toHaveLength(3);
  expect(project.asked.filter((path) => path === "images")).toHaveLength(1);
});

test("a snapshot is asked for by its id, and one that is not there is a fault", async () => {
  const hosts = sampleCloudInput().hosts.map((host) => ({ ...host, cloud: { location: "fsn1", image: "4711" } }));
  const at = sampleTopology({ ...sampleCloudInput(), hosts });
  const seen = await lookAtCloud(new FakeProject({}).client(), question({ topology: at, state: cloudStateFrom({}) }));
  expect(seen.faults[0]?.message).toBe("host-a: Hetzner has no image 4711 for x86 machines");
});

test("a token of another project ends it: nothing else is said", async () => {
  const project = new FakeProject({});
  const seen = await lookAtCloud(project.client(), question());
  expect(seen.faults.map(({ message }) => message)).toEqual([expect.stringContaining("of another project")]);
  expect(project.asked).not.toContain("server_types");
});

test("a state that has lost its things ends it before anybody is asked: the token may be of another project", async () => {
  const { resources } = wholeCloud(topology);
  const kept = Object.entries(resources).filter(([, { type }]) => !type.startsWith("hcloud:"));
  const project = new FakeProject({});
  const seen = await lookAtCloud(project.client(), question({ state: cloudStateFrom(Object.fromEntries(kept)) }));
  expect(seen.faults.map(({ message }) => message)).toEqual([
    expect.stringContaining("has deployed to host-a, host-b"),
  ]);
  expect(project.asked).toEqual([]);
});

test("a server that was deleted by hand is a doubt, and whether there is another to be had is asked", async () => {
  const project = new FakeProject(
    { ...facts, servers: facts.servers.slice(1) },
    { serverTypes: sampleTypes.slice(0, 1) },
  );
  const seen = await lookAtCloud(project.client(), question());
  expect(seen.doubtful).toEqual(new Set(["host-a"]));
  expect(seen.warnings[0]).toContain("Only pulumi up --refresh sees that");
  expect(seen.faults.map(({ message }) => message)).toEqual(["host-a: Hetzner has no server type cx33"]);
  const ids = new Map([["host-a", 100]]);
  const again = await lookAgain(project.client(), topology.cloud as Cloud, topology.hosts.slice(0, 1) as never, ids);
  expect(again.map(({ message }) => message)).toEqual(["host-a has no server holdfast-localnet-host-a at Hetzner"]);
});

describe("a resize", () => {
  const [a, b, c] = sampleCloudInput().hosts;
  const resized = (...names: string[]) =>
    sampleTopology({
      ...sampleCloudInput(),
      hosts: [a, b, c].map((host) => ({
        ...host,
        cloud: {
          location: host?.cloud?.location ?? "",
          ...(names.includes(host?.name ?? "") ? { serverType: "cx43" } : {}),
        },
      })) as never,
    });
  test("of one host asks how the cluster is", async () => {
    let asked = 0;
    const hostsNow = async () => {
      asked += 1;
      return [];
    };
    const seen = await lookAtCloud(
      new FakeProject(facts).client(),
      question({ topology: resized("host-b"), hostsNow }),
    );
    expect(seen).toMatchObject({ faults: [], notes: [] });
    expect(asked).toBe(1);
  });
  test("of hosts to which nothing was deployed yet is nobody's loss", async () => {
    const hostsNow = async () => topology.hosts.map(({ name, roles }) => ({ name, roles, status: null }));
    const resize = async (state: CloudQuestion["state"]) =>
      (await lookAtCloud(new FakeProject(facts).client(), question({ topology: resized("host-b"), hostsNow, state })))
        .faults;
    const whole = wholeState(topology);
    const fresh = { ...whole, prepared: new Set<string>() };
    expect(await resize(fresh)).toEqual([]);
    expect(await resize(whole)).toMatchObject([{ message: expect.stringContaining("and not now") }]);
    expect(await resize({ ...fresh, adopted: new Map([["host-b", 101]]) })).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("and not now") }),
    );
  });
  test("of two in one run is refused", async () => {
    const seen = await lookAtCloud(
      new FakeProject(facts).client(),
      question({ topology: resized("host-a", "host-b") }),
    );
    expect(seen.faults.map(({ message }) => message)).toEqual([
      expect.stringContaining("would cut the power of all of them together"),
    ]);
  });
});

describe("a replacement", () => {
  const silent = topology.hosts.map(({ name, roles }) => ({ name, roles, status: null }));
  const asked = async (more: Partial<CloudQuestion>, servers = facts.servers) => {
    const given = question({ replaceable: new Set(["host-b"]), hostsNow: async () => silent, ...more });
    const seen = await lookAtCloud(new FakeProject({ ...facts, servers }).client(), given);
    return seen.faults.map(({ message }) => message);
  };
  test("asks whether the cluster can do without the host", async () =>
    expect(await asked({})).toEqual([expect.stringContaining("host-b is to be replaced, and not now")]));
  test("of a host to which nothing was deployed yet is nobody's loss", async () => {
    const prepared = new Set(["host-a", "host-c"]);
    expect(await asked({ state: { ...wholeState(topology), prepared } })).toEqual([]);
  });
  test("of one without a server is none", async () =>
    expect(
      await asked(
        {},
        facts.servers.filter(({ id }) => id !== 101),
      ),
    ).toEqual([]));
});

describe("two of three hosts that the state has lost", () => {
  const entries = Object.entries(wholeCloud(topology).resources);
  const isOfThem = (urn: string) => /::host-[bc](-address|-private)?$/.test(urn);
  const state = cloudStateFrom(Object.fromEntries(entries.filter(([urn]) => !isOfThem(urn))));
  const hostsNow = async () => topology.hosts.map(({ name, roles }) => ({ name, roles, status: null }));
  const asked = async (servers: typeof facts.servers, primary_ips = facts.primary_ips.slice(0, 1)) => {
    const given = question({ state, hostsNow, replaceable: new Set(["host-b", "host-c"]) });
    const seen = await lookAtCloud(new FakeProject({ ...facts, servers, primary_ips }).client(), given);
    return { faults: seen.faults.map(({ message }) => message), notes: seen.notes.length };
  };
  test("are made anew where Hetzner has nothing of them", async () =>
    expect(await asked(facts.servers.slice(0, 1))).toEqual({ faults: [], notes: 2 }));
  test("but not where no id of the state's says that this is the project in which they were", async () => {
    const { hosts } = sampleCloudInput();
    const mixed = sampleTopology(
      sampleCloudInput({ hosts: [sampleHost("host-a", 11, ["consul"]), ...hosts.slice(1)] }),
    );
    const left = entries.filter(([, { type }]) => !type.startsWith("hcloud:"));
    const given = question({
      topology: mixed,
      state: cloudStateFrom(Object.fromEntries(left)),
      hostsNow,
      replaceable: new Set(["host-b", "host-c"]),
    });
    const seen = await lookAtCloud(new FakeProject({}).client(), given);
    expect(seen.faults.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^host-b is to be replaced, and not now: host-b gives no answer/),
    ]);
  });
  test("but not one that another host sees hold the lock: it lives, and was never there", async () => {
    const now = [arbiterStatus("host-a"), null, null].map((status, i) => ({ ...topology.hosts[i], status }));
    const given = question({
      state,
      hostsNow: async () =>
        now.map(({ name = "", roles = [], status }) => ({
          name,
          roles,
          status: status && { ...status, holder: "host-b" },
        })),
      replaceable: new Set(["host-b", "host-c"]),
    });
    const project = new FakeProject({
      ...facts,
      servers: facts.servers.slice(0, 1),
      primary_ips: facts.primary_ips.slice(0, 1),
    });
    expect((await lookAtCloud(project.client(), given)).faults).toMatchObject([
      {
        code: "HF_REFUSED",
        message: expect.stringContaining("host-b gives no answer here, but holds the lock, as host-a sees it"),
      },
    ]);
  });
  test("but not where something may be one of them, under another name", async () => {
    const [a, b] = facts.servers as [(typeof facts.servers)[0], (typeof facts.servers)[0]];
    expect((await asked([a, { ...b, name: "web" }])).faults).toEqual([
      expect.stringMatching(/^host-b is to be replaced, and not now: host-b gives no answer/),
    ]);
  });
});

describe("a host that is left out of the run", () => {
  const servers = facts.servers.map((one) =>
    one.id === 101 ? { ...one, status: "off" as const, private_net: [] } : one,
  );
  const seen = async (leftOut: string[]) =>
    await lookAtCloud(new FakeProject({ ...facts, servers }).client(), question({ leftOut: new Set(leftOut) }));
  test("may be off, and whatever its server lacks: nobody waits for it", async () =>
    expect(await seen(["host-b"])).toMatchObject({ faults: [], warnings: [], doubtful: new Set() }));
  test("no other may be", async () => {
    expect((await seen(["host-c"])).faults).toMatchObject([
      {
        message: "host-b (server 101) has no power",
        next: expect.stringContaining("HOLDFAST_WITHOUT=host-b pulumi up"),
      },
    ]);
    expect((await seen([])).doubtful).toEqual(new Set(["host-b"]));
  });
});

describe("an API that does not answer", () => {
  const refused = new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "ECONNREFUSED" }) });
  test("ends an update before anything is made", async () => {
    const seen = await lookAtCloud(new FakeProject(refused).client(), question());
    expect(seen.faults).toMatchObject([
      { code: "HF_CLOUD", message: expect.stringContaining("nothing listens there") },
    ]);
  });
  test("is worth a word in a preview", async () => {
    const seen = await lookAtCloud(new FakeProject(refused).client(), question({ preview: true }));
    expect(seen.faults).toEqual([]);
    expect(seen.warnings).toEqual([
      expect.stringMatching(/^Whether Hetzner can do this was not looked at: .*pulumi up looks again/),
    ]);
  });
  test("but one that refuses the token is a fault there too", async () => {
    const seen = await lookAtCloud(new FakeProject("unauthorized").client(), question({ preview: true }));
    expect(seen.faults).toMatchObject([
      { code: "HF_CLOUD", message: expect.stringContaining("unauthorized"), next: expect.stringContaining("token") },
    ]);
  });
});
