/** What may be taken away of a cluster, and what comes in its place. */
import type { Mutation } from "../mutation.ts";

const away = "contract/taking-away.ts";
const awayTest = "contract/taking-away.test.ts";
const predecessor = "converge/predecessor.ts";
const predecessorTest = "converge/predecessor.test.ts";
const drain = "converge/drain.ts";
const drainTest = "converge/drain.test.ts";

export const replaceMutations: readonly Mutation[] = [
  {
    name: "memory-lost-votes-on",
    breaks: "A Consul server without its data is started while the others still count on the voter that it was.",
    edits: [
      {
        file: predecessor,
        text: "predecessorsIn(seen.servers, work).length === 0",
        by: "predecessorsIn(seen.servers, work).length >= 0",
      },
    ],
    caughtBy: { simulation: false, tests: [predecessorTest] },
  },
  {
    name: "living-namesake-dismissed",
    breaks: "A living server of the same name is taken off the others' list.",
    edits: [{ file: predecessor, text: "if (!isAlive) await seen", by: "await seen" }],
    caughtBy: { simulation: false, tests: [predecessorTest] },
  },
  {
    name: "drained-without-quorum",
    breaks: "A host is taken out of service while Consul has no quorum, of which its server may be a part.",
    edits: [{ file: drain, text: "alone?.isLocked === false", by: "alone?.isLocked === undefined" }],
    caughtBy: { simulation: false, tests: [drainTest] },
  },
  {
    name: "vote-before-goodbye",
    breaks: "Consul leaves without asking once more whether the others can do without this server.",
    edits: [{ file: drain, text: "    await alone?.untilSpared();\n", by: "" }],
    caughtBy: { simulation: false, tests: [drainTest] },
  },
  {
    name: "majority-of-the-rest",
    breaks: "A majority of the servers that are left is enough to take one away, as if none could fail meanwhile.",
    edits: [{ file: away, text: "good >= majority(voters)", by: "good >= majority(voters - 1)" }],
    caughtBy: { simulation: false, tests: [awayTest] },
  },
  {
    name: "silent-is-dead",
    breaks: "A host that gives no answer here counts as dead, though the others see it hold the lock.",
    edits: [{ file: away, text: "status?.holder === host.name", by: "status?.holder === ''" }],
    caughtBy: { simulation: false, tests: [awayTest] },
  },
  {
    name: "last-standby-goes",
    breaks: "The only standby that is ready is taken away without a word.",
    edits: [
      {
        file: away,
        text: "if (ready.length > 0) return [];\n  const active",
        by: "if (ready.length >= 0) return [];\n  const active",
      },
    ],
    caughtBy: { simulation: false, tests: [awayTest] },
  },
];
