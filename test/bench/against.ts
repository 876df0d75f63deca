/**
 * `npm run bench -- --against DIRECTORY`: this build beside an older one, at the same time on the same machine, by how long
 * the chain goes without a block of the new holder. Each build is asked by its own commands only, on a cluster of its
 * own and the simulated chain of its own tree, so that DIRECTORY may be any checkout whose `lab witness` knows take-overs.
 * Awkward case: with an old fence connections live on half open for some 150 s. Both builds rest longer than
 * that before each run, or an earlier run would be measured again.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import * as z from "zod";
import { type AgainstKind, type AgainstSample, againstKinds } from "./against-table.ts";

/** Longer than nearcore's write time-out with its send buffer full (120 s + 27 s). */
const restMs = 160_000;
/** A build that is heard later than this is not heard. */
const heardWithinMs = 300_000;
/** The other host is ready again after this, or something is wrong. */
const readyWithinMs = 240_000;

export interface Build {
  readonly name: "this" | "other";
  /** A checkout with its node_modules. */
  readonly directory: string;
  readonly lab: string;
}

const takeover = z.object({
  from: z.string(),
  to: z.string(),
  at: z.string(),
  firstAcceptedSeconds: z.number().nullable(),
});
const witnessed = z.object({
  current: z.object({ host: z.string() }).nullable(),
  takeovers: z.array(takeover),
  overlapMs: z.number(),
});
const clusterStatus = z.object({ hosts: z.array(z.object({ agent: z.object({ ready: z.boolean() }).nullable() })) });

/** @throws Error when `directory` is no checkout of holdfast that can be run as it is */
export function requireCheckout(directory: string): void {
  for (const file of ["lab/localnet.ts", "cli/main.ts", "node_modules/.bin/node"])
    if (!existsSync(join(directory, file)))
      throw new Error(
        `--against ${directory}: it has no ${file}; give a checkout in which \`npm ci --ignore-scripts\` ran`,
      );
}

/** One build's commands. */
function commandsOf(build: Build, signal: AbortSignal) {
  const stack = `localnet-${build.lab}`;
  const node = (file: string, args: readonly string[], reject = true) =>
    execa(join(build.directory, "node_modules/.bin/node"), [join(build.directory, file), ...args], {
      cwd: build.directory,
      stdin: "ignore",
      reject,
      ...(signal.aborted ? {} : { cancelSignal: signal, forceKillAfterDelay: 10_000 }),
    });
  const lab = async (...args: string[]) => (await node("lab/main.ts", [...args, "--lab", build.lab])).stdout;
  return {
    up: async () => void (await node("lab/localnet.ts", ["--lab", build.lab])),
    down: async () => void (await node("lab/localnet.ts", ["down", "--lab", build.lab], false)),
    witness: async () => witnessed.parse(JSON.parse(await lab("witness", "--json"))),
    cutOff: async (host: string) => void (await lab("fault", "partition", host)),
    heal: async () => void (await lab("heal")),
    switchover: async (): Promise<void> => {
      await node("cli/main.ts", ["switchover", "--yes", "--stack", stack], false);
    },
    /** Whether some host could take over. */
    isReady: async (): Promise<boolean> => {
      const { stdout } = await node("cli/main.ts", ["status", "--json", "--stack", stack], false);
      return clusterStatus.parse(JSON.parse(stdout)).hosts.some(({ agent }) => agent?.ready === true);
    },
  };
}

/** Both builds, `runs` times each kind; samples are handed on as they come. Removes both clusters, whatever happens. */
export async function measureAgainst(
  builds: readonly Build[],
  runs: number,
  tell: (line: string) => void,
  signal: AbortSignal,
  onSample: (sample: AgainstSample) => void,
): Promise<void> {
  const all = builds.map((build) => ({ build, commands: commandsOf(build, signal) }));
  const removing = builds.map((build) => commandsOf(build, AbortSignal.abort()));
  try {
    // One after the other: each would measure the other's start.
    for (const { build, commands } of all) {
      await commands.down();
      tell(`${build.name}: npm run localnet`);
      await commands.up();
    }
    for (const kind of againstKinds)
      for (let run = 1; run <= runs; run++) {
        await Promise.all(all.map(({ commands }) => rested(commands, signal)));
        const both = await Promise.all(
          all.map(async ({ build, commands }) => {
            const sample = { build: build.name, kind, ...(await heardAfter(kind, commands, signal)) };
            tell(`${kind} ${run} of ${runs}, ${build.name}: first block accepted after ${sample.seconds.toFixed(1)} s`);
            return sample;
          }),
        );
        for (const sample of both) onSample(sample);
        await Promise.all(all.map(({ commands }) => commands.heal()));
      }
  } finally {
    for (const commands of removing) await commands.down();
  }
}

type Commands = ReturnType<typeof commandsOf>;

async function rested(commands: Commands, signal: AbortSignal): Promise<void> {
  await waitFor("a host that could take over", readyWithinMs, signal, async () => (await commands.isReady()) || null);
  await sleep(restMs, undefined, { signal });
}

/** Seconds from the event to the first block of another host in the chain, and how long two signed. */
async function heardAfter(
  kind: AgainstKind,
  commands: Commands,
  signal: AbortSignal,
): Promise<Pick<AgainstSample, "seconds" | "overlapMs">> {
  const before = (await commands.witness()).current?.host;
  if (before === undefined) throw new Error("nobody signs");
  const eventMs = Date.now();
  await (kind === "switchover" ? commands.switchover() : commands.cutOff(before));
  return await waitFor(`a block of another host than ${before}`, heardWithinMs, signal, async () => {
    const { takeovers, overlapMs } = await commands.witness();
    const last = takeovers.findLast(({ from, at }) => from === before && Date.parse(at) >= eventMs);
    if (last === undefined || last.firstAcceptedSeconds === null) return null;
    return { seconds: (Date.parse(last.at) - eventMs) / 1000 + last.firstAcceptedSeconds, overlapMs };
  });
}

async function waitFor<T>(
  what: string,
  boundMs: number,
  signal: AbortSignal,
  look: () => Promise<T | null>,
): Promise<T> {
  for (const end = performance.now() + boundMs; performance.now() < end; await sleep(1000, undefined, { signal })) {
    const found = await look();
    if (found !== null) return found;
  }
  throw new Error(`waited ${boundMs / 1000} s for ${what}`);
}
