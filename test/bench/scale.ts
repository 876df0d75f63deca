/**
 * `npm run bench -- --scale`: what many hosts, and hosts from the cloud, cost the operator who waits. Three labs' worth of
 * hosts on this machine, each pair measured in turn; all of it is removed at the end, whatever happens.
 * The thirty hosts of the preview are only in its settings: a first preview asks no host. They are
 * of the same kinds as the three, ten times as many.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { parseDocument } from "yaml";
import type { SettingsInput } from "../../infra/config/schema.ts";
import { startChain } from "../../lab/hosts/chain.ts";
import { type Lab, type LabChain, labPaths } from "../../lab/hosts/description.ts";
import { downLab, upLab } from "../../lab/hosts/lab.ts";
import { holdToCpu } from "../../lab/hosts/power.ts";
import { bringUp, configureStack, forgetStack, localPaths, type Stack } from "../../lab/localnet/stack.ts";
import { buildLabNeard } from "../../lab/neard/build.ts";
import { makeKeyPair } from "../../ssh/key-pair.ts";
import { stackEnvironment } from "../../toolchain/stack.ts";
import type { Tools } from "../../toolchain/tools.ts";
import { hostShare, type ScaleKind, type ScaleSample } from "./scale-table.ts";

const few = "scalea";
const many = "scaleb";
const cloud = "scalec";

export interface ScaleRun {
  readonly root: string;
  readonly tools: Tools;
  readonly runs: number;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
  readonly onSample: (sample: ScaleSample) => void;
}

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `host-${String.fromCharCode(97 + (i % 26))}${i < 26 ? "" : "2"}`);

/** @throws Error when a command fails, or what was not to change anything did; the signal's reason when it was interrupted. */
export async function measureScale(run: ScaleRun): Promise<void> {
  try {
    await previews(run);
    await ups(run, "up", hostShare);
    await ups(run, "up-shared", null);
    await noChange(run);
  } finally {
    for (const name of [few, many, cloud]) await remove(run, name);
  }
}

/** Base and other in turn, `runs` times. */
async function pairs(
  { runs, tell, signal, onSample }: ScaleRun,
  kind: ScaleKind,
  measure: (which: ScaleSample["which"]) => Promise<number>,
): Promise<void> {
  for (let count = 1; count <= runs; count++)
    for (const which of ["base", "other"] as const) {
      signal.throwIfAborted();
      const seconds = await measure(which);
      onSample({ kind, which, seconds });
      tell(`${kind} ${count} of ${runs}, ${which}: ${seconds.toFixed(1)} s`);
    }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

async function remove({ root }: ScaleRun, name: string): Promise<void> {
  await downLab(name, () => {});
  for (const stack of [name, `${name}x`]) forgetStack(root, { name, stack: `localnet-${stack}` });
}

/** Hosts that are on, without anything of holdfast's, and the chain; the stack is configured. */
async function bareHosts(
  { root, tools }: ScaleRun,
  name: string,
  count: number,
): Promise<{ readonly lab: Lab; readonly chain: LabChain }> {
  const lab = await startChain(await upLab(name, () => {}, { hosts: names(count) }));
  await buildLabNeard(localPaths(root, lab).neard);
  const { chain } = lab;
  if (chain === null) throw new Error(`the chain of ${name} did not start`);
  await configureStack({ name: lab.stack, root, tools }, lab, chain);
  return { lab, chain };
}

async function previews(run: ScaleRun): Promise<void> {
  const { root, tools } = run;
  await remove(run, few);
  const { lab, chain } = await bareHosts(run, few, 3);
  const imagined = names(30).map((name, i) => ({
    ...(lab.hosts[0] as Lab["hosts"][number]),
    name,
    address: `10.77.${lab.index}.${100 + i}`,
    hostKey: makeKeyPair(name).publicKey,
  }));
  const large: Lab = { ...lab, stack: `${lab.stack}x`, hosts: imagined };
  await configureStack({ name: large.stack, root, tools }, large, chain);
  likeThree(localPaths(root, large).settings);
  await pairs(run, "preview", (which) =>
    secondsOf(() => pulumi({ root, tools, name: which === "base" ? lab.stack : large.stack }, "preview")),
  );
}

/** What the lab adds to its three hosts can validate; in ten times the cluster of three one host of three only votes. */
function likeThree(settings: string): void {
  const document = parseDocument(readFileSync(settings, "utf8"));
  const path = ["config", "holdfast:hosts"];
  const hosts: SettingsInput["hosts"] =
    (document.toJS() as { config: Record<string, never> }).config["holdfast:hosts"] ?? [];
  const same = hosts.map(({ takeoverAddress, ...host }, i): typeof host =>
    i % 3 === 2 ? { ...host, roles: ["consul"] } : { ...host, ...(takeoverAddress && { takeoverAddress }) },
  );
  document.setIn(path, document.createNode(same));
  writeFileSync(settings, document.toString({ lineWidth: 0 }));
}

/** @param share of a core that each host has; null: what the others leave it of this machine's cores */
async function ups(run: ScaleRun, kind: ScaleKind, share: number | null): Promise<void> {
  const { root, tools } = run;
  await pairs(run, kind, async (which) => {
    const name = which === "base" ? few : many;
    await remove(run, name);
    const { lab } = await bareHosts(run, name, which === "base" ? 3 : 9);
    if (share !== null) for (const { name: host } of lab.hosts) await holdToCpu(lab, host, share);
    const seconds = await secondsOf(() =>
      bringUp({ name: lab.stack, root, tools }, join(labPaths(name).dir, "pulumi.log"), () => {}),
    );
    await remove(run, name);
    return seconds;
  });
}

async function noChange(run: ScaleRun): Promise<void> {
  const { root, tools, signal } = run;
  const localnet = (...args: string[]) =>
    execa(process.execPath, [join(root, "lab/localnet.ts"), ...args], {
      cwd: root,
      stdin: "ignore",
      cancelSignal: signal,
      forceKillAfterDelay: 10_000,
    });
  await remove(run, few);
  await remove(run, cloud);
  await localnet("up", "--lab", few);
  await localnet("up", "--cloud", "--lab", cloud);
  await pairs(run, "no-change", async (which) => {
    const name = `localnet-${which === "base" ? few : cloud}`;
    let said = "";
    const seconds = await secondsOf(async () => {
      said = await pulumi({ root, tools, name }, "up", "--yes", "--skip-preview");
    });
    if (/^\s+[+~-]+ \d+ (created|updated|deleted|replaced)/m.test(said))
      throw new Error(`it changed something:\n${said}`);
    return seconds;
  });
}

async function pulumi({ name, root, tools }: Stack, ...args: string[]): Promise<string> {
  const { stdout } = await execa(
    tools.pulumi.path,
    [...args, "--stack", name, "--non-interactive", "--color", "never"],
    { cwd: root, env: stackEnvironment(tools, root, name), extendEnv: false, stdin: "ignore" },
  );
  return stdout;
}
