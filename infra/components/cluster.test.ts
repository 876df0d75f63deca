import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test } from "vitest";
import { keyFileJson } from "../../contract/near-key.ts";
import { claimOf } from "../claim.ts";
import { crossCheck } from "../config/cross-checks.ts";
import { planDeployment } from "../plan/deployment.ts";
import type { HostMarks } from "../preflight/cloud-state.ts";
import type { Adopted } from "../secrets/adopted.ts";
import {
  sampleArtifactsByArch,
  sampleHost,
  sampleHostKey,
  sampleInput,
  sampleKey,
  sampleSettings,
  sampleTopology,
} from "../testing/sample.ts";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

let registered: Registered[] = [];
/** Name of the resource that is made slowly: what depends on it is registered after it, and all else before. */
let slow = "";
/** Which of its inputs each resource keeps as the state has them. */
const kept = new Map<string, readonly string[]>();
const privateKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nonly-for-connections\n-----END OPENSSH PRIVATE KEY-----\n";

/** Runs the program's resource part on a fake engine, which gives a Stash's input back as its output. */
async function register(
  hosts = sampleInput().hosts,
  gone: string[] = [],
  adopted?: Adopted,
  network = sampleInput().network,
  adopt?: string,
  bare: ReadonlySet<string> = new Set(),
  leftOut: ReadonlySet<string> = new Set(),
  marks: ReadonlyMap<string, HostMarks> = new Map(),
  drifted: ReadonlySet<string> = new Set(),
): Promise<Registered[]> {
  registered = [];
  const { Cluster } = await import("./cluster.ts");
  const { ClusterSecrets } = await import("../secrets/cluster-secrets.ts");
  const topology = sampleTopology({ hosts, gone, network, ...(adopt === undefined ? {} : { adopt }) });
  const plan = planDeployment(topology, sampleArtifactsByArch, leftOut);
  const secrets = await new ClusterSecrets("secrets", topology).make(
    pulumi.secret(keyFileJson(sampleKey)),
    undefined,
    {},
    adopted,
  );
  kept.clear();
  const keeps: pulumi.ResourceTransformation = ({ name, opts }) => {
    kept.set(name, (opts as pulumi.CustomResourceOptions).ignoreChanges ?? []);
    return undefined;
  };
  await Cluster.make(
    "cluster",
    {
      plan,
      secrets,
      claim: claimOf(secrets.id, topology, "organization/holdfast/sample"),
      access: { privateKey: pulumi.secret(privateKey) },
      packed: () => ({ path: "/dev/null", sha256: "ab".repeat(32) }),
      marks,
      drifted,
      bare,
      leftOut,
    },
    { transformations: [keeps] },
  );
  await pulumi.runtime.disconnect();
  return registered;
}

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: async ({ type, name, inputs }) => {
      if (name === slow) await sleep(100);
      registered.push({ type, name, inputs });
      const outputs = type === "pulumi:index:Stash" ? { ...inputs, output: inputs.input } : inputs;
      return { id: `${name}-id`, state: outputs };
    },
    call: () => ({}),
  });
});

/** A value that was registered as a secret: Pulumi wraps it, with this as the mark. */
const secretMark = "4dabf18193072939515e22adb298388d";
function secretsOnStdin({ name, inputs }: Registered): Record<string, string> {
  if (inputs.stdin === undefined) return {};
  const { [secretMark]: mark, value } = inputs.stdin as Record<string, string>;
  if (mark === undefined) throw new Error(`stdin of ${name} is not a secret`);
  return JSON.parse(value ?? "");
}

/** It has the private key in it. */
function connectionIn(inputs: Registered["inputs"] = {}): { readonly host: string; readonly hostKey: string } {
  const { [secretMark]: mark, value } = (inputs.connection ?? {}) as Record<string, unknown>;
  if (mark === undefined) throw new Error("a connection is not a secret");
  return value as { host: string; hostKey: string };
}

const commands = (all: Registered[]) => all.filter(({ type }) => type === "command:remote:Command");
const named = (all: Registered[], name: string) => all.find((one) => one.name === name)?.inputs;

