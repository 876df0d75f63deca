/** What cannot be read or shown, taken for nothing or for a success: each of these once was. */
import type { Mutation } from "../mutation.ts";

const record = "agent/lease/lock-record.ts";
const recordTest = "agent/lease/lock-record.test.ts";
const fence = "agent/fence/fence.ts";
const fenceTest = "agent/fence/fence.test.ts";
const ruleset = "agent/fence/ruleset.ts";
const rulesetTest = "agent/fence/ruleset.test.ts";
const demoting = "agent/role/demoting.ts";
const demotingTest = "agent/role/demoting.test.ts";
const expire = "agent/run/expire.ts";
const expireTest = "agent/run/expire.test.ts";
const client = "host/consul/client.ts";
const clientTest = "host/consul/client.test.ts";

export const unknownMutations: readonly Mutation[] = [
  {
    name: "unreadable-record-says-nothing",
    breaks: "A record of the lock that nobody can read leaves the wait as the last one that could be read made it.",
    edits: [
      {
        file: record,
        text: "  if (value === null) return longestHeardMs;\n",
        by: "  if (value === null) return null;\n",
      },
    ],
    caughtBy: { simulation: false, tests: [recordTest, "agent/role/waiting.test.ts"] },
  },
  {
    name: "mute-record-says-nothing",
    breaks: "A record that does not say for how long its holder can be heard leaves the wait as it was.",
    edits: [
      { file: record, text: "return isFree ? null : longestHeardMs;", by: "return isFree ? longestHeardMs : null;" },
    ],
    caughtBy: { simulation: false, tests: [recordTest] },
  },
  {
    name: "copied-marker-is-free",
    breaks: "A marker that does not count, of another epoch, counts as the end of whoever has the lock.",
    edits: [
      {
        file: record,
        text: "(lockIndex === 0 || cleanMarker(lock) !== null);",
        by: "(lockIndex === 0 || value.released !== undefined);",
      },
    ],
    caughtBy: { simulation: false, tests: [recordTest] },
  },
  {
    name: "note-lost",
    breaks: "A host's note that Consul did not take counts as written, for the ten seconds until it is repeated.",
    edits: [
      {
        file: "agent/role/reduce.ts",
        text: 'published: { text: "", atMs:',
        by: "published: { ...state.published!, atMs:",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/standby.test.ts"] },
  },
  {
    name: "shut-not-looked-at",
    breaks: "A shut counts as done although the kernel has not shown it.",
    edits: [{ file: fence, text: "if ((await this.#whatIsOpen()) === null) return;", by: "return;" }],
    caughtBy: { simulation: false, tests: [fenceTest] },
  },
  {
    name: "rebuilt-not-looked-at",
    breaks: "A fence that was put back counts as shut although the kernel does not show it.",
    edits: [{ file: fence, text: "if (open !== null) throw", by: "if (open === undefined) throw" }],
    caughtBy: { simulation: false, tests: [fenceTest] },
  },
  {
    name: "rules-before-the-drop",
    breaks: "A table counts as shut although a rule in it lets neard's packets out.",
    edits: [{ file: ruleset, text: "if (before.length > 1)", by: "if (before.length > 99)" }],
    caughtBy: { simulation: false, tests: [rulesetTest] },
  },
  {
    name: "drop-not-looked-for",
    breaks: "A table counts as shut although nothing in it drops neard's packets.",
    edits: [{ file: ruleset, text: "if (marks < 0 || drops < 0)", by: "if (marks < -1)" }],
    caughtBy: { simulation: false, tests: [rulesetTest] },
  },
  {
    name: "alive-is-shut",
    breaks: "A table counts as shut although an epoch in it is alive.",
    edits: [{ file: ruleset, text: 'line.startsWith("elements")', by: 'line === "elements"' }],
    caughtBy: { simulation: false, tests: [rulesetTest] },
  },
  {
    name: "kill-waits-for-the-fence",
    breaks: "neard lives on for as long as its fence cannot be shut, and nothing holds it back.",
    edits: [
      { file: demoting, text: 'return phase.isEnded ? phase : { ...phase, step: "killing" };', by: "return phase;" },
    ],
    caughtBy: { simulation: false, tests: [demotingTest] },
  },
  {
    name: "released-unshut",
    breaks: "A lock is released, and its neard started anew, although its fence was never shown to be shut.",
    edits: [
      {
        file: demoting,
        text: 'if (step === "erasing" && !phase.isShut)',
        by: 'if (step === "erasing" && phase.epoch === -1)',
      },
    ],
    caughtBy: { simulation: false, tests: [demotingTest] },
  },
  {
    name: "released-alive",
    breaks: "A lock is released as soon as a belated shut is shown, although its neard has not been killed.",
    edits: [
      { file: demoting, text: 'if (step === "shutting" && phase.isEnded) next', by: 'if (step === "shutting") next' },
    ],
    caughtBy: { simulation: true, tests: [demotingTest] },
  },
  {
    name: "expire-waits-for-the-fence",
    breaks: "Whoever cleans up after an agent leaves neard alive when the fence cannot be shut.",
    edits: [
      {
        file: expire,
        text: "const shut = await host.shut().then(\n    () => null,\n    (error: Error) => error,\n  );",
        by: "await host.shut();\n  const shut = null as Error | null;",
      },
    ],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "expire-unshut-is-success",
    breaks: "Whoever cleans up after an agent calls it done although the fence could not be shut.",
    edits: [{ file: expire, text: "if (shut !== null) throw", by: "if (shut === undefined) throw" }],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "fence-unseen-is-none",
    breaks: "A fence of which nothing can be told counts as one that nobody armed, and the lease's neard lives on.",
    edits: [
      {
        file: expire,
        text: "isArmed === false || (isArmed === null && leftMs === null);",
        by: "isArmed !== true;",
      },
    ],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "key-unseen-is-none",
    breaks: "A key file that cannot be looked at counts as absent.",
    edits: [
      {
        file: "agent/custody/custody.ts",
        text: 'return !["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");',
        by: "return error === null;",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/custody/custody.test.ts"] },
  },
  {
    name: "filtered-is-absent",
    breaks: "A lock that the token may not read looks like one that does not exist.",
    edits: [{ file: client, text: 'headers["x-consul-results-filtered-by-acls"] === "true"', by: "headers === null" }],
    caughtBy: { simulation: false, tests: [clientTest] },
  },
  {
    name: "missing-right-is-a-verdict",
    breaks: "A renewal in a moment without rights ends the term as if somebody else had the lock.",
    edits: [{ file: client, text: "if (refusedForRight(error.message)) throw", by: 'if (error.message === "") throw' }],
    caughtBy: { simulation: false, tests: [clientTest] },
  },
];
