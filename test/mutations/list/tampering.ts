/** Who may write the lock and cannot seal: what he gets by it, and who tells. */
import type { Edit, Mutation } from "../mutation.ts";

const record = "agent/lease/lock-record.ts";
const seal = "agent/lease/seal.ts";
const doubt = "agent/lease/doubt.ts";
const watch = "agent/role/watch.ts";
const executor = "agent/run/executor.ts";
const recordTest = "agent/lease/lock-record.test.ts";
const tamperingTest = "agent/role/tampering.test.ts";
const simulationTest = "test/simulation/tampering.test.ts";

const mutation = (name: string, breaks: string, edit: Edit, tests: readonly string[]): Mutation => ({
  name,
  breaks,
  edits: [edit],
  caughtBy: { simulation: false, tests },
});

export const tamperingMutations: readonly Mutation[] = [
  mutation(
    "marker-of-anybody",
    "A clean marker counts whoever wrote it.",
    { file: record, text: 'return seal === "right" || seal === "missing";', by: "return seal !== null;" },
    [recordTest, tamperingTest, simulationTest],
  ),
  mutation(
    "seal-of-any-kind",
    "Any seal of the right length is right.",
    { file: seal, text: " && timingSafeEqual(one, own)", by: " && timingSafeEqual(own, own)" },
    [recordTest, simulationTest],
  ),
  mutation(
    "seal-without-place",
    "A genuine record counts under whatever session and epoch it was put back.",
    { file: record, text: "return epoch === entry.lockIndex && (", by: 'return epoch >= 0 ? "right" : (' },
    [recordTest],
  ),
  mutation(
    "seal-without-session",
    "A genuine record counts in another session's lock.",
    { file: record, text: " && (entry.session === null || entry.session === session)", by: "" },
    [recordTest],
  ),
  mutation(
    "seal-without-marker",
    "The seal does not cover the marker: one can be written into any genuine record.",
    { file: seal, text: "heardMs ?? null, marker]", by: "heardMs ?? null, marker === null]" },
    [recordTest],
  ),
  mutation(
    "seal-without-lease",
    "The seal does not cover for how long the host is heard.",
    { file: seal, text: "seq, heardMs ?? null, marker]", by: "seq, heardMs === undefined, marker]" },
    [recordTest],
  ),
  mutation(
    "seal-without-lock",
    "A record of another cluster of the same account is right here too.",
    { file: seal, text: '"", `${label}\\n${lockKey}`, 32', by: '"", `${label}\\n`, 32' },
    [recordTest],
  ),
  mutation(
    "seal-by-one-key",
    "While the account's key changes, hosts with one key do not know the records of hosts with another.",
    { file: seal, text: "const macKeys = keys.map(", by: "const macKeys = keys.slice(-1).map(" },
    ["agent/custody/custody.test.ts"],
  ),
  mutation(
    "unproven-lease-believed",
    "A record of which nobody knows who wrote it says how long its host is heard.",
    { file: watch, text: 'if (seal !== "right" || doubt !== null) return', by: "if (heardMs < 0) return" },
    [tamperingTest],
  ),
  mutation(
    "shorter-than-before",
    "A later record shortens the wait that an earlier one asked for.",
    {
      file: watch,
      text: "Math.max(watch.overMs, nowMs + waitMs(lease, heardMs))",
      by: "nowMs + waitMs(lease, heardMs)",
    },
    [tamperingTest],
  ),
  mutation(
    "late-renewal-shortens",
    "An older record of the same term, with a shorter lease in it, counts like a new one.",
    { file: watch, text: "return isLate ? Math.max(said, heardMs) : said;", by: "return said;" },
    [tamperingTest],
  ),
  mutation(
    "watched-through-a-doubt",
    "A holder counts as watched although a foreign hand was in the lock meanwhile.",
    { file: watch, text: "isBroken || doubtOverMs !== null ? null", by: "isBroken ? null" },
    [tamperingTest],
  ),
  mutation(
    "one-before-forgotten",
    "A marker counts at once although the holder before its writer may still be heard.",
    { file: "agent/role/standby.ts", text: " && nowMs >= held.othersOverMs", by: "" },
    [tamperingTest],
  ),
  mutation(
    "no-seal-no-doubt",
    "A record without a seal is as good as one with it.",
    {
      file: doubt,
      text: `  missing: "the lock's record has no seal: an agent of before the seals wrote it, or somebody who has no validator key",`,
      by: "  missing: null,",
    },
    [tamperingTest],
  ),
  mutation(
    "older-state-unseen",
    "A lock that goes back to an older record is taken for a new one.",
    { file: doubt, text: "  if (wentBack) return", by: "  if (wentBack && seq < 0) return" },
    [tamperingTest],
  ),
  mutation(
    "deletion-unseen",
    "A key that was deleted, and perhaps made again, is no reason to wait.",
    { file: doubt, text: "return isLater && wasThere ?", by: "return isLater && wasThere && proven === before ?" },
    [tamperingTest],
  ),
  mutation(
    "overtaken-answer-alarms",
    "Two answers in the wrong order look like somebody who puts Consul's data back.",
    { file: doubt, text: 'seen.seal === "unchecked" || !isLater)', by: 'seen.seal === "unchecked")' },
    [tamperingTest],
  ),
  mutation(
    "foreign-hand-ends-the-guard",
    "Somebody who locks the key of a new deployment once has it sign without looking for another validator.",
    {
      file: "agent/role/guard.ts",
      text: "lock.lockIndex === 0 || notOurs.has(lock.seal)",
      by: "lock.lockIndex === 0",
    },
    ["agent/role/guard.test.ts"],
  ),
  mutation(
    "take-over-sealed-for-the-last-epoch",
    "A new holder's first record names the epoch before its own, and nobody believes it.",
    { file: executor, text: "const epoch = lock.lockIndex + 1;", by: "const epoch = lock.lockIndex;" },
    ["agent/run/executor.test.ts"],
  ),
  mutation(
    "tampering-untold",
    "Nobody says that somebody tampers with the lock.",
    {
      file: "agent/role/reduce.ts",
      text: "watch.doubt?.isTampering === true &&",
      by: "watch.doubt?.isTampering === null &&",
    },
    [tamperingTest],
  ),
];
