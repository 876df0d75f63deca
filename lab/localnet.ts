/**
 * `npm run localnet`: everything from nothing, down to the first block that the validator signed. Run
 * again, it looks what is there and does the rest. `npm run localnet -- down` removes it.
 */
import "../contract/first.ts";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { execa } from "execa";
import pc from "picocolors";
import { leaveWithReader } from "../cli/terminal/reader-left.ts";
import { runEntry } from "../contract/entry.ts";
import { HoldfastError } from "../contract/errors.ts";
import { cacheDirectory } from "../toolchain/cache.ts";
import type { Progress } from "../toolchain/progress.ts";
import { rememberStack, stackEnvironment } from "../toolchain/stack.ts";
import { ensureTools, everydayTools, type Tools } from "../toolchain/tools.ts";
import { askWitness, startChain } from "./hosts/chain.ts";
import { startCloud } from "./hosts/cloud.ts";
import { checkLabName, defaultLabName, findLab, type Lab, labRoot, loadLab, newLab } from "./hosts/description.ts";
import { removeImages } from "./hosts/image.ts";
import { downLab, upLab, withNeard } from "./hosts/lab.ts";
import { withLock } from "./hosts/lock.ts";
import { requireRoot } from "./hosts/machine.ts";
import type { Say } from "./hosts/progress.ts";
import { bringUp, configureStack, forgetStack, localPaths, repairStack, type Stack } from "./localnet/stack.ts";
import { runSteps } from "./localnet/steps.ts";
import { buildLabNeard } from "./neard/build.ts";
import { copyNeard } from "./real/binary.ts";
import { neardAskedFor, neardOption } from "./real/option.ts";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** From the end of `pulumi up`: neard's start, the take-over wait and a few slots. */
const firstBlockWithinMs = 90_000;
/** A real neard syncs first, and the other validators have to hear it. */
const firstRealBlockWithinMs = 240_000;

async function up(name: string, options: { neard?: string; cloud?: true }): Promise<void> {
  requireRoot();
  const startMs = performance.now();
  const neard = await neardAskedFor(options.neard);
  // What nobody could bring up is said before anything is built.
  withNeard(findLab(name), neard);
  const fromCloud = isFromCloud(findLab(name), options.cloud === true);
  const at = localPaths(root, newLab(name, 1));
  let tools: Tools | undefined;
  let lab: Lab | undefined;
  const stackNow = (): Stack => ({ name: (lab as Lab).stack, root, tools: tools as Tools });
  await runSteps([
    [
      {
        title: "tools",
        work: async (say) => {
          const only = [...everydayTools, ...(fromCloud ? (["hcloud-plugin"] as const) : [])];
          tools = await ensureTools({ only, onProgress: calmly(say) });
        },
      },
      {
        title: "hosts",
        work: async (say) => {
          lab = await startChain(await upLab(name, say, { neard, cloud: fromCloud }));
          if (fromCloud) lab = await startCloud(lab);
          const hosts = lab.hosts.map((host) => `${host.name} ${host.address}`).join(", ");
          say([hosts, "chain on", ...(fromCloud ? ["cloud on"] : [])].filter((part) => part !== "").join(", "));
        },
      },
    ],
    {
      title: "neard for the lab",
      work: async (say) => {
        const real = lab?.neard ?? null;
        if (real === null) return await buildLabNeard(at.neard);
        await copyNeard(real, at.neard);
        say(`neard ${real.release}`);
      },
    },
    {
      title: "stack",
      work: async (say) => {
        for (const repaired of await repairStack(stackNow(), lab as Lab)) say(repaired);
        const chain = lab?.chain;
        if (chain) await configureStack(stackNow(), lab as Lab, chain, fromCloud ? lab?.cloud : undefined);
        if (name === defaultLabName) rememberStack(root, stackNow().name);
      },
    },
    {
      title: "pulumi up",
      work: async (say) => {
        say(`log: ${at.pulumiLog}`);
        await bringUp(stackNow(), at.pulumiLog, (line, count) => say(`${count}: ${line}`));
      },
    },
    { title: "first block", work: (say) => firstBlock(lab as Lab, say) },
  ]);
  // With hosts that the cloud has made by now.
  lab = loadLab(name);
  console.log(`\nUp in ${Math.round((performance.now() - startMs) / 1000)} s.\n`);
  await showStatus(stackNow());
  console.log(await whatNext(lab as Lab));
}

/**
 * Whether the lab's hosts come from its cloud: as asked for, or as they did before.
 * @throws HoldfastError HF_REFUSED where hosts are there that do not
 */
function isFromCloud(lab: Lab | null, asked: boolean): boolean {
  const made = lab?.hosts.some(({ server }) => server !== undefined) ?? false;
  if (lab !== null && asked && !made && lab.hosts.length > 0)
    throw new HoldfastError("HF_REFUSED", `The lab ${lab.name} has hosts that no cloud has made.`, {
      next: `Take another name (--lab), or remove it first: npm run localnet -- down --lab ${lab.name}`,
    });
  return asked || made;
}

