/** The stages of `npm run upgrade`, on one lab. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import { paths, units } from "../../contract/paths.ts";
import { defaultTiming } from "../../contract/timing.ts";
import { type HistoryEntry, historyEntrySchema } from "../../contract/wire/history.ts";
import { version } from "../../host/version.ts";
import { askWitness, resetWitness, startChain } from "../../lab/hosts/chain.ts";
import type { Lab, LabChain } from "../../lab/hosts/description.ts";
import { newLab } from "../../lab/hosts/description.ts";
import { downLab, upLab } from "../../lab/hosts/lab.ts";
import { onHost } from "../../lab/hosts/ssh.ts";
import { bringUp, configureStack, forgetStack, localPaths, type Stack } from "../../lab/localnet/stack.ts";
import { buildLabNeard } from "../../lab/neard/build.ts";
import { version as labNeard } from "../../lab/neard/version.ts";
import { stackEnvironment } from "../../toolchain/stack.ts";
import { ensureTools } from "../../toolchain/tools.ts";
import { untilHealthy } from "../nemesis/cluster-health.ts";
import { lookAtAll } from "../nemesis/look.ts";
import { type ConsulSeen, consulFaults, judge, type Program, programFaults, verdictLine } from "./judge.ts";
import { checkOut, type ReleaseTree, removeTree, writeSettings } from "./tree.ts";

const root = join(import.meta.dirname, "../..");
const healthyWithinMs = 180_000;
/** What a restart or a switchover set off is over by then, and shows in the witness's report. */
const settleMs = 15_000;

export interface Options {
  readonly from: string;
  readonly lab: string;
  readonly mixed?: number;
  readonly seed: number;
  readonly keep?: true;
}

export async function runUpgrade(options: Options, signal: AbortSignal): Promise<number> {
  const say = teller();
  const at = localPaths(root, newLab(options.lab, 1));
  const place = join(at.own, "release");
  await clear(options.lab, say);
  const tree = await checkOut(root, options.from, place);
  try {
    const cluster = await Cluster.make(options.lab, tree, say);
    say(`${tree.version} (${tree.commit}) deploys its own cluster`);
    await cluster.deploy("earlier");
    await cluster.expectProgram("earlier");
    signal.throwIfAborted();
    const verdicts: boolean[] = [];
    if (options.mixed !== undefined) verdicts.push(await mixed(cluster, options.mixed, options.seed, signal, say));
    verdicts.push(await cluster.change(`upgrade ${tree.version} -> ${version}`, "this"));
    await cluster.expectProgram("this");
    signal.throwIfAborted();
    verdicts.push(await cluster.change(`downgrade ${version} -> ${tree.version}`, "earlier"));
    await cluster.expectProgram("earlier");
    return verdicts.every((ok) => ok) ? 0 : 1;
  } finally {
    if (options.keep) say(`the lab ${options.lab} and ${place} stay`);
    else {
      await clear(options.lab, say);
      await removeTree(root, place);
    }
  }
}

async function clear(name: string, say: (line: string) => void): Promise<void> {
  await downLab(name, say);
  forgetStack(root, newLab(name, 1));
}

function teller(): (line: string) => void {
  const startMs = performance.now();
  return (line) => console.log(`[${String(Math.round((performance.now() - startMs) / 1000)).padStart(4)} s] ${line}`);
}

/**
 * One half old, one half new: host-b is this release's, the rest the earlier one's, the ACLs too, which host-a carries out: its
 * holdfastd could not be asked for them by this program. Not host-a: 0.1's agents depend on each other in the order of their
 * names, and Pulumi cannot write down one that is done (`--target`) while a later one that it leaves out waits for it.
 */
const upgraded = "host-b";

