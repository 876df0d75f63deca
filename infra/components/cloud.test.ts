import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test } from "vitest";
import { cloudComponent, serverUrn } from "../../contract/cloud.ts";
import type { SettingsInput } from "../config/schema.ts";
import { planCloud } from "../plan/cloud.ts";
import { cloudStateFrom } from "../preflight/cloud-state.ts";
import {
  sampleCloudHost,
  sampleCloudInput,
  sampleHcloud,
  sampleHost,
  sampleHostKey,
  sampleToken,
  sampleTopology,
} from "../testing/sample.ts";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  /** As the engine is told, without what is the default. */
  readonly options: Record<string, unknown>;
}

/** A request to the engine, as Pulumi's SDK makes it: mocks are told inputs alone. */
type Request = Readonly<Record<string, (() => unknown) | undefined>>;
interface Monitor {
  registerResource(request: Request, ...rest: unknown[]): unknown;
}

let registered: Registered[] = [];
let requests: Request[] = [];
const keyPair = { privateKey: "PRIVATE HOST KEY", publicKey: "ssh-ed25519 AAAA" };

/** A value that was registered as a secret: Pulumi wraps it, with this as the mark. */
const secretMark = "4dabf18193072939515e22adb298388d";

async function register(
  more: Partial<SettingsInput> = {},
  replaceable: string[] = [],
  state = cloudStateFrom({}),
  takingOver: ReadonlyMap<string, string> = new Map(),
): Promise<Registered[]> {
  registered = [];
  requests = [];
  const { Cloud } = await import("./cloud.ts");
  const plan = planCloud(sampleTopology({ ...sampleCloudInput(), ...more }));
  if (plan === null) throw new Error("the sample has no cloud");
  new Cloud("cloud", {
    plan,
    token: pulumi.secret(sampleToken),
    replaceable: new Set(replaceable),
    state,
    takingOver,
    makeHostKey: () => keyPair,
  });
  await pulumi.runtime.disconnect();
  const inputsOf = (type: unknown, name: unknown) =>
    registered.find((one) => one.type === type && one.name === name)?.inputs ?? {};
  return requests.map((request) => {
    const [type, name] = [String(request.getType?.()), String(request.getName?.())];
    return { type, name, inputs: inputsOf(type, name), options: optionsOf(request) };
  });
}

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs, options: {} });
        const state =
          type === "pulumi:index:Stash"
            ? { ...inputs, output: inputs.input }
            : type === "hcloud:index/primaryIp:PrimaryIp"
              ? { ...inputs, ipAddress: "203.0.113.7" }
              : inputs;
        return { id: idOf(type, name), state };
      },
      call: () => ({}),
    },
    "holdfast",
    "sample",
  );
  const monitor = (pulumi.runtime as unknown as { getMonitor(): Monitor }).getMonitor();
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, ...rest) => {
    requests.push(request);
    return register(request, ...rest);
  };
});

