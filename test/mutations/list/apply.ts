/** Whom an apply asks before it disturbs a host. */
import type { Mutation } from "../mutation.ts";

const decide = "converge/maintenance/decide.ts";
const decideTest = "converge/maintenance/decide.test.ts";
const withLock = "converge/maintenance/with-lock.ts";
const withLockTest = "converge/maintenance/with-lock.test.ts";
const hostAgent = "converge/maintenance/host-agent.ts";
const hostAgentTest = "converge/maintenance/host-agent.test.ts";
const way = "converge/way-to-others.ts";
const wayTest = "converge/way-to-others.test.ts";

export const applyMutations: readonly Mutation[] = [
  {
    name: "unknown-agent-is-none",
    breaks:
      "An agent whose answer cannot be read counts as none, and the active host is restarted without a switchover.",
    edits: [{ file: hostAgent, text: "    if (!isNobodyThere(error)) return unknown;\n", by: "" }],
    caughtBy: { simulation: false, tests: [hostAgentTest] },
  },
  {
    name: "silent-systemd-is-none",
    breaks: "An agent of which systemd says nothing counts as none.",
    edits: [{ file: hostAgent, text: 'unit?.state === "down" ?', by: 'unit?.state !== "running" ?' }],
    caughtBy: { simulation: false, tests: [hostAgentTest] },
  },
  {
    name: "unknown-agent-is-no-obstacle",
    breaks: "An apply goes on although nothing can be told of its host's agent.",
    edits: [
      {
        file: decide,
        text: 'if ("unknown" in agent) return `the agent',
        by: 'if ("unknown" in agent && nowMs < 0) return `the agent',
      },
    ],
    caughtBy: { simulation: false, tests: [decideTest, withLockTest] },
  },
  {
    name: "apply-before-the-successor",
    breaks: "An apply that had the key given away goes on before another host is active.",
    edits: [
      {
        file: decide,
        text: 'if ("role" in agent && state.isOwed)',
        by: 'if ("role" in agent && state.isOwed && nowMs < 0)',
      },
    ],
    caughtBy: { simulation: false, tests: [decideTest] },
  },
  {
    name: "lockless-is-careless",
    breaks: "An apply without the lock, for Consul has no quorum, does not ask whether its host is active.",
    edits: [
      { file: withLock, text: "    if (!context.keepsKey) await untilReady(context, { hasQuorum: false });\n", by: "" },
    ],
    caughtBy: { simulation: false, tests: [withLockTest] },
  },
  {
    name: "unsealed-or-not",
    breaks: "An apply whose host's credentials cannot be unsealed goes on without lock and handover.",
    edits: [
      {
        file: way,
        text: 'throw refusal(host, error.message.replace(/\\.$/, ""), next, error);',
        by: "return error.message === next ? null : null;",
      },
      {
        file: way,
        text: 'if (servers === null) throw new Error("an agent without a way to Consul has passed its checks");',
        by: "if (servers === null) return null;",
      },
    ],
    caughtBy: { simulation: false, tests: [wayTest] },
  },
  {
    name: "no-settings-no-agent",
    breaks: "A host whose agent's settings are gone counts as one without an agent, although one runs.",
    edits: [{ file: way, text: 'if ("absent" in seen) return null;', by: "if (seen !== null) return null;" }],
    caughtBy: { simulation: false, tests: [wayTest] },
  },
  {
    name: "leader-goes-first",
    breaks: "In a rolling restart of Consul its leader goes before the other servers.",
    edits: [{ file: decide, text: "if (seen.leads === true && freeMs < bounds.freeMs)", by: "if (freeMs < 0)" }],
    caughtBy: { simulation: false, tests: [decideTest, withLockTest] },
  },
  {
    name: "leader-keeps-leading",
    breaks: "Consul's leader is restarted without handing over.",
    edits: [{ file: decide, text: "  if (heir === null) return {", by: "  if (heir === null || nowMs >= 0) return {" }],
    caughtBy: { simulation: false, tests: [decideTest, withLockTest] },
  },
  {
    name: "servers-in-a-row",
    breaks:
      "A Consul server is restarted within the lock-delay of the one before, which may lead then and refuse renewals.",
    edits: [
      {
        file: "converge/health.ts",
        text: 'if (lockDelayMs !== null && spec.healthy.includes("consul-voter"))',
        by: "if (lockDelayMs !== null && spec.healthy.length > 9)",
      },
    ],
    caughtBy: { simulation: false, tests: ["converge/health.test.ts"] },
  },
  {
    name: "no-snapshot-no-matter",
    breaks: "Consul gets another version although its data could not be saved first.",
    edits: [
      {
        file: "converge/keep-snapshot.ts",
        text: "if (!tokenUnknown(error)) throw notSaved(host, error);",
        by: "if (!tokenUnknown(error)) return progress(notSaved(host, error).message);",
      },
    ],
    caughtBy: { simulation: false, tests: ["converge/keep-snapshot.test.ts"] },
  },
  {
    name: "credential-goes-first",
    breaks: "A credential that left the spec is deleted while the unit still asks for it.",
    edits: [
      {
        file: "converge/plan-steps.ts",
        text: "const isLate = (step: Step) => isSealed(step) || isRead(step);",
        by: 'const isLate = (step: Step) => isRead(step) && step.kind !== "delete-file";',
      },
    ],
    caughtBy: { simulation: false, tests: ["converge/plan-steps.test.ts"] },
  },
];
