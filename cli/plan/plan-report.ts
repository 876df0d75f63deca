/** What `holdfast plan` says, as data: `--json` prints it, the other forms are made from it. */
import type { Comparison } from "../../infra/compare/compare.ts";
import type { Fault } from "../../infra/config/faults.ts";

export interface PlanReport {
  readonly stack: string;
  /** What was compared with; `commit` is null where the file on disk is meant. */
  readonly base: Version;
  readonly head: Version;
  /** Why the settings would be refused; then there is no comparison. */
  readonly faults: readonly Fault[];
  /** What this comparison cannot see, or had to assume. */
  readonly notes: readonly string[];
  /** How settings become files and units differs too: nothing is certain but what the settings say. */
  readonly isOtherPlanner: boolean;
  readonly comparison: Comparison | null;
}

export interface Version {
  /** As it was asked for, or `the working tree`. */
  readonly title: string;
  readonly commit: string | null;
}