describe("the sample's resources", () => {
  let all: Registered[];
  beforeAll(async () => {
    all = await register();
  });

  test("have these names; another name would be a migration", () =>
    expect(
      all
        .filter(({ type }) => !type.startsWith("holdfast:"))
        .map(({ name }) => name)
        .toSorted(),
    ).toMatchSnapshot());

  test("secrets travel on stdin and nowhere else", () => {
    let secretTexts = 0;
    for (const command of commands(all)) {
      const { name, inputs } = command;
      const shown = JSON.stringify([inputs.create, inputs.delete ?? "", inputs.update ?? "", inputs.environment ?? {}]);
      expect(inputs.addPreviousOutputInEnv, name).toBe(false);
      for (const secret of Object.values(secretsOnStdin(command))) {
        secretTexts += 1;
        expect(shown.includes(JSON.stringify(secret).slice(1, -1)), name).toBe(false);
      }
    }
    expect(secretTexts).toBeGreaterThan(20);
  });

  test("every host is told whose it is, and is only ever wiped or taken down in that name", () => {
    const claims = commands(all).flatMap((command) => secretsOnStdin(command).deployment ?? []);
    expect(claims).toHaveLength(12);
    const [claim] = claims.map((text): { id: string } => JSON.parse(text));
    expect(claim).toMatchObject({ id: expect.stringMatching(/^hf-/), stack: "organization/holdfast/sample" });
    expect(new Set(claims).size).toBe(1);
    // A token is taken back by a Consul that knows it, with that Consul's own management token.
    const isOnHost = ({ name, inputs }: Registered) => inputs.delete !== undefined && !name.endsWith("-token");
    for (const { name, inputs } of commands(all).filter(isOnHost))
      expect(inputs.delete, name).toContain(`--deployment ${claim?.id}`);
  });

  test("no host's Consul is touched before the last one has its program: who leads, and who is active, can go last then", async () => {
    slow = "host-c-runtime-consul";
    const names = (await register()).map(({ name }) => name);
    slow = "";
    for (const name of ["host-a-consul", "host-b-consul", "host-c-consul"])
      expect(names.indexOf(name), name).toBeGreaterThan(names.indexOf("host-c-runtime-consul"));
  });

  test("a Consul client waits for all servers: Pulumi's slots must not be full of those that wait for a leader", async () => {
    const [first] = sampleInput().hosts;
    const client = { ...first, name: "host-0", address: "192.0.2.99", roles: ["neard" as const] };
    slow = "host-c-consul";
    const names = (await register([client as NonNullable<typeof first>, ...sampleInput().hosts])).map(
      ({ name }) => name,
    );
    slow = "";
    expect(names.indexOf("host-0-consul")).toBeGreaterThan(names.indexOf("host-c-consul"));
    expect(names.indexOf("host-a-consul")).toBeLessThan(names.indexOf("host-c-consul"));
  });

  test("a host's old token goes after the last host has its new one, and with the tokens of all that are there", async () => {
    const tokens = named(all, "old-tokens");
    const given = Object.keys(secretsOnStdin({ type: "", name: "old-tokens", inputs: tokens ?? {} }));
    const hosts = sampleInput().hosts.map(({ name }) => `${name}/consul-token`);
    expect(given.toSorted()).toEqual([...hosts, "management-token", "mark"].toSorted());
    expect(tokens?.delete).toBeUndefined();
    for (const last of sampleInput().hosts.flatMap(({ name }) => [`${name}-agent`, `${name}-consul`])) {
      slow = last;
      const names = (await register()).map(({ name }) => name);
      slow = "";
      expect(names.indexOf("old-tokens"), last).toBeGreaterThan(names.indexOf(last));
    }
  });

  test("a host that is left out keeps every input that its commands have, and no other does; another one sets the ACLs", async () => {
    const { hosts } = sampleInput();
    const [first, ...others] = hosts;
    const all = await register(hosts, [], undefined, undefined, undefined, undefined, new Set(["host-a"]));
    const there = (inputs: Registered["inputs"]) => connectionIn(inputs).host === first?.address;
    const ownTokens = hosts.map(({ name }) => `${name}-token`);
    const its = all.filter(({ type, inputs }) => type.startsWith("command:remote:") && there(inputs));
    const asItIs = its.filter(({ name }) => !ownTokens.includes(name));
    expect(asItIs.map(({ name }) => name).toSorted()).toEqual(
      expect.arrayContaining([
        "host-a-agent",
        "host-a-consul",
        "host-a-neard",
        "host-a-runtime-prepare",
        "host-a-system",
      ]),
    );
    for (const { name, inputs } of asItIs)
      expect(kept.get(name), name).toEqual(expect.arrayContaining(Object.keys(inputs)));
    for (const { name, type } of all.filter(({ name }) => !asItIs.some((one) => one.name === name)))
      if (type !== "pulumi:index:Stash") expect(kept.get(name) ?? [], name).toEqual([]);
    // A token that is on its keeper's has nothing to run as long as its host is there.
    for (const { inputs } of its.filter(({ name }) => ownTokens.includes(name))) expect(inputs.create).toBeUndefined();
    for (const name of ["acl", "old-tokens"]) {
      const inputs = named(all, name) ?? {};
      expect(others.map(({ address }) => address)).toContain(connectionIn(inputs).host);
    }
    const given = secretsOnStdin(all.find(({ name }) => name === "old-tokens") as Registered);
    expect(
      Object.keys(given)
        .filter((name) => name.endsWith("/consul-token"))
        .toSorted(),
    ).toEqual(others.map(({ name }) => `${name}/consul-token`));
  });

  test("a host that leaves takes its own token back: after its agent and its neard, before its Consul, and told by nobody else", async () => {
    for (const { name, address } of sampleInput().hosts) {
      const leave = named(all, `${name}-leave`);
      expect(connectionIn(leave).host).toBe(address);
      expect(leave?.delete).toContain("leave-consul");
      expect(leave?.create).toBeUndefined();
    }
    const isAfter = async (first: string, ...others: string[]) => {
      slow = first;
      const names = (await register()).map(({ name }) => name);
      slow = "";
      const late = names.slice(names.indexOf(first) + 1);
      expect(late).toEqual(expect.arrayContaining(others));
      return late;
    };
    await isAfter("host-b-consul", "host-b-leave", "host-b-neard", "host-b-agent");
    expect(await isAfter("host-b-leave", "host-b-neard", "host-b-agent")).not.toContain("host-b-consul");
    await isAfter("host-c-leave", "host-c-agent");
  });

  describe("a stack that adopts its hosts", () => {
    const certified = { name: "host-a", certificate: "their certificate", privateKey: "their key" };
    const adopted: Adopted = {
      cluster: { gossipKey: "their gossip", trusted: "their authority" },
      managementToken: undefined,
      hosts: new Map([["host-a", { consulToken: "their token", nodeKey: "their node key", certified }]]),
    };
    const adopting = (values: Adopted) =>
      register(sampleInput().hosts, [], values, sampleInput().network, "hf-0123456789abcdef");
    const tokens = (all: Registered[]) =>
      new Set(commands(all).flatMap((command) => secretsOnStdin(command)["management-token"] ?? []));

    test("has their secrets, and trusts their authority beside its own", async () => {
      const after = await adopting(adopted);
      const consul = secretsOnStdin(after.find(({ name }) => name === "host-a-consul") as Registered);
      expect(consul).toMatchObject({
        "host-a/certificate": "their certificate",
        "host-a/tls-key": "their key",
        "host-a/consul-token": "their token",
      });
      expect(consul["ca-certificate"]).toMatch(/^-----BEGIN CERTIFICATE-----[\s\S]*their authority$/);
      expect(JSON.parse(consul["host-a/consul-secrets"] ?? "")).toEqual({
        encrypt: "their gossip",
        acl: { tokens: { agent: "their token" } },
      });
      const neard = after.find(({ name }) => name === "host-a-neard") as Registered;
      expect(secretsOnStdin(neard)["host-a/node-key"]).toBe("their node key");
    });

    test("has a management token of its own, which every Consul server is asked to take", async () => {
      const after = await adopting(adopted);
      const resets = after.filter(({ name }) => name.endsWith("-acl-reset"));
      expect(resets.map(({ name }) => name).toSorted()).toEqual(
        ["host-a", "host-b", "host-c"].map((host) => `${host}-acl-reset`),
      );
      for (const reset of resets) {
        expect(reset.inputs.create).toContain("acl-reset --management-secret management-token");
        expect(reset.inputs.delete).toBeUndefined();
        expect(Object.keys(secretsOnStdin(reset))).toEqual(["management-token"]);
      }
      const [token, ...others] = tokens(after);
      expect(token).toMatch(/^[0-9a-f-]{36}$/);
      expect(others).toEqual([]);
    });

    test("keeps theirs where a host of 0.1 told it", async () =>
      expect([...tokens(await adopting({ ...adopted, managementToken: "their management" }))]).toEqual([
        "their management",
      ]));

    test("and no other stack resets anything", () =>
      expect(all.filter(({ name }) => name.endsWith("-acl-reset"))).toEqual([]));
  });

  test("the management token goes to who sets up ACLs, takes tokens back or starts a server, and into no host's Consul", () => {
    const given = commands(all).filter((command) => "management-token" in secretsOnStdin(command));
    const takingBack = ["host-a", "host-b", "host-c"].flatMap((host) => [`${host}-leave`, `${host}-token`]);
    // A server that starts without data asks the others on behalf of the one that it replaces (first-start.ts).
    const servers = ["host-a-consul", "host-b-consul", "host-c-consul"];
    expect(given.map(({ name }) => name).toSorted()).toEqual(
      ["acl", "old-tokens", ...takingBack, ...servers].toSorted(),
    );
    // Of those that take back nothing is run before a host leaves.
    for (const { name, inputs } of given) expect(inputs.create === undefined, name).toBe(takingBack.includes(name));
    for (const name of servers) {
      const { stdin, create } = named(all, name) ?? {};
      expect(
        secretsOnStdin(given.find((one) => one.name === name) as Registered)["host-a/consul-secrets"] ?? "",
      ).not.toContain("initial_management");
      expect(`${create}`, `${stdin === undefined}`).not.toContain("management-token");
    }
    const token = secretsOnStdin(given[0] as Registered)["management-token"] ?? "";
    for (const command of commands(all).filter((one) => !given.includes(one)))
      expect(JSON.stringify(secretsOnStdin(command)).includes(token), command.name).toBe(false);
  });

  test("the validator key goes to the agents of neard hosts, and to them alone", () => {
    const holders = commands(all).filter((command) => "validator-key" in secretsOnStdin(command));
    expect(holders.map(({ name }) => name).toSorted()).toEqual(["host-a-agent", "host-b-agent"]);
  });

  test("every connection pins the host's key", () => {
    for (const { name, inputs } of all.filter(({ type }) => type.startsWith("command:remote:"))) {
      const { host, hostKey } = connectionIn(inputs);
      const expected = sampleInput().hosts.find(({ address }) => address === host)?.hostKey;
      expect(expected, name).toMatch(/^ssh-/);
      expect(hostKey, name).toBe(expected);
    }
  });

  test("one more host changes nobody else's secrets", async () => {
    const before = all.filter(({ type }) => type === "pulumi:index:Stash").map(({ name }) => name);
    const after = await register([...sampleInput().hosts, sampleHost("host-d", 14, ["consul"])]);
    const names = after.filter(({ type }) => type === "pulumi:index:Stash").map(({ name }) => name);
    expect(names.filter((name) => !before.includes(name)).toSorted()).toEqual([
      "secrets-host-d",
      "secrets-host-d-certificate-server-192.0.2.14",
    ]);
    expect(before.filter((name) => !names.includes(name))).toEqual([]);
    expect(named(after, "host-b-neard")?.create).toEqual(named(all, "host-b-neard")?.create);
  });

  test("a machine that was set up anew under its old host key is made anew from the ground, and no other", async () => {
    const bare = await register(
      sampleInput().hosts,
      [],
      undefined,
      sampleInput().network,
      undefined,
      new Set(["host-b"]),
    );
    expect(named(bare, "host-b-runtime-prepare")?.create).toMatch(/\n# machine [0-9a-f-]{36}$/);
    const copies = bare.filter(({ type }) => type === "command:remote:CopyToRemote");
    const triggers = (host: string) =>
      copies.filter(({ name }) => name.startsWith(host)).map(({ inputs }) => inputs.triggers);
    for (const all of triggers("host-b"))
      expect(all).toEqual([sampleHostKey("host-b"), expect.stringMatching(/^machine /)]);
    for (const all of triggers("host-a")) expect(all).toEqual([sampleHostKey("host-a")]);
    for (const host of ["host-a", "host-c"])
      expect(named(bare, `${host}-runtime-prepare`)?.create, host).not.toContain("# machine");
  });

  test("marks that the state has stay; only what is done over gets another, with everything that stands on it", async () => {
    const kept = (host: string): [string, HostMarks] => [host, { converge: `${host} as it was`, machine: "first" }];
    const before = new Map(["host-a", "host-b"].map(kept));
    const { hosts, network } = sampleInput();
    const at = async (drifted: readonly string[]) => {
      const all = await register(
        hosts,
        [],
        undefined,
        network,
        undefined,
        undefined,
        undefined,
        before,
        new Set(drifted),
      );
      const markOf = (name: string) => secretsOnStdin(all.find((one) => one.name === name) as Registered).mark;
      return { markOf, input: named(all, "marks")?.input as Record<string, HostMarks> };
    };
    const quiet = await at([]);
    for (const concern of ["system", "consul", "neard", "agent"])
      expect(quiet.markOf(`host-a-${concern}`)).toBe("host-a as it was");
    expect(quiet.input["host-b"]).toEqual(before.get("host-b"));
    expect(quiet.input["host-c"]).toEqual({ converge: expect.stringMatching(/^[0-9a-f-]{36}$/), machine: "first" });
    const { markOf, input } = await at(["host-b"]);
    expect(markOf("host-a-agent")).toBe("host-a as it was");
    expect(input["host-b"]?.converge).toMatch(/^[0-9a-f-]{36}$/);
    for (const concern of ["system", "consul", "neard", "agent"])
      expect(markOf(`host-b-${concern}`)).toBe(input["host-b"]?.converge);
  });

  test("marks are in the state before anything is done on a host: what a run that is cut off has not done is found by them", async () => {
    slow = "marks";
    const names = (await register()).map(({ name }) => name);
    slow = "";
    for (const { name } of sampleInput().hosts)
      expect(names.indexOf(`${name}-runtime-prepare`), name).toBeGreaterThan(names.indexOf("marks"));
  });

  test("where others dial a host is said with its own node key, in clear, and changes no other host", async () => {
    const before = named(all, "host-b-neard")?.create;
    const hosts = sampleInput().hosts.map((host) =>
      host.name === "host-a" ? { ...host, publicAddrs: ["203.0.113.7:24567"] } : host,
    );
    const after = await register(hosts);
    const command = after.find(({ name }) => name === "host-a-neard") as Registered;
    const nodeKey: { public_key: string } = JSON.parse(secretsOnStdin(command)["host-a/node-key"] ?? "");
    expect(command.inputs.create).toContain(`${nodeKey.public_key}@203.0.113.7:24567`);
    expect(command.inputs.create).not.toContain("%{");
    expect(named(after, "host-b-neard")?.create).toEqual(before);
  });

  test("a host waits for the others as long as the neards of seven may take to be in sync, and is not ended before", async () => {
    const after = await register(sampleInput().hosts, [], undefined, "mainnet");
    const twelveHours = 12 * 3600;
    for (const concern of ["consul", "neard", "agent"]) {
      const create = String(named(after, `host-a-${concern}`)?.create);
      const others = Number(/--others-within (\d+)/.exec(create)?.[1]);
      const all = Number(/timeout --kill-after=10 (\d+) /.exec(create)?.[1]);
      expect(others, concern).toBeGreaterThan(7 * twelveHours);
      expect(all, concern).toBeGreaterThan(others + (concern === "neard" ? twelveHours : 0));
    }
  });

  test("whatever hosts are called, no two resources are the same one", async () => {
    const pieces = ["cluster", "authority", "acl", "system", "consul", "leave", "token", "neard", "agent", "marks"];
    pieces.push("runtime", "secrets");
    const names = [
      ...pieces.flatMap((one) => [one, `a-${one}`]),
      "a",
      "secrets-cluster",
      "a-runtime-node",
      "certificate",
    ];
    const hosts = [...new Set(names)].map((name, i) =>
      sampleHost(name, 1, i % 2 ? ["consul"] : ["neard", "consul"], { address: `10.0.0.${i + 1}` }),
    );
    const { faults } = crossCheck(sampleSettings({ hosts }), () => true);
    const refused = hosts
      .map(({ name }) => name)
      .filter((name) => faults.some(({ message }) => message.includes(`named ${name}:`)));
    const keys = (all: Registered[]) => all.map(({ type, name }) => `${type} ${name}`);
    const doubles = (all: string[]) => all.filter((key, i) => all.indexOf(key) !== i);
    expect(doubles(keys(await register(hosts.filter(({ name }) => !refused.includes(name)))))).toEqual([]);
    // And no name is refused for nothing.
    expect(doubles(keys(await register(hosts))).map((key) => key.replace("pulumi:index:Stash secrets-", ""))).toEqual(
      expect.arrayContaining(refused),
    );
    expect(refused.toSorted()).toEqual(["authority", "cluster"]);
  });

  test("a host that is gone is sent no command, and keeps no secret", async () => {
    const before = await register([...sampleInput().hosts, sampleHost("host-d", 14, ["consul"])]);
    const deletes = before.filter(({ name, inputs }) => name.startsWith("host-d") && inputs.delete !== undefined);
    const after = await register(sampleInput().hosts, ["host-d"]);
    const kept = after.filter(({ name }) => name.includes("host-d") && !name.endsWith("-runtime"));
    expect(kept.map(({ name }) => name)).toEqual(expect.arrayContaining(deletes.map(({ name }) => name)));
    for (const { type, inputs } of kept) {
      expect(type).toBe("command:remote:Command");
      expect(Object.keys(inputs).toSorted()).toEqual(["addPreviousOutputInEnv", "connection"]);
    }
  });
});
