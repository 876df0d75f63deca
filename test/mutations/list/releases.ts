/** What another release wrote, and a cluster that changes its release or its management token. */
import type { Mutation } from "../mutation.ts";

const format = "contract/wire/format.ts";
const steps = "converge/plan-steps.ts";
const token = "converge/management-token.ts";
const tokenTest = "converge/management-token.test.ts";
const store = "converge/spec-store.ts";
const storeTest = "converge/spec-store.test.ts";

function mutation(name: string, breaks: string, edit: Mutation["edits"][number], ...tests: string[]): Mutation {
  return { name, breaks, edits: [edit], caughtBy: { simulation: false, tests } };
}

export const releaseMutations: readonly Mutation[] = [
  mutation(
    "newer-format-is-read",
    "What a newer release wrote is acted on as if it were of this one.",
    { file: format, text: "if (format > shape.format)", by: "if (format > shape.format + 1000)" },
    "contract/wire/format.test.ts",
    "agent/lease/lock-record.test.ts",
    "test/wire/wire.test.ts",
  ),
  mutation(
    "newer-record-is-right",
    "A record that says that it is of a newer release counts as one with a right seal.",
    {
      file: "agent/lease/lock-record.ts",
      text: 'if (reading.is === "newer") return "newer";',
      by: 'if (reading.is === "newer") return "right";',
    },
    "agent/lease/lock-record.test.ts",
  ),
  mutation(
    "newer-note-is-absent",
    "A host whose note is not understood is left out, as if it were none of the cluster's.",
    {
      file: "agent/lease/follow.ts",
      text: '{ ...notUnderstood, answers: [], because: "its note is of a newer release" }',
      by: '{ ...notUnderstood, answers: [], ready: true, because: "its note is of a newer release" }',
    },
    "agent/lease/follow.test.ts",
    "test/wire/wire.test.ts",
  ),
  mutation(
    "own-config-goes-early",
    "What the agent's old unit starts from is changed and deleted before its agent is restarted.",
    {
      file: steps,
      text: "const isLate = (step: Step) => isSealed(step) || isRead(step);",
      by: "const isLate = (step: Step) => isSealed(step) || isRead(step) === null;",
    },
    "converge/agent-switch.test.ts",
  ),
  mutation(
    "older-spec-is-passed-over",
    "What an older release has applied since is not seen: the whole spec of before counts.",
    {
      file: store,
      text: 'whole?.is !== "read" || whole.value.beside !== sha256(beside)',
      by: 'whole?.is !== "read" || whole.value.beside === sha256("")',
    },
    storeTest,
  ),
  mutation(
    "agents-all-at-once",
    "Agents are restarted on all hosts at the same time.",
    {
      file: "converge/converge.ts",
      text: "disturbed.size === 0 && !restartsAgent(steps)",
      by: "disturbed.size === 0 || steps.length === 0",
    },
    "converge/converge.test.ts",
  ),
  mutation(
    "foreign-acl-is-taken",
    "A Consul that was bootstrapped with another management token is taken for one that was with ours.",
    { file: token, text: 'if (typeof seen === "object") throw otherToken(seen.resetIndex);', by: "" },
    tokenTest,
  ),
  mutation(
    "reset-number-stays",
    "The number that lets anybody bootstrap Consul's ACLs again stays on a server.",
    { file: token, text: "      await file.remove();\n", by: "" },
    tokenTest,
  ),
  mutation(
    "bootstrapped-unasked",
    "Consul is bootstrapped without asking first whether it knows the token.",
    { file: token, text: '  if (await consul.knowsToken()) return "known";\n', by: "" },
    tokenTest,
  ),
  mutation(
    "servers-have-the-token",
    "Consul's servers get the management token in their configuration.",
    {
      file: "infra/secrets/make-secrets.ts",
      text: "acl: { tokens: { agent: host.consulToken } }",
      by: "acl: { tokens: { agent: host.consulToken, initial_management: (cluster as ClusterSecretValues).managementToken } }",
    },
    "infra/secrets/make-secrets.test.ts",
    "infra/components/cluster.test.ts",
  ),
];
