/** One mutation on a copy of its own: which check catches it, and whether all of those that should do. */
import { applyMutation } from "./apply.ts";
import { type Budget, trySimulation, tryTests, type Verdict } from "./checks.ts";
import type { Mutation } from "./mutation.ts";
import { withCopy } from "./tree.ts";

export interface Outcome {
  readonly name: string;
  readonly breaks: string;
  /** Null: not run, for it is not expected to notice. */
  readonly simulation: Verdict | null;
  readonly tests: Verdict | null;
  /** Every check that is expected to catch it did. */
  readonly caught: boolean;
}

export interface Trying {
  /** The tree to be broken: one copy for the whole run, so that what is edited meanwhile is not mixed in. */
  readonly source: string;
  readonly budget: Budget;
  /** Tries the simulation even where it is not expected to catch the mutation. */
  readonly thorough: boolean;
  readonly signal: AbortSignal;
}

export async function tryMutation(mutation: Mutation, options: Trying): Promise<Outcome> {
  const { name, breaks, caughtBy } = mutation;
  return await withCopy(options.source, async (root) => {
    applyMutation(root, mutation);
    const { budget, thorough, signal } = options;
    const simulation = caughtBy.simulation || thorough ? await trySimulation(root, budget, signal) : null;
    const tests = caughtBy.tests.length > 0 ? await tryTests(root, caughtBy.tests, signal) : null;
    const caught = (!caughtBy.simulation || simulation?.caught === true) && (tests === null || tests.caught);
    return { name, breaks, simulation, tests, caught };
  });
}

/** The same checks where nothing is broken; what they find is wrong with the tree or with them. Empty: clean. */
export async function tryBaseline(mutations: readonly Mutation[], options: Trying): Promise<string[]> {
  const files = [...new Set(mutations.flatMap(({ caughtBy }) => caughtBy.tests))].toSorted();
  const simulate = options.thorough || mutations.some(({ caughtBy }) => caughtBy.simulation);
  return await withCopy(options.source, async (root) => {
    const verdicts = await Promise.all([
      simulate ? trySimulation(root, options.budget, options.signal) : null,
      files.length > 0 ? tryTests(root, files, options.signal) : null,
    ]);
    return verdicts.flatMap((verdict) => {
      if (verdict === null) return [];
      if (verdict.failed !== null) return [verdict.failed];
      return verdict.caught ? [verdict.by] : [];
    });
  });
}
