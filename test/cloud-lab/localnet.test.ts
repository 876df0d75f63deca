/** `npm run localnet -- --cloud` as a person runs it: hosts that the real plugin makes, a validator on them, and nothing left behind. */
import { existsSync, readdirSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, expect, test } from "vitest";
import { askWitness, resetWitness } from "../../lab/hosts/chain.ts";
import { askCloud, cloudIsOn } from "../../lab/hosts/cloud.ts";
import { labPaths, loadLab } from "../../lab/hosts/description.ts";
import { ensureImage } from "../../lab/hosts/image.ts";
import { isOn } from "../../lab/hosts/power.ts";
import { onHost } from "../../lab/hosts/ssh.ts";
import { ensureTools } from "../../toolchain/tools.ts";

const root = join(import.meta.dirname, "../..");
const name = process.env.HOLDFAST_CLOUD_LAB ?? "cloud";

/** Issue 12: from a removed cluster, with the tools present. */
const mostSeconds = 90;
/** As in test/scenarios/long/replace.test.ts. */
const longestSilenceSeconds = 3;

async function localnet(...args: string[]): Promise<{ seconds: number; said: string }> {
  const startMs = performance.now();
  const { all, exitCode } = await execa(process.execPath, [join(root, "lab/localnet.ts"), "--lab", name, ...args], {
    cwd: root,
    all: true,
    reject: false,
  });
  expect(exitCode, all).toBe(0);
  return { seconds: (performance.now() - startMs) / 1000, said: String(all) };
}

const counts = async () => (await askCloud(loadLab(name), "GET", "/counts")) as { reads: number; writes: number };

interface ApiServer {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly public_net: { readonly ipv4: { readonly id: number; readonly ip: string } };
}

async function api(method: string, path: string): Promise<{ servers: ApiServer[] }> {
  const { cloud, gateway } = loadLab(name);
  const response = await fetch(`http://${gateway}:${cloud?.port}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${cloud?.token}` },
  });
  return (await response.json()) as { servers: ApiServer[] };
}

afterAll(async () => {
  if (existsSync(labPaths(name).dir)) await localnet("down");
});

test("three hosts from the cloud and a validator on them; a second run writes nothing to the API", async () => {
  await ensureTools({ only: ["hcloud-plugin"] });
  // Once for all labs, as the tools.
  await ensureImage(console.log, undefined, "cloud");
  await localnet("down");
  const { seconds, said } = await localnet("up", "--cloud");
  const lab = loadLab(name);
  expect(lab.hosts.map((host) => host.name).toSorted(), said).toEqual(["host-a", "host-b", "host-c"]);
  expect((await askWitness(lab)).current?.silentMs).toBeLessThan(5000);
  for (const host of lab.hosts)
    expect(await onHost(lab, host, "ip -4 -o address show dev enp7s0")).toContain(`${host.privateNet?.address}/`);
  const before = await counts();
  await localnet("up", "--cloud");
  expect((await counts()).writes).toBe(before.writes);
  console.log(
    `up from a removed cluster in ${seconds.toFixed(0)} s, with ${before.writes} writes and ${before.reads} reads of the API`,
  );
  expect(seconds, said).toBeLessThan(mostSeconds);
});

/** It takes two minutes: a new server boots, and gets its vote. */
const isLong = process.env.HOLDFAST_CLOUD_REPLACE === "1";

test.runIf(isLong)(
  "holdfast replace of the standby: another server at the same address, and the validator signs on",
  async () => {
    const active = (await askWitness(loadLab(name))).current?.host;
    const standby = active === "host-a" ? "host-b" : "host-a";
    const server = async () => (await api("GET", `/servers?name=holdfast-localnet-${standby}`)).servers[0];
    const before = await server();
    await resetWitness(loadLab(name));
    const startMs = performance.now();
    const args = ["replace", standby, "--yes", "--anew", "--without-standby", "--stack", loadLab(name).stack];
    const { all, exitCode } = await execa(process.execPath, [join(root, "cli/main.ts"), ...args], {
      ...{ cwd: root, all: true, reject: false, stdin: "ignore" },
    });
    expect(exitCode, all).toBe(0);
    expect(all).toContain(`${standby} is replaced`);
    const after = await server();
    expect(after).toMatchObject({ status: "running", public_net: { ipv4: before?.public_net.ipv4 } });
    expect(after?.id).not.toBe(before?.id);
    const { current, gaps, overlapMs, doubleSigned } = await askWitness(loadLab(name));
    const longest = Math.max(0, ...gaps.map(({ seconds }) => seconds));
    console.log(
      `replaced in ${((performance.now() - startMs) / 1000).toFixed(0)} s, longest silence ${longest.toFixed(1)} s`,
    );
    expect({ host: current?.host, overlapMs, doubleSigned }).toEqual({ host: active, overlapMs: 0, doubleSigned: [] });
    expect(longest, JSON.stringify(gaps)).toBeLessThanOrEqual(longestSilenceSeconds);
  },
);

test("a host's power is the API's to give: off for real, and back with its private address", async () => {
  const lab = loadLab(name);
  const { servers } = await api("GET", "/servers?name=holdfast-localnet-host-c");
  const id = servers[0]?.id;
  const host = lab.hosts.find(({ server }) => server?.id === id);
  if (host === undefined) throw new Error("the lab has no host for the server");
  const settled = async (status: string) => {
    await expect
      .poll(async () => (await api("GET", `/servers?name=${host.server?.name}`)).servers[0]?.status)
      .toBe(status);
  };
  await api("POST", `/servers/${id}/actions/poweroff`);
  await settled("off");
  expect(isOn(lab, host.name)).toBe(false);
  await api("POST", `/servers/${id}/actions/poweron`);
  await settled("running");
  await expect
    .poll(() => onHost(lab, host, "ip -4 -o address show dev enp7s0").catch(() => ""), {
      timeout: 30_000,
      interval: 500,
    })
    .toContain(`${host.privateNet?.address}/`);
});

test("down leaves nothing behind", async () => {
  const lab = loadLab(name);
  await localnet("down");
  expect(existsSync(labPaths(name).dir)).toBe(false);
  expect(cloudIsOn(lab)).toBe(false);
  expect(Object.keys(networkInterfaces())).not.toContain(lab.bridge);
  expect(readdirSync("/sys/class/net").filter((card) => card.includes(`hf${lab.index}-`))).toEqual([]);
  expect(existsSync(join(root, `Pulumi.${lab.stack}.yaml`))).toBe(false);
});