async function mixed(
  cluster: Cluster,
  minutes: number,
  seed: number,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<boolean> {
  const targets = ["--target", `**::${upgraded}-*`];
  const begun = await cluster.change(`${upgraded} alone: ${cluster.tree.version} beside ${version}`, "this", targets);
  await cluster.expectProgram("earlier", { [upgraded]: "this" });
  say(`${minutes} min of random faults, seed ${seed}`);
  const { runRandom } = await import("../nemesis/random/run.ts");
  const code = await runRandom(cluster.lab.name, minutes, seed, signal);
  await untilHealthy(cluster.lab, healthyWithinMs);
  return begun && code === 0;
}

/** One lab, and the two programs that may deploy to it. */
class Cluster {
  readonly lab: Lab;
  readonly tree: ReleaseTree;
  readonly #stack: Stack;
  readonly #say: (line: string) => void;
  /** Checksum of the earlier release's bundle, as its agents run it. */
  #earlier: string | null = null;

  private constructor(lab: Lab, tree: ReleaseTree, stack: Stack, say: (line: string) => void) {
    this.lab = lab;
    this.tree = tree;
    this.#stack = stack;
    this.#say = say;
  }

  /** Hosts, chain, neard, stack: all of this tree; then the earlier release's settings, with the same secrets. */
  static async make(name: string, tree: ReleaseTree, say: (line: string) => void): Promise<Cluster> {
    const tools = await ensureTools({ onProgress: () => {} });
    const lab = await startChain(await upLab(name, say));
    const chain = lab.chain as LabChain;
    const at = localPaths(root, lab);
    await buildLabNeard(at.neard);
    const stack = { name: lab.stack, root, tools };
    await configureStack(stack, lab, chain);
    const facts = { lab, chain, neardSource: at.neard, neardVersion: labNeard.release.replace(/^lab-/, "") };
    await writeSettings(tree, facts, readFileSync(at.settings, "utf8"), `Pulumi.${lab.stack}.yaml`);
    return new Cluster(lab, tree, stack, say);
  }

  /** `pulumi up` by one of the two programs, on the same state, until the cluster is well. */
  async deploy(by: Program, args: readonly string[] = []): Promise<void> {
    const project = by === "this" ? root : this.tree.root;
    const log = join(localPaths(root, this.lab).own, `pulumi-${by}.log`);
    await bringUp(this.#stack, log, (line, count) => this.#say(`  ${count}: ${line}`), { project, args });
    const { active } = await untilHealthy(this.lab, healthyWithinMs);
    this.#say(`well: ${active} is active`);
  }

  /** The same while everything is watched. @returns whether it cost no more than its switchovers */
  async change(what: string, by: Program, args: readonly string[] = []): Promise<boolean> {
    this.#say(what);
    await untilHealthy(this.lab, healthyWithinMs);
    const before = (await this.#history()).at(-1)?.epoch ?? 0;
    const consul = await this.#lookAtConsul();
    await resetWitness(this.lab);
    await sleep(settleMs);
    await this.deploy(by, args);
    await sleep(settleMs);
    const entries = (await this.#history()).filter(({ epoch }) => epoch > before);
    const report = await askWitness(this.lab);
    // 0.1 promises none of it.
    const more = by === "this" ? consulFaults(consul, await this.#lookAtConsul(), defaultTiming.lockDelayMs) : [];
    const verdict = judge(report, entries, more);
    this.#say(verdictLine(what, verdict));
    this.#say(
      `  ${report.produced} blocks produced, ${report.accepted} accepted; ${report.endorsed} endorsements counted`,
    );
    return verdict.ok;
  }

  /** @throws HoldfastError HF_LAB when an agent is of another version, or another program than was deployed */
  async expectProgram(everywhere: Program, but: Readonly<Record<string, Program>> = {}): Promise<void> {
    const wanted = (host: string) => but[host] ?? everywhere;
    for (const [host, status] of await lookAtAll(this.lab)) {
      const of = wanted(host) === "this" ? version : this.tree.version;
      if (status?.version !== of)
        throw new HoldfastError("HF_LAB", `The agent on ${host} is of ${status?.version ?? "no version"}, not ${of}.`);
    }
    const running = await this.#programs();
    const faults = programFaults(running, wanted, this.#earlier);
    if (faults.length > 0) throw new HoldfastError("HF_LAB", `Not what was deployed: ${faults.join("; ")}.`);
    this.#earlier ??= [...running.values()][0] ?? null;
  }

  async #programs(): Promise<Map<string, string>> {
    const pid = `$(systemctl show ${units.agent} --property=MainPID --value)`;
    const ask = `tr '\\0' '\\n' < /proc/${pid}/cmdline | grep -m1 '\\.cjs$' | xargs sha256sum | cut -d' ' -f1`;
    const look = async (host: Lab["hosts"][number]) => [host.name, (await onHost(this.lab, host, ask)).trim()] as const;
    return new Map(await Promise.all(this.lab.hosts.map(look)));
  }

  async #lookAtConsul(): Promise<Map<string, ConsulSeen>> {
    const ask = [
      `${paths.consul} version | head -1`,
      `systemctl show ${units.consul} --property=ActiveEnterTimestampMonotonic --value`,
      `ls ${paths.consulSnapshots} 2>/dev/null | wc -l`,
    ];
    const look = async (host: Lab["hosts"][number]) => {
      const [version = "", startedUs, snapshots] = (await onHost(this.lab, host, ask.join("; "))).split("\n");
      // The kernel's clock: the lab's hosts share it.
      return [host.name, { version, startedMs: Number(startedUs) / 1000, snapshots: Number(snapshots) }] as const;
    };
    return new Map(await Promise.all(this.lab.hosts.map(look)));
  }

  async #history(): Promise<HistoryEntry[]> {
    const { stdout } = await execa(
      process.execPath,
      [join(root, "cli/main.ts"), "history", "--limit", "100", "--json", "--stack", this.#stack.name],
      {
        env: stackEnvironment(this.#stack.tools, root, this.#stack.name),
        extendEnv: false,
      },
    );
    return z.array(historyEntrySchema).parse(JSON.parse(stdout));
  }
}
