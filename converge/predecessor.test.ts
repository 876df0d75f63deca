import { expect, test } from "vitest";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { planDeployment } from "../infra/plan/deployment.ts";
import { sampleArtifactsByArch, sampleHost, sampleInput, sampleTopology } from "../infra/testing/sample.ts";
import { accessIn, serversIn } from "./first-start.ts";
import { dismissPredecessor, type OtherServer, predecessorsIn, type RaftServer } from "./predecessor.ts";

const own = { host: "host-b", address: "192.0.2.12" };
const list = (...names: string[]): RaftServer[] =>
  names.map((name) => ({ name, address: `192.0.2.1${"abc".indexOf(name.at(-1) ?? "") + 1}` }));

/** Servers that share one view of the cluster, on a clock that only sleeping turns. */
class Cluster {
  servers = list("host-a", "host-b", "host-c");
  nowMs = 0;
  /** Until then gossip takes host-b for a living member. */
  aliveUntilMs = 0;
  hasQuorum = true;
  readonly left: string[] = [];
  readonly said: string[] = [];

  other(silent = false): OtherServer {
    const answer = <T>(value: T): Promise<T> =>
      silent ? Promise.reject(new Error("no answer")) : Promise.resolve(value);
    return {
      raftServers: () => answer(this.servers),
      seesAlive: () => answer(this.nowMs < this.aliveUntilMs),
      forceLeave: async (name) => {
        await answer(null);
        this.left.push(name);
        if (this.hasQuorum) this.servers = this.servers.filter((server) => server.name !== name);
      },
    };
  }

  dismiss(...others: OtherServer[]): Promise<boolean> {
    return dismissPredecessor({
      ...own,
      others,
      progress: (line) => void this.said.push(line),
      nowMs: () => this.nowMs,
      sleep: async (ms) => {
        this.nowMs += ms;
      },
    });
  }
}

test("the one that was here before is known by its name or by its address", () => {
  expect(predecessorsIn(list("host-a", "host-c"), own)).toEqual([]);
  expect(predecessorsIn(list("host-a", "host-b"), own)).toHaveLength(1);
  expect(predecessorsIn([{ name: "(unknown)", address: "192.0.2.12" }], own)).toHaveLength(1);
});

test("a first deployment waits for nobody", async () => {
  const cluster = new Cluster();
  expect(await cluster.dismiss(cluster.other(true), cluster.other(true))).toBe(false);
  cluster.servers = [];
  expect(await cluster.dismiss(cluster.other())).toBe(false);
  expect(cluster.nowMs).toBe(0);
});

test("a host that comes new, or left with a goodbye, is on no list", async () => {
  const cluster = new Cluster();
  cluster.servers = list("host-a", "host-c");
  expect(await cluster.dismiss(cluster.other(true), cluster.other())).toBe(false);
  expect(cluster.left).toEqual([]);
});

test("one that died is said goodbye for, once gossip has noticed it", async () => {
  const cluster = new Cluster();
  cluster.aliveUntilMs = 7000;
  expect(await cluster.dismiss(cluster.other(true), cluster.other())).toBe(true);
  expect(cluster.left).toEqual(["host-b"]);
  expect(cluster.nowMs).toBe(8000);
  expect(cluster.said[0]).toContain("they see it alive");
});

test("two machines under one name: the one without data is not started", async () => {
  const cluster = new Cluster();
  cluster.aliveUntilMs = Number.POSITIVE_INFINITY;
  await expect(cluster.dismiss(cluster.other())).rejects.toMatchObject({
    code: "HF_REFUSED",
    message: expect.stringContaining("another machine runs under this name"),
  });
  expect(cluster.left).toEqual([]);
});

test("without a majority nobody leaves the list, and nothing is started", async () => {
  const cluster = new Cluster();
  cluster.hasQuorum = false;
  await expect(cluster.dismiss(cluster.other())).rejects.toMatchObject({
    code: "HF_REFUSED",
    message: expect.stringContaining("may be no majority without it"),
  });
});

test("the others and the own address are those of Consul's own configuration", () => {
  const plan = planDeployment(sampleTopology(), sampleArtifactsByArch);
  const filesOf = (name: string) =>
    hostSpecSchema.parse(plan.hosts.find(({ host }) => host.name === name)?.consul.spec).files;
  expect(serversIn(filesOf("host-b"))).toEqual({ address: "192.0.2.12", others: ["192.0.2.11", "192.0.2.13"] });
  const client = sampleTopology({
    hosts: [...sampleInput().hosts, sampleHost("host-d", 14, ["neard"])],
  });
  const [, , , hostD] = planDeployment(client, sampleArtifactsByArch).hosts;
  expect(serversIn(hostSpecSchema.parse(hostD?.consul.spec).files)).toBeNull();
});

test("what an apply of Consul brings along lets a server ask the others, and the token is on no host", () => {
  const { hosts } = planDeployment(sampleTopology(), sampleArtifactsByArch);
  for (const { host, consul } of hosts) {
    const spec = hostSpecSchema.parse(consul.spec);
    const secrets = Object.fromEntries(consul.secrets.map((name) => [name, `value of ${name}`]));
    const isServer = host.roles.includes("consul");
    expect(accessIn({ spec, secrets })?.token, host.name).toBe(isServer ? "value of management-token" : undefined);
    expect(JSON.stringify(spec)).not.toContain("management-token");
  }
});