function optionsOf(request: Request): Record<string, unknown> {
  const all = {
    protect: request.getProtect?.(),
    ignoreChanges: request.getIgnorechangesList?.(),
    deleteBeforeReplace: request.getDeletebeforereplacedefined?.() ? request.getDeletebeforereplace?.() : false,
    deletedWith: request.getDeletedwith?.(),
    retainOnDelete: request.getRetainondelete?.(),
    createTimeout: (request.getCustomtimeouts?.() as { getCreate(): string } | undefined)?.getCreate(),
    dependencies: request.getDependenciesList?.(),
    parent: request.getParent?.(),
    provider: request.getProvider?.(),
    import: request.getImportid?.(),
  };
  return Object.fromEntries(
    Object.entries(all).filter(
      ([, value]) =>
        value !== undefined && value !== false && value !== "" && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

/** The same each time, whatever comes first. */
function idOf(type: string, name: string): string {
  return String(
    [...`${type}${name}`].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 900_000, 7) + 100_000,
  );
}

const named = (all: Registered[], type: string, name: string) =>
  all.find((one) => one.type.endsWith(`:${type}`) && one.name === name) as Registered;
const ofType = (all: Registered[], type: string) => all.filter((one) => one.type.endsWith(`:${type}`));
const own = { parent: expect.stringMatching(/::cloud$/), provider: expect.stringContaining("hcloud") };

describe("a server that is adopted", () => {
  const adopt = { server: 4711, primaryIp: 815 };
  const hosts = [
    sampleCloudHost("host-a", { hostKey: sampleHostKey("own"), cloud: { location: "fsn1", adopt } }),
    ...sampleCloudInput().hosts.slice(1),
  ];
  const inState = (server: number) =>
    cloudStateFrom(
      Object.fromEntries(
        [
          ["hcloud:index/server:Server", "host-a", server],
          ["hcloud:index/primaryIp:PrimaryIp", "host-a-address", 815],
        ].map(([type, name, id]) => [
          `urn:pulumi:s::p::${type}::${name}`,
          { type: String(type), outputs: { id: String(id) } },
        ]),
      ),
    );
  const kept = ["image", "userData", "sshKeys", "location", "placementGroupId"];
  test("is imported with its address, and what would cost it that is left alone", async () => {
    const all = await register({ hosts });
    expect(named(all, "Server", "host-a").options).toMatchObject({
      import: "4711",
      ignoreChanges: [...kept, "publicNets", "backups"],
      protect: true,
    });
    expect(named(all, "PrimaryIp", "host-a-address").options).toMatchObject({ import: "815" });
    expect(named(all, "Stash", "host-a-adopted").inputs).toEqual({ input: "4711" });
    expect(named(all, "Server", "host-b").options).not.toHaveProperty("import");
  });
  test("is left alone, and not imported again, while it is there", async () => {
    const { options } = named(await register({ hosts }, [], inState(4711)), "Server", "host-a");
    expect(options).toMatchObject({ ignoreChanges: [...kept, "publicNets", "backups"] });
    expect(options).not.toHaveProperty("import");
  });
  test("that was replaced is one as any other", async () => {
    const all = await register({ hosts }, [], inState(5000));
    expect(named(all, "Server", "host-a").options).toMatchObject({ ignoreChanges: kept });
    expect(named(all, "Server", "host-a").options).not.toHaveProperty("import");
    expect(named(all, "Stash", "host-a-adopted")).toBeUndefined();
  });
});

test("what is taken over is imported, each by its id, and all else is made", async () => {
  const ids = { network: "1", subnet: "1-10.233.0.0/17", firewall: "2", "ssh-key": "4", "spread-fsn1": "10" };
  const all = await register({}, [], undefined, new Map(Object.entries(ids)));
  const imported = all.flatMap(({ name, options }) => (options.import === undefined ? [] : [[name, options.import]]));
  expect(Object.fromEntries(imported)).toEqual(ids);
});

describe("three hosts at three locations", () => {
  let all: Registered[];
  beforeAll(async () => {
    all = await register();
  });

  test("are these resources; another name would be a migration", () =>
    expect(all.map(({ type, name }) => `${type} ${name}`).toSorted()).toMatchSnapshot());

  test("with these inputs", () => {
    const shown = all.map(({ type, name, inputs }) => [`${type} ${name}`, inputs]);
    expect(JSON.parse(JSON.stringify(Object.fromEntries(shown)).replaceAll(sampleToken, "TOKEN"))).toMatchSnapshot();
  });

  test("what is lost for good with a deletion is protected: network, filter, groups, addresses", () => {
    for (const type of ["Network", "NetworkSubnet", "Firewall", "PlacementGroup"])
      for (const { name, options } of ofType(all, type)) {
        const { dependencies: _, ...rest } = options;
        expect(rest, name).toEqual({ ...own, protect: true });
      }
    for (const { name, options, inputs } of ofType(all, "PrimaryIp")) {
      expect(options, name).toEqual({ ...own, protect: true, deleteBeforeReplace: true, ignoreChanges: ["location"] });
      expect(inputs, name).toMatchObject({ type: "ipv4", autoDelete: false, deleteProtection: true });
      expect(inputs, name).not.toHaveProperty("assigneeType");
    }
  });

  test("a server is protected, kept as it was made, and replaced only after the old one is gone", () => {
    for (const { name, options } of ofType(all, "Server")) {
      const { dependencies, ...rest } = options;
      expect(rest, name).toEqual({
        ...own,
        protect: true,
        ignoreChanges: ["image", "userData", "sshKeys", "location", "placementGroupId"],
        deleteBeforeReplace: true,
        createTimeout: "15m",
      });
      // The subnet, and not a server: that would serialise them.
      expect(dependencies).toEqual(expect.arrayContaining([expect.stringContaining("NetworkSubnet::subnet")]));
      expect(JSON.stringify(dependencies)).not.toContain(":Server::");
    }
  });

  test("no server has inline networks: its attachment is a resource of its own, and goes with it", () => {
    for (const { inputs } of ofType(all, "Server")) expect(inputs).not.toHaveProperty("networks");
    for (const { name, options } of ofType(all, "ServerNetwork")) {
      const { dependencies: _, ...rest } = options;
      const server = name.replace(/-private$/, "");
      expect(rest, name).toEqual({
        ...own,
        deletedWith: serverUrn("sample", "holdfast", server),
        deleteBeforeReplace: true,
      });
    }
    expect(named(all, "ServerNetwork", "host-a-private").inputs.ip).toBe("10.233.79.234");
  });

  test("ids that name another resource are numbers", () => {
    const { inputs } = named(all, "Server", "host-a");
    expect(inputs.placementGroupId).toEqual(expect.any(Number));
    expect(inputs.firewallIds).toEqual([expect.any(Number), expect.any(Number)]);
    expect(inputs.publicNets).toEqual([{ ipv4Enabled: true, ipv4: expect.any(Number), ipv6Enabled: false }]);
    expect(named(all, "ServerNetwork", "host-a-private").inputs.serverId).toEqual(expect.any(Number));
    expect(named(all, "NetworkSubnet", "subnet").inputs.networkId).toEqual(expect.any(Number));
  });

  test("an arbiter is not behind the hole for neard's peers", () =>
    expect(named(all, "Server", "host-c").inputs.firewallIds).toHaveLength(1));

  test("the private host key is in the state only as a secret, and the token too", () => {
    for (const { name, inputs } of ofType(all, "Server")) {
      const { [secretMark]: mark, value } = inputs.userData as Record<string, string>;
      expect(mark, name).toBeDefined();
      expect(value).toContain(keyPair.privateKey);
    }
    expect(named(all, "hcloud", "hcloud").inputs.token).toMatchObject({ value: sampleToken });
    for (const { name, inputs } of ofType(all, "Stash"))
      expect((inputs.input as object)[secretMark as never], name).toBeDefined();
    const inClear = JSON.stringify(all, (_, value) =>
      typeof value === "object" && value !== null && secretMark in value ? "" : value,
    );
    expect(inClear).not.toContain(keyPair.privateKey);
    expect(inClear).not.toContain(sampleToken);
  });

  test("a host key is made once", () => {
    for (const { options } of ofType(all, "Stash")) expect(options.ignoreChanges).toEqual(["input"]);
  });

  test("the server's URN is the one that the command is told", () => {
    expect(all.some(({ type }) => type === cloudComponent)).toBe(true);
    expect(named(all, "ServerNetwork", "host-b-private").options.deletedWith).toBe(
      "urn:pulumi:sample::holdfast::holdfast:index:Cloud$hcloud:index/server:Server::host-b",
    );
  });
});

describe("protection", () => {
  const protects = (all: Registered[], type: string) =>
    Object.fromEntries(ofType(all, type).map(({ name, options }) => [name, options.protect === true]));
  test("is lifted from the one server that may be replaced in this run, and from nothing else", async () => {
    const all = await register({}, ["host-b"]);
    expect(protects(all, "Server")).toEqual({ "host-a": true, "host-b": false, "host-c": true });
    for (const type of ["PrimaryIp", "Network", "NetworkSubnet", "Firewall", "PlacementGroup"])
      expect(Object.values(protects(all, type))).not.toContain(false);
    for (const { inputs } of ofType(all, "PrimaryIp")) expect(inputs.deleteProtection).toBe(true);
  });
  test("of one host goes with its address and its group, at Hetzner too", async () => {
    const hosts = sampleCloudInput().hosts.map((host) =>
      host.name === "host-c" ? { ...host, cloud: { location: "hel1", protect: false } } : host,
    );
    const all = await register({ hosts });
    expect(protects(all, "Server")).toEqual({ "host-a": true, "host-b": true, "host-c": false });
    expect(protects(all, "PrimaryIp")).toEqual({
      "host-a-address": true,
      "host-b-address": true,
      "host-c-address": false,
    });
    expect(named(all, "PrimaryIp", "host-c-address").inputs.deleteProtection).toBe(false);
    expect(protects(all, "PlacementGroup")).toEqual({ "spread-fsn1": true, "spread-nbg1": true, "spread-hel1": false });
  });
  test("of all is one setting", async () => {
    const all = await register({ hcloud: sampleHcloud({ protect: false }) });
    for (const { name, options } of all) expect(options.protect, name).not.toBe(true);
  });
});

test("one more host changes nobody else's resources", async () => {
  const before = await register();
  const after = await register({ hosts: [sampleCloudHost("host-0"), ...sampleCloudInput().hosts] });
  for (const name of ["host-a", "host-b", "host-c"])
    expect(named(after, "Server", name).inputs).toEqual(named(before, "Server", name).inputs);
  const names = (all: Registered[]) => all.map(({ type, name }) => `${type} ${name}`);
  expect(
    names(after)
      .filter((name) => !names(before).includes(name))
      .toSorted(),
  ).toEqual([
    "hcloud:index/primaryIp:PrimaryIp host-0-address",
    "hcloud:index/server:Server host-0",
    "hcloud:index/serverNetwork:ServerNetwork host-0-private",
    "pulumi:index:Stash host-0-host-key",
  ]);
});

test("whatever else is wished: an endpoint, a key that is there, no placement group, labels, the mix with hosts that exist", async () => {
  const hosts = [...sampleCloudInput().hosts, sampleHost("host-x", 14, ["consul"])];
  const all = await register({
    hosts,
    hcloud: sampleHcloud({
      endpoint: "http://127.0.0.1:4100/v1/",
      sshPublicKey: undefined,
      sshKeyName: "laptop",
      spread: false,
      labels: { team: "night" },
    }),
  });
  expect(named(all, "hcloud", "hcloud").inputs).toMatchObject({
    endpoint: "http://127.0.0.1:4100/v1",
    pollFunction: "constant",
    pollInterval: "1s",
  });
  expect(ofType(all, "SshKey")).toEqual([]);
  expect(ofType(all, "PlacementGroup")).toEqual([]);
  expect(
    ofType(all, "Server")
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(["host-a", "host-b", "host-c"]);
  for (const { inputs } of ofType(all, "Server")) {
    expect(inputs.sshKeys).toEqual(["laptop"]);
    expect(inputs).not.toHaveProperty("placementGroupId");
    expect(inputs.labels).toMatchObject({ team: "night", "holdfast-cluster": "holdfast-localnet" });
  }
});

test("many hosts are asked about less often", async () => {
  const hosts = Array.from({ length: 9 }, (_, i) => sampleCloudHost(`host-${i}`));
  expect(named(await register({ hosts }), "hcloud", "hcloud").inputs.pollInterval).toBe("3s");
});

test("whatever hosts are called, no two resources are the same one", async () => {
  const pieces = ["network", "subnet", "ssh-key", "firewall", "firewall-neard", "hcloud", "cloud", "spread-fsn1"];
  const names = [...pieces, "a", "a-address", "a-private", "a-host-key", "a-address-address"];
  const all = await register({
    hcloud: sampleHcloud({ spread: true, network: { subnet: "10.233.0.0/17" } }),
    hosts: names.slice(0, 10).map((name) => sampleCloudHost(name)),
  });
  const keys = all.map(({ type, name }) => `${type} ${name}`);
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
});