/** The toolchain tells every two seconds; lines want what is new, and a sign of life every 15 s. */
function calmly(say: Say): (progress: Progress) => void {
  const last = new Map<string, { subject: string; saidMs: number }>();
  return ({ tool, step, elapsedMs, logFile }) => {
    const subject = step.split(":")[0] as string;
    const before = last.get(tool);
    const due = process.stdout.isTTY || before?.subject !== subject || elapsedMs - before.saidMs >= 15_000;
    if (!due) return;
    last.set(tool, { subject, saidMs: elapsedMs });
    say(`${tool}: ${step} (${Math.round(elapsedMs / 1000)} s${logFile === undefined ? "" : `, log: ${logFile}`})`);
  };
}

/** Waits until the witness has seen a fresh signature of our validator. */
async function firstBlock(lab: Lab, say: Say): Promise<void> {
  const withinMs = lab.neard === null ? firstBlockWithinMs : firstRealBlockWithinMs;
  const giveUpAt = performance.now() + withinMs;
  let sayAt = performance.now() + 2000;
  for (;;) {
    const { current } = await askWitness(lab);
    if (current !== null && current.silentMs < 5000) {
      say(`height ${current.height}, signed on ${current.host}`);
      return;
    }
    if (performance.now() > giveUpAt)
      throw new HoldfastError("HF_TIMEOUT", `No host signed within ${withinMs / 1000} s after pulumi up.`, {
        next: "See why each host does not: npm run -s holdfast -- status",
      });
    if (performance.now() > sayAt) {
      say("waiting for the validator's signature");
      sayAt += 15_000;
    }
    await sleep(100);
  }
}

async function showStatus(stack: Stack): Promise<void> {
  await execa(process.execPath, [join(root, "cli/main.ts"), "status", "--stack", stack.name], {
    env: stackEnvironment(stack.tools, root, stack.name),
    extendEnv: false,
    stdio: "inherit",
    reject: false,
  });
}

async function whatNext(lab: Lab): Promise<string> {
  const active = (await askWitness(lab)).current?.host ?? "<active host>";
  const isDefault = lab.name === defaultLabName;
  const inLab = isDefault ? "" : ` --lab ${lab.name}`;
  const inStack = isDefault ? "" : ` --stack ${lab.stack}`;
  const down = isDefault ? "-- down" : `-- down --lab ${lab.name}`;
  const rows = [
    ["watch the cluster", `npm run -s holdfast -- status --watch${inStack}`],
    ["kill the active host", `npm run -s lab -- fault poweroff ${active} --for 30s${inLab}`],
    ["what the chain saw", `npm run -s lab -- witness${inLab}`],
    ["move the key on purpose", `npm run -s holdfast -- switchover${inStack}`],
    ["break something else", `npm run -s lab -- faults${inLab}`],
    ["remove all of it", `npm run localnet ${down}`],
  ] as const;
  return ["", "Try next:", ...rows.map(([what, line]) => `  ${what.padEnd(24)} ${pc.bold(line)}`), ""].join("\n");
}

async function down(name: string, all: boolean): Promise<void> {
  requireRoot();
  const existed = await downLab(name, (line) => console.log(line));
  if (name === defaultLabName) rememberStack(root, undefined);
  forgetStack(root, newLab(name, 1));
  console.log(existed ? `${name} is gone: hosts, chain, network, stack.` : `There was no lab ${name}.`);
  if (!all) {
    console.log(
      `The hosts' image (${labRoot()}) and the tools (${cacheDirectory()}) stay for the next time; --all removes them too.`,
    );
    return;
  }
  const others = existsSync(labRoot()) ? readdirSync(labRoot()).filter((entry) => entry.startsWith("index-")) : [];
  if (others.length > 0)
    throw new HoldfastError("HF_LAB", "Other labs still use the hosts' image and the tools, so both stay.", {
      next: `See which: ls ${labRoot()}`,
    });
  removeImages();
  rmSync(cacheDirectory(), { recursive: true, force: true });
  console.log("The hosts' image and the tools are gone too.");
}

const program = new Command("localnet")
  .description("A highly available NEAR validator on this machine: hosts, chain, and holdfast on them.")
  .addOption(new Option("--lab <name>", "which lab").env("HOLDFAST_LAB").default(defaultLabName))
  .exitOverride();
const labName = () => checkLabName(program.opts<{ lab: string }>().lab);
const alone = (work: () => Promise<void>) => withLock(`localnet ${labName()}`, 2000, work);

program
  .command("up", { isDefault: true })
  .description("bring everything up (the default); --neard FILE: a real neard on real validators' network")
  .addOption(neardOption())
  .option("--cloud", "the hosts too are made by pulumi up, at a stand-in of Hetzner Cloud, by the real plugin")
  .action((options: { neard?: string; cloud?: true }) => alone(() => up(labName(), options)));
program
  .command("down")
  .description("remove all of it but the hosts' image and the tools")
  .option("--all", "remove those too")
  .action((options: { all?: true }) => alone(() => down(labName(), options.all === true)));

leaveWithReader();
await runEntry("localnet", () => program.parseAsync(), { lead: "\n" });
