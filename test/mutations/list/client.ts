/** What is asked of Consul, and how its answers are read. */
import type { Mutation } from "../mutation.ts";

const client = "host/consul/client.ts";
const errors = "host/consul/errors.ts";
const clientTest = "host/consul/client.test.ts";

export const clientMutations: readonly Mutation[] = [
  {
    name: "reads-without-quorum",
    breaks: "The standby's reads are not consistent: a deposed leader's old record can look new.",
    edits: [
      { file: client, text: '(stale ? { stale: "1" } : { consistent: "1" })', by: '(stale ? { stale: "1" } : {})' },
    ],
    caughtBy: { simulation: false, tests: [clientTest] },
  },
  {
    name: "silence-is-refusal",
    breaks: "A request that was not answered counts as refused, although it may have happened.",
    edits: [
      {
        file: errors,
        text: "if (status === undefined) return new ConsulUnknown(`${url}: ${message ?? String(error)}`);",
        by: "if (status === undefined) return new ConsulRefused(0, `${url}: ${message ?? String(error)}`);",
      },
    ],
    caughtBy: { simulation: false, tests: [clientTest] },
  },
  {
    name: "no-leader-is-refusal",
    breaks: "An election counts as a refusal, and costs the holder its lease.",
    edits: [
      { file: errors, text: "if (status === 500 && !refusals.test(text))", by: 'if (status === 500 && text === "")' },
    ],
    caughtBy: { simulation: false, tests: [clientTest] },
  },
  {
    name: "session-dies-by-gossip",
    breaks: "A session has Consul's default health check: gossip alone frees the lock of a live holder.",
    edits: [{ file: client, text: "      NodeChecks: [],\n", by: "" }],
    caughtBy: { simulation: false, tests: [clientTest] },
  },
  {
    name: "leaderless-is-down",
    breaks: "A Consul that knows no leader counts as one that is down: an apply goes on without the maintenance lock.",
    edits: [
      {
        file: client,
        text: "this.#shaped(z.string(), bodyOf(answer)) || null",
        by: "this.#shaped(z.string().min(1), bodyOf(answer))",
      },
    ],
    caughtBy: { simulation: false, tests: [clientTest] },
  },
];
