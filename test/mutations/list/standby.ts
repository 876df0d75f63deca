/** The standby's side: how long it waits, what cuts the wait short, and the take-over itself. */
import type { Mutation } from "../mutation.ts";

const standby = "agent/role/standby.ts";
const watch = "agent/role/watch.ts";
const executor = "agent/run/executor.ts";
const standbyTest = "agent/role/standby.test.ts";
const executorTest = "agent/run/executor.test.ts";

const shorterBy = (ms: number) => ({
  file: watch,
  text: "nowMs + waitMs(lease, heardMs)",
  by: `nowMs + waitMs(lease, heardMs) - ${ms}`,
});

export const standbyMutations: readonly Mutation[] = [
  {
    name: "successor-behind",
    breaks: "A successor takes over although its neard has not seen the old holder's last block.",
    edits: [{ file: standby, text: "(probe?.height ?? 0) < marker.height", by: "probe === null" }],
    caughtBy: { simulation: false, tests: ["agent/role/waiting.test.ts"] },
  },
  {
    name: "wait-one-second-short",
    breaks: "A standby waits one second less than W.",
    edits: [shorterBy(1000)],
    caughtBy: { simulation: true, tests: [standbyTest] },
  },
  {
    name: "wait-two-seconds-short",
    breaks: "A standby waits two seconds less than W.",
    edits: [shorterBy(2000)],
    caughtBy: { simulation: true, tests: [standbyTest] },
  },
  {
    name: "no-wait-after-start",
    breaks: "A standby that starts counts as if it had watched the lock for long: its restart resets nothing.",
    edits: [
      {
        file: watch,
        text: "const overMs = isOld ? watch.overMs",
        by: "const overMs = isOld || watch.confirmedMs === null ? watch.overMs",
      },
    ],
    caughtBy: { simulation: true, tests: [standbyTest] },
  },
  {
    name: "renewals-unseen",
    breaks: "A renewal that the standby sees does not start its wait anew.",
    edits: [
      {
        file: watch,
        text: "const moved = before === null || !isSame(seen.lock, before);",
        by: "const moved = before === null || seen.lock.lockIndex !== before.lockIndex;",
      },
    ],
    caughtBy: { simulation: true, tests: [standbyTest] },
  },
  {
    name: "broken-watch",
    breaks: "A watch that was broken for longer than G goes on counting where it was.",
    edits: [
      {
        file: watch,
        text: "const looked = watch.confirmedMs !== null && nowMs - watch.confirmedMs <= lease.unbrokenMs;",
        by: "const looked = watch.confirmedMs !== null;",
      },
    ],
    // Chance does not bring it about in 36 seeds; these faults do, with each seed.
    caughtBy: { simulation: false, tests: ["test/simulation/restored-unseen.test.ts"] },
  },
  {
    name: "acts-on-old-picture",
    breaks: "A standby acts on a picture that nobody has confirmed for longer than G.",
    edits: [
      {
        file: watch,
        text: "return watch.confirmedMs !== null && nowMs - watch.confirmedMs <= unbrokenMs;",
        by: "return watch.confirmedMs !== null;",
      },
    ],
    caughtBy: { simulation: false, tests: [standbyTest] },
  },
  {
    name: "index-backwards",
    breaks: "An index that goes backwards (a restored snapshot) does not start the wait anew.",
    edits: [{ file: watch, text: "const isBroken = backwards || !looked;", by: "const isBroken = !looked;" }],
    caughtBy: { simulation: false, tests: [standbyTest] },
  },
  {
    name: "watch-from-answer",
    breaks: "A confirmation of the lock counts from the arrival of the answer instead of the question.",
    edits: [
      {
        file: "agent/lease/follow.ts",
        text: "observedFrom(read, keys, sealer, roll, sentMs)",
        by: "observedFrom(read, keys, sealer, roll, clock.bootMs())",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/lease/follow.test.ts"] },
  },
  {
    name: "take-over-without-index",
    breaks: "A take-over does not check that the lock is still at the index that the standby saw.",
    edits: [{ file: executor, text: "consul.transact([check, ", by: "consul.transact([" }],
    caughtBy: { simulation: true, tests: [executorTest] },
  },
  {
    name: "freed-counts-as-clean",
    breaks: "A lock that was freed without a marker (its session died) is taken at once.",
    edits: [
      {
        file: standby,
        text: "const overMs = (marker !== null && isSure) || isOff ? 0",
        by: "const overMs = (marker !== null && isSure) || isOff || (lock.session === null && lock.lockIndex > 0) ? 0",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/waiting.test.ts"] },
  },
  {
    name: "marker-of-any-epoch",
    breaks: "A clean marker counts although it does not name the lock's epoch.",
    edits: [
      {
        file: "agent/lease/lock-record.ts",
        text: "return marker !== undefined && marker.epoch === lock.lockIndex ? marker : null;",
        by: "return marker ?? null;",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/lease/lock-record.test.ts"] },
  },
  {
    name: "marker-merely-found",
    breaks:
      "A clean marker that was there when the watch began counts at once: a restored snapshot may have brought it.",
    edits: [
      {
        file: standby,
        text: "if (marker !== null && marker.to === settings.host && (isSure || isOver))",
        by: "if (marker !== null && marker.to === settings.host)",
      },
    ],
    caughtBy: { simulation: false, tests: [standbyTest] },
  },
  {
    name: "marker-after-a-short-watch",
    breaks: "A clean marker counts at once although its holder was not watched for a whole W.",
    edits: [
      {
        file: standby,
        text: "held?.session === session && nowMs - held.sinceMs >= takeoverMs && ",
        by: "held?.session === session && ",
      },
    ],
    caughtBy: { simulation: false, tests: [standbyTest] },
  },
  {
    name: "marker-of-another-session",
    breaks: "A clean marker counts at once although another session was watched than the one that wrote it.",
    edits: [
      {
        file: standby,
        text: "return held?.session === session && ",
        by: "return held !== null && ",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/waiting.test.ts"] },
  },
  {
    name: "absent-lock-taken",
    breaks: "A lock that does not exist is taken, although it looks the same whether or not somebody had it meanwhile.",
    edits: [
      {
        file: standby,
        text: "  if (isLockAbsent(settings, state, nowMs)) return wait(",
        by: "  if (isLockAbsent(settings, state, nowMs) && nowMs < 0) return wait(",
      },
    ],
    caughtBy: { simulation: false, tests: [standbyTest] },
  },
  {
    name: "record-by-its-index",
    breaks: "Two records of the lock count as the same when their index is, which may begin anew.",
    edits: [
      {
        file: watch,
        text: "const moved = before === null || !isSame(seen.lock, before);",
        by: "const moved = before === null || seen.lock.modifyIndex !== before.modifyIndex;",
      },
    ],
    caughtBy: { simulation: false, tests: [standbyTest] },
  },
  {
    name: "pause-not-in-the-transaction",
    breaks: "A take-over's transaction does not check that nobody has paused meanwhile.",
    edits: [{ file: executor, text: "consul.transact([check, ...pause, ", by: "consul.transact([check, " }],
    caughtBy: { simulation: false, tests: [executorTest] },
  },
  {
    name: "marker-while-held",
    breaks: "A clean marker counts although somebody has the lock.",
    edits: [
      {
        file: "agent/lease/lock-record.ts",
        text: "  if (lock.session !== null || !mayBelieve(lock))",
        by: "  if (!mayBelieve(lock))",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/lease/lock-record.test.ts"] },
  },
  {
    name: "pause-ignored",
    breaks: "A paused cluster takes over by itself.",
    edits: [
      {
        file: standby,
        text: '  if (watch.paused) return wait("paused: automatic take-overs are off");\n',
        by: "",
      },
    ],
    caughtBy: { simulation: false, tests: [standbyTest] },
  },
  {
    name: "successor-not-ready",
    breaks: "A successor that a marker names takes over although its neard could not validate.",
    edits: [
      {
        file: standby,
        text: "  if (fault !== null)\n    return wait(",
        by: "  if (fault !== null && marker?.to !== settings.host)\n    return wait(",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/waiting.test.ts"] },
  },
  {
    name: "abandoned-session-kept",
    breaks: "A try that is given up leaves its session, and perhaps the lock with it.",
    edits: [
      {
        file: "agent/role/standby-phase.ts",
        text: 'if (session !== null) draft.effects.push({ do: "destroy-session", session });\n  setAttempt',
        by: "setAttempt",
      },
    ],
    caughtBy: { simulation: false, tests: [standbyTest] },
  },
];
