/** Whether the chain hears the holder, whether its key counts, a key that changes, and neards that die of a take-over. */
import type { Mutation } from "../mutation.ts";

const heard = "agent/role/heard.ts";
const keys = "agent/role/keys.ts";
const rotation = "agent/role/rotation.ts";
const listened = { simulation: false, tests: ["agent/role/heard.test.ts"] };
const compared = { simulation: false, tests: ["agent/role/keys.test.ts"] };
const rotated = { simulation: false, tests: ["agent/role/rotation.test.ts"] };
const counted = { simulation: false, tests: ["agent/role/deaths.test.ts"] };

export const heardMutations: readonly Mutation[] = [
  {
    name: "heard-by-its-own-word",
    breaks: "A holder whose endorsements, chunks and blocks are all missed is not said to be unheard.",
    edits: [
      {
        file: heard,
        text: "if (kinds.some((kind) => isShort(duties[kind], kind))) {",
        by: "if (kinds.every((kind) => isShort(duties[kind], kind))) {",
      },
    ],
    caughtBy: listened,
  },
  {
    name: "heard-at-the-first",
    breaks: "The first endorsement that is taken counts as heard, though the others listen to the old holder as well.",
    edits: [{ file: heard, text: " || !isMoreThanLuck(heard)", by: "" }],
    caughtBy: listened,
  },
  {
    name: "heard-counts-the-old-holder",
    breaks: "What the account had done before neard got the key counts for the new holder.",
    edits: [
      {
        file: heard,
        text: "if (last === null || !isLater(last, sight)) return { ...heard, last: sight };",
        by: "if (last !== null && !isLater(last, sight)) return { ...heard, last: sight };",
      },
      {
        file: heard,
        text: "sight.nearEpoch === last.nearEpoch ? between(last.duties, sight.duties) : sight.duties",
        by: "sight.nearEpoch === last?.nearEpoch ? between(last.duties, sight.duties) : sight.duties",
      },
    ],
    caughtBy: listened,
  },
  {
    name: "heard-over-near-epochs",
    breaks: "A new NEAR epoch, in which the counts begin at zero, is taken for the old one.",
    edits: [{ file: heard, text: "sight.nearEpoch === last.nearEpoch ? ", by: 'sight.standing === "validating" ? ' }],
    caughtBy: listened,
  },
  {
    name: "key-not-compared",
    breaks: "A standby whose key the chain does not have for the account takes over, and neard ends itself.",
    edits: [
      {
        file: keys,
        text: "  if (sight === null || counting === null || isSealed(settings, state, counting)) return null;",
        by: "  if (sight === null || counting !== undefined || isSealed(settings, state, counting)) return null;",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/keys.test.ts", "test/simulation/rotation.test.ts"] },
  },
  {
    name: "key-unknown-is-wrong",
    breaks: "While the chain cannot be asked nobody takes over.",
    edits: [
      {
        file: keys,
        text: "  if (sight === null || counting === null ||",
        by: '  if (sight === null) return "the chain was not asked yet";\n  if (counting === null ||',
      },
    ],
    caughtBy: compared,
  },
  {
    name: "either-key-will-do",
    breaks: "A take-over is proven by a neard that has the other one of the two keys, which does not count.",
    edits: [
      {
        file: "agent/role/taking.ts",
        text: 'phase.step === "resuming" ? isOwnKey(settings, key) : key === phase.key',
        by: "isOwnKey(settings, key)",
      },
    ],
    caughtBy: compared,
  },
  {
    name: "standby-with-the-next-key",
    breaks: "A standby's neard that somebody gave the next key is left alone.",
    edits: [
      {
        file: "agent/role/standby-phase.ts",
        text: "isOwnKey(draft.settings, probe.validatorKey)) {",
        by: "probe.validatorKey === draft.settings.publicKey) {",
      },
    ],
    caughtBy: compared,
  },
  {
    name: "rotation-waits-for-the-epoch",
    breaks: "The old key is still in neard when the NEAR epoch turns in which it does not count any more.",
    edits: [{ file: rotation, text: "isEpochEndNear(state, leadBlocks);", by: "isEpochEndNear(state, -leadBlocks);" }],
    caughtBy: { simulation: false, tests: ["agent/role/rotation.test.ts", "test/simulation/rotation.test.ts"] },
  },
  {
    name: "rotation-before-the-epoch",
    breaks: "The new key is loaded in the old NEAR epoch, and what it signs is nobody's.",
    edits: [
      {
        file: rotation,
        text: "if (counting !== null && counting !== phase.key && isSealed(settings, state, counting)) {",
        by: "if (counting !== null && isSealed(settings, state, counting)) {",
      },
    ],
    caughtBy: rotated,
  },
  {
    name: "rotation-fails-and-goes-on",
    breaks: "A neard whose key was unloaded, and that does not take the other one, is left alive.",
    edits: [
      {
        file: rotation,
        text: "  enterDemoting(draft, because, { release: releaseOf(lease) });",
        by: "  if (lease.epoch < 0) enterDemoting(draft, because, { release: releaseOf(lease) });",
      },
    ],
    caughtBy: rotated,
  },
  {
    name: "keyless-neard-lives-on",
    breaks: "An active neard that lost its key is kept as long as no other host is ready.",
    edits: [
      {
        file: "agent/role/active.ts",
        text: "if (isKeyless && badMs >= keylessMs) {",
        by: "if (isKeyless && badMs < 0) {",
      },
    ],
    caughtBy: rotated,
  },
  {
    name: "death-repeated-at-once",
    breaks: "A neard that dies of its take-over is followed by the next one at once.",
    edits: [
      {
        file: "agent/role/standby.ts",
        text: "if (backoff !== null && waitedMs < backoff.waitMs)",
        by: "if (backoff !== null && waitedMs < 0)",
      },
    ],
    caughtBy: counted,
  },
  {
    name: "death-stops-the-validator",
    breaks: "After some deaths in a row nobody tries a take-over any more.",
    edits: [
      {
        file: "agent/role/deaths.ts",
        text: "backoffMs[marker.deaths] ?? Math.max(...backoffMs)",
        by: "backoffMs[marker.deaths] ?? Number.POSITIVE_INFINITY",
      },
    ],
    caughtBy: counted,
  },
];
