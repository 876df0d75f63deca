/** The timing rule, wherever it is read. */
import type { Mutation } from "../mutation.ts";

const timing = "contract/timing.ts";
const timingTests = ["contract/timing.test.ts", "contract/timing.properties.test.ts"];

export const timingMutations: readonly Mutation[] = [
  {
    name: "rule-one-second-lax",
    breaks: "A configuration whose W is up to a second too short is accepted.",
    edits: [{ file: timing, text: "if (sum > t.takeoverMs)", by: "if (sum > t.takeoverMs + 1000)" }],
    caughtBy: { simulation: false, tests: timingTests },
  },
  {
    name: "rule-without-drift",
    breaks: "A configuration whose allowance is too small for two clocks 2 % apart is accepted.",
    edits: [{ file: timing, text: "if (t.skewMs < drift)", by: "if (t.skewMs * 4 < drift)" }],
    caughtBy: { simulation: false, tests: timingTests },
  },
  {
    name: "rule-without-stop-time",
    breaks: "The time that neard can still be heard after the deadline is left out of the rule.",
    edits: [
      {
        file: timing,
        text: "const sum = t.leaseMs + t.stopMs + t.skewMs;",
        by: "const sum = t.leaseMs + t.skewMs;",
      },
    ],
    caughtBy: { simulation: false, tests: timingTests },
  },
  {
    name: "agent-trusts-its-numbers",
    breaks: "The agent does not check the rule: a hand-edited file makes two holders.",
    edits: [
      {
        file: "contract/wire/agent-config.ts",
        text: "leaseTimingSchema.refine((t) => timingFaults(t).length === 0, {",
        by: "leaseTimingSchema.refine((t) => timingFaults(t).length >= 0, {",
      },
    ],
    caughtBy: { simulation: false, tests: ["contract/wire/agent-config.test.ts"] },
  },
  {
    name: "stack-trusts-its-numbers",
    breaks: "The stack's configuration is not checked against the rule.",
    edits: [
      {
        file: "infra/config/cross-checks.ts",
        text: "const sentences = timingFaults(lease).concat(",
        by: "const sentences = timingFaults(lease).slice(0, 0).concat(",
      },
    ],
    caughtBy: { simulation: false, tests: ["infra/config/cross-checks.test.ts"] },
  },
];
