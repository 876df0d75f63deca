/** The holder's side: how long it may sign, and how it learns that it may not. */
import type { Mutation } from "../mutation.ts";

const holder = "agent/role/holder.ts";
const executor = "agent/run/executor.ts";
const holderTest = "agent/role/holder.test.ts";
const executorTest = "agent/run/executor.test.ts";

export const leaseMutations: readonly Mutation[] = [
  {
    name: "lease-from-answer",
    breaks: "A renewal's lease counts from the arrival of its answer instead of its sending.",
    edits: [
      {
        file: holder,
        text: "const deadlineMs = event.sentMs + draft.settings.lease.leaseMs;",
        by: "const deadlineMs = draft.nowMs + draft.settings.lease.leaseMs;",
      },
    ],
    caughtBy: { simulation: true, tests: [holderTest] },
  },
  {
    name: "first-lease-from-answer",
    breaks: "The first lease after a take-over counts from the arrival of the transaction's answer.",
    edits: [
      {
        file: "agent/role/standby-phase.ts",
        text: "deadlineMs: sentMs + draft.settings.lease.leaseMs,",
        by: "deadlineMs: draft.nowMs + draft.settings.lease.leaseMs,",
      },
    ],
    caughtBy: { simulation: true, tests: [holderTest] },
  },
  {
    name: "sent-read-after-answer",
    breaks: "The edge reads the clock for `sent` when the renewal is answered.",
    edits: [
      {
        file: executor,
        text: '{ is: "renewed", session, sentMs, lockIndex }',
        by: '{ is: "renewed", session, sentMs: clock.bootMs(), lockIndex }',
      },
    ],
    caughtBy: { simulation: true, tests: [executorTest] },
  },
  {
    name: "deadline-not-checked",
    breaks: "A holder whose lease ran out goes on as if it had not.",
    edits: [
      {
        file: holder,
        text: "if (draft.nowMs >= leaseOf(draft).deadlineMs) {",
        by: "if (leaseOf(draft).deadlineMs < 0) {",
      },
    ],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "refusal-as-silence",
    breaks: "A renewal that Consul refuses is taken for one that was not answered.",
    edits: [
      {
        file: executor,
        text: 'this.#dispatch({ is: "renew-refused", session, because: outcome.because });',
        by: "",
      },
    ],
    caughtBy: { simulation: false, tests: [executorTest] },
  },
  {
    name: "refusal-ignored",
    breaks: "The core goes on holding after a refused renewal, until the deadline.",
    edits: [
      {
        file: holder,
        text: 'if (event.is === "renew-refused" && event.session === lease.session) {',
        by: 'if (event.is === "renew-refused" && event.session === "") {',
      },
    ],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "foreign-epoch",
    breaks: "A renewal that is confirmed under another epoch extends our lease.",
    edits: [{ file: holder, text: "if (event.lockIndex !== phase.lease.epoch) {", by: "if (event.lockIndex < 0) {" }],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "renewal-by-non-owner",
    breaks: "A renewal does not check that its session has the lock: a late one locks what was released.",
    edits: [
      {
        file: executor,
        text: `      { verb: "check-session", key: keys.lock, session },
      { verb: "lock", key: keys.lock, session, value },`,
        by: '      { verb: "lock", key: keys.lock, session, value },',
      },
    ],
    caughtBy: { simulation: true, tests: [executorTest] },
  },
  {
    name: "length-of-the-lease-unsaid",
    breaks: "A renewal does not say how long its lease is: a standby with a shorter one takes over too soon.",
    edits: [
      {
        file: executor,
        text: "const value = this.#record({ session, epoch, seq, heardMs });",
        by: "const value = this.#record({ session, epoch, seq, ...(seq < 0 ? { heardMs } : {}) });",
      },
    ],
    caughtBy: { simulation: false, tests: [executorTest, "test/simulation/other-timing.test.ts"] },
  },
  {
    name: "rest-of-the-old-lease-unsaid",
    breaks: "An agent that was started with a shorter lease than the one before does not say what that one left.",
    edits: [
      {
        file: holder,
        text: "Math.ceil(Math.max(leaseMs, lease.deadlineMs - nowMs) + stopMs);",
        by: "leaseMs + stopMs;",
      },
    ],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "epoch-from-modify-index",
    breaks: "The epoch is taken from ModifyIndex, which every write moves, instead of LockIndex.",
    edits: [{ file: "host/consul/client.ts", text: "lockIndex: raw.LockIndex,", by: "lockIndex: raw.ModifyIndex," }],
    caughtBy: { simulation: false, tests: ["host/consul/client.test.ts"] },
  },
  {
    name: "wall-clock",
    breaks: "Deadlines are on the wall clock, which can be stepped, instead of the boot-time clock.",
    edits: [
      {
        file: "host/system/clock.ts",
        text: "export const systemClock: Clock = {\n  bootMs,",
        by: "export const systemClock: Clock = {\n  bootMs: () => (bootMs() > 0 ? Date.now() : 0),",
      },
    ],
    caughtBy: { simulation: false, tests: ["host/system/clock.test.ts"] },
  },
];
