/**
 * Runs the simulation of the tree that this file lies in, seed after seed, until one finds a violation.
 * Arguments: how many seeds, and how many simulated hours each. Prints one line of JSON (HuntResult).
 */
import "../../contract/first.ts";
import { runEntry } from "../../contract/entry.ts";
import { simulate } from "../simulation/simulate.ts";
import type { HuntResult } from "./checks.ts";

async function hunt(seeds: number, hours: number): Promise<HuntResult> {
  for (let seed = 1; seed <= seeds; seed++) {
    const violation = await firstViolation(seed, hours);
    if (violation !== null) return { seed, violation };
  }
  return null;
}

/** A broken belief (an assertion) is as good as a violation: the simulation's own test would fail of it. */
async function firstViolation(seed: number, hours: number): Promise<string | null> {
  try {
    return (await simulate(seed, hours)).violations[0] ?? null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

await runEntry("mutations hunt", async () => {
  const [seeds = "", hours = ""] = process.argv.slice(2);
  console.log(JSON.stringify(await hunt(Number(seeds), Number(hours))));
});
