/** A cluster of hosts of which Pulumi makes some: what the commands on them are told of addresses that nobody chose. */
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test } from "vitest";
import { keyFileJson } from "../../contract/near-key.ts";
import { claimOf } from "../claim.ts";
import { stackOutputs } from "../outputs.ts";
import { planCloud } from "../plan/cloud.ts";
import { planDeployment } from "../plan/deployment.ts";
import { cloudStateFrom } from "../preflight/cloud-state.ts";
import {
  sampleArtifactsByArch,
  sampleCloudInput,
  sampleHost,
  sampleHostKey,
  sampleKey,
  sampleToken,
  sampleTopology,
} from "../testing/sample.ts";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}
let registered: Registered[] = [];
/** Each host's own, by the names of its resources. */
const publicAddress = (name: string) => `203.0.113.${name.charCodeAt("host-".length) - 96}`;

const topology = sampleTopology({
  ...sampleCloudInput(),
  hosts: [...sampleCloudInput().hosts, sampleHost("host-x", 14, ["consul"], { address: "10.233.200.14" })],
});
let outputs: ReturnType<typeof stackOutputs>;

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs });
        const made =
          type === "pulumi:index:Stash"
            ? { output: inputs.input }
            : type === "hcloud:index/primaryIp:PrimaryIp"
              ? { ipAddress: publicAddress(name) }
              : {};
        return { id: "7", state: { ...inputs, ...made } };
      },
      call: () => ({}),
    },
    "holdfast",
    "sample",
  );
  registered = [];
  const [{ Cloud }, { Cluster }, { ClusterSecrets }] = await Promise.all([
    import("./cloud.ts"),
    import("./cluster.ts"),
    import("../secrets/cluster-secrets.ts"),
  ]);
  const cloud = planCloud(topology);
  if (cloud === null) throw new Error("the sample has no cloud");
  const makeHostKey = (host: string) => ({ privateKey: "PRIVATE", publicKey: sampleHostKey(host) });
  const { places } = new Cloud("cloud", {
    plan: cloud,
    token: pulumi.secret(sampleToken),
    replaceable: new Set(),
    state: cloudStateFrom({}),
    takingOver: new Map(),
    makeHostKey,
  });
  const secrets = await new ClusterSecrets("secrets", topology).make(pulumi.secret(keyFileJson(sampleKey)), undefined);
  await Cluster.make("cluster", {
    plan: planDeployment(topology, sampleArtifactsByArch),
    secrets,
    claim: claimOf(secrets.id, topology, "organization/holdfast/sample"),
    access: { privateKey: pulumi.secret("key"), places },
    packed: () => ({ path: "/dev/null", sha256: "ab".repeat(32) }),
    marks: new Map(),
    drifted: new Set(),
    bare: new Set(),
    leftOut: new Set(),
  });
  outputs = stackOutputs({ topology, sshPrivateKey: "key", hcloudToken: sampleToken }, places, secrets.managementToken);
  await pulumi.runtime.disconnect();
});

const remote = () => registered.filter(({ type }) => type.startsWith("command:remote:"));
const connectionOf = ({ inputs }: Registered) => {
  const { value } = inputs.connection as { value?: object };
  return (value ?? inputs.connection) as { host: string; hostKey: string; user: string; port: number };
};

test("every command dials the public address, and takes the made host key and no other", () => {
  const own = remote().filter(({ name }) => !name.endsWith("-token"));
  expect(own.length).toBeGreaterThan(30);
  for (const one of own) {
    const host = /^host-./.exec(one.name)?.[0] ?? "host-a";
    const expected =
      host === "host-x" ? { host: "10.233.200.14" } : { host: publicAddress(host), user: "root", port: 22 };
    expect(connectionOf(one), one.name).toMatchObject({ ...expected, hostKey: sampleHostKey(host) });
  }
});

test("no mark is left anywhere", () => expect(JSON.stringify(registered)).not.toContain("%{own-"));

test("copies belong to the machine that has the host key", () => {
  for (const { name, inputs } of registered.filter(({ type }) => type.endsWith(":CopyToRemote")))
    expect(inputs.triggers, name).toContain(sampleHostKey(name.slice(0, 6)));
});

describe("neard", () => {
  const create = (name: string) => String(registered.find((one) => one.name === `${name}-neard`)?.inputs.create);
  test("tells its peers each host's own public address", () => {
    for (const name of ["host-a", "host-b"]) {
      const told = [...create(name).matchAll(/ed25519:[1-9A-HJ-NP-Za-km-z]{32,44}@(203\.[0-9.]+:\d+)/g)].map(
        ([, at]) => at,
      );
      expect(told).toEqual([`${publicAddress(name)}:24567`]);
    }
  });
});

test("Consul, the agents and the certificates know private addresses alone, from the settings", () => {
  const certificates = registered.filter(({ name }) => name.includes("-certificate-")).map(({ name }) => name);
  for (const { name, address } of topology.hosts)
    expect(certificates).toContain(`secrets-${name}-certificate-server-${address}`);
  for (const { name, inputs } of remote().filter(({ name: of }) => /-(consul|agent|system)$/.test(of)))
    expect(String(inputs.create), name).not.toContain("203.0.113.");
});

test("the stack's outputs say where this machine reaches each host, and the token is secret", async () => {
  const known = await new Promise<
    { name: string; address: string; ssh: { host?: string; hostKey: string }; cloud?: object }[]
  >((resolve) => pulumi.output(outputs.hosts).apply((hosts) => resolve(hosts as never)));
  expect(known.find(({ name }) => name === "host-b")).toMatchObject({
    address: "10.233.11.39",
    ssh: { host: publicAddress("host-b"), hostKey: sampleHostKey("host-b") },
    cloud: { provider: "hcloud", serverName: "holdfast-localnet-host-b", serverType: "cx33", location: "nbg1" },
  });
  expect(known.find(({ name }) => name === "host-x")).not.toHaveProperty("cloud");
  expect(await (outputs.hcloudAccess as unknown as { isSecret: Promise<boolean> }).isSecret).toBe(true);
});
