/**
 * A mutation: one way to break the protocol or the fence on purpose, as data. A check that does not notice it
 * is no check.
 */

/** `text` must occur exactly once in `file`; `by` takes its place. */
export interface Edit {
  /** Relative to the repository. */
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

/** Who must notice. Each of those named has to, not just one of them. */
export interface CaughtBy {
  /** True: some seed of the simulation ends in a violation. */
  readonly simulation: boolean;
  /** Unit test files, relative to the repository: in at least one of them a test fails. May be empty. */
  readonly tests: readonly string[];
}

export interface Mutation {
  /** kebab-case; what `--only` takes. */
  readonly name: string;
  /** One sentence: what goes wrong with it. */
  readonly breaks: string;
  readonly edits: readonly [Edit, ...Edit[]];
  readonly caughtBy: CaughtBy;
}
