/** The first activation beside another validator, and standing down for a restored snapshot. */
import type { Mutation } from "../mutation.ts";

const guard = "agent/role/guard.ts";
const standDown = "agent/role/stand-down.ts";
const guarded = { simulation: false, tests: ["agent/role/guard.test.ts"] };
const stoodDown = { simulation: false, tests: ["agent/role/stand-down.test.ts"] };

export const guardMutations: readonly Mutation[] = [
  {
    name: "guard-skipped",
    breaks: "A first activation does not ask whether the account is validating elsewhere.",
    edits: [{ file: "agent/role/standby.ts", text: "if (guard !== null) return wait(guard.because);", by: "" }],
    caughtBy: guarded,
  },
  {
    name: "guard-sees-no-production",
    breaks: "What the account produces elsewhere does not end its silence.",
    edits: [{ file: guard, text: "if (grown.produced > 0)", by: "if (grown.produced < 0)" }],
    caughtBy: guarded,
  },
  {
    name: "guard-watches-no-least-time",
    breaks: "A few missed duties are enough, however short the watch: a restarting validator looks silent.",
    edits: [{ file: guard, text: "missed >= duties && silentMs >= leastMs", by: "missed >= duties" }],
    caughtBy: guarded,
  },
  {
    name: "guard-over-near-epochs",
    breaks: "The watch goes on over a NEAR epoch that nobody looked at.",
    edits: [{ file: guard, text: "if (sight.nearEpoch !== last.nearEpoch + 1) return null;", by: "" }],
    caughtBy: guarded,
  },
  {
    name: "guard-counts-lost-seconds",
    breaks: "A NEAR epoch's last seconds, whose counts nobody saw, count as silence.",
    edits: [{ file: guard, text: "guard.silentSinceMs + grown.unseenMs", by: "guard.silentSinceMs" }],
    caughtBy: guarded,
  },
  {
    name: "guard-compares-near-epochs",
    breaks: "What the account produced in a new NEAR epoch is compared with the old one's count.",
    edits: [
      {
        file: guard,
        text: "produced: sight.produced, expected: sight.expected, unseenMs",
        by: "produced: sight.produced - last.produced, expected: sight.expected, unseenMs",
      },
    ],
    caughtBy: guarded,
  },
  {
    name: "guard-over-breaks",
    breaks: "The watch goes on over a break in which nobody looked.",
    edits: [{ file: guard, text: "passedMs > maxBreakMs || ", by: "" }],
    caughtBy: guarded,
  },
  {
    name: "guard-by-a-lagging-neard",
    breaks: "A neard that does not follow the chain counts as a witness of silence.",
    edits: [
      {
        file: guard,
        text: "if (neardFault(settings, state.probe, nowMs) !== null) {",
        by: "if (neardFault(settings, null, nowMs) === null) {",
      },
    ],
    caughtBy: guarded,
  },
  {
    name: "stand-down-keeps-the-lease",
    breaks: "A holder that is told to stand down goes on holding.",
    edits: [{ file: standDown, text: 'if ("lease" in phase)', by: 'if ("lease" in phase && untilMs === 0)' }],
    caughtBy: stoodDown,
  },
  {
    name: "stand-down-takes-over",
    breaks: "A standby that stands down takes over all the same.",
    edits: [
      {
        file: "agent/role/readiness.ts",
        text: "if (standDown !== null)",
        by: "if (standDown !== null && standDown.untilMs < nowMs)",
      },
    ],
    caughtBy: stoodDown,
  },
  {
    name: "stand-up-trusts-what-it-saw",
    breaks: "An agent that stands up again goes on with what it saw of the lock before.",
    edits: [{ file: standDown, text: "{ ...newWatch(draft.nowMs),", by: "{ ...draft.state.watch," }],
    caughtBy: stoodDown,
  },
  {
    name: "stand-up-forgets-a-longer-wait",
    breaks: "Standing down ends the longest wait, which a doubt had begun.",
    edits: [{ file: standDown, text: "Math.max(standDown.overMs, draft.nowMs)", by: "draft.nowMs" }],
    caughtBy: stoodDown,
  },
];
