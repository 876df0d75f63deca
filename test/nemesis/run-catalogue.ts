/** Runs scenarios one after the other on one lab, prints each verdict, and keeps the results. */
import { join } from "node:path";
import { execa } from "execa";
import { healAll } from "../../lab/faults/engine.ts";
import { findLab, type Lab, loadLab } from "../../lab/hosts/description.ts";
import { writeAtomic } from "../../lab/hosts/files.ts";
import { withNeard } from "../../lab/hosts/lab.ts";
import { neardAskedFor, neardVariable } from "../../lab/real/option.ts";
import { commitNow } from "../commit.ts";
import { root } from "../scenarios/cluster.ts";
import { catalogue } from "./catalogue/index.ts";
import { untilHealthy } from "./cluster-health.ts";
import { ensureFencing } from "./fencing.ts";
import { keepResult, type Result, resultLine, resultsMarkdown } from "./results.ts";
import { runScenario } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";

/** Where results are kept: in the repository's those of the simulated chain, beside it those of a real neard. */
export const resultsOf = (lab: Lab): string =>
  lab.neard === null ? join(import.meta.dirname, "results") : join(root, ".localnet/neard-nemesis");

/**
 * Brings the lab up, all of it, as `npm run localnet` does; nothing if it is there and healthy.
 * @param neardFile a real neard for it; without one an old lab keeps what it has
 */
export async function ensureLab(name: string, neardFile?: string): Promise<Lab> {
  const asked = await neardAskedFor(neardFile);
  const lab = findLab(name);
  withNeard(lab, asked);
  if (lab !== null && (asked === null || lab.neard?.sha256 === asked.sha256)) {
    await healAll(lab);
    if (await untilHealthy(lab, 30_000).catch(() => null)) return lab;
  }
  console.log(`bringing up the lab ${name}`);
  await execa(process.execPath, [join(root, "lab/localnet.ts"), "--lab", name], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { [neardVariable]: neardFile ?? "" },
  });
  return loadLab(name);
}

/** @returns the exit code */
export async function runCatalogue(
  labName: string,
  scenarios: readonly Scenario[],
  signal: AbortSignal,
  neardFile?: string,
): Promise<number> {
  const lab = await ensureLab(labName, neardFile);
  const at = resultsOf(lab);
  const commit = await commitNow(root);
  const results: Result[] = [];
  for (const [i, scenario] of scenarios.entries()) {
    if (scenario.notHere !== undefined) {
      console.log(`not here  ${scenario.name}: ${scenario.notHere}`);
      continue;
    }
    if (scenario.standInOnly && lab.neard !== null) {
      console.log(`not here  ${scenario.name}: it takes the lab's own neard`);
      continue;
    }
    if (signal.aborted) break;
    console.log(`[${i + 1} of ${scenarios.length}] ${scenario.name}: ${scenario.sentence}`);
    try {
      await ensureFencing(lab, scenario.fencing ?? null);
      const result = { ...(await runScenario(lab, scenario, signal)), commit };
      results.push(result);
      console.log(resultLine(result));
      const all = keepResult(join(at, "catalogue.json"), result);
      writeAtomic(join(at, "catalogue.md"), resultsMarkdown(catalogue, all));
      if (result.verdict === "wrong") await ensureLab(labName, neardFile);
    } catch (error) {
      await healAll(lab);
      if (!signal.aborted) throw error;
    }
  }
  const bad = results.filter(({ verdict }) => verdict !== "pass");
  console.log(`\n${results.length} run, ${results.length - bad.length} passed`);
  for (const result of bad) console.log(resultLine(result));
  if (bad.some(({ verdict }) => verdict === "UNSAFE"))
    console.log("TWO HOSTS SIGNED AT ONCE, or one height twice. This must never be.");
  return bad.length === 0 && !signal.aborted ? 0 : 1;
}
