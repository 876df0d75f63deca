/** Where the key goes, and what is to be remembered of a term. */
import type { Mutation } from "../mutation.ts";

const custody = "agent/custody/custody.ts";
const place = "agent/custody/key-place.ts";
const placeTest = "agent/custody/key-place.test.ts";
const taking = "agent/role/taking.ts";
const holderTest = "agent/role/holder.test.ts";

export const placeMutations: readonly Mutation[] = [
  {
    name: "ready-without-a-place",
    breaks: "A host whose key has no place is chosen, takes the lock, and gives it back.",
    edits: [{ file: "agent/role/readiness.ts", text: " ?? state.keyPlaceFault ??", by: " ??" }],
    caughtBy: { simulation: false, tests: ["agent/role/standby.test.ts"] },
  },
  {
    name: "key-on-a-disk",
    breaks: "The key is written into a directory that is on a disk.",
    edits: [{ file: place, text: "if (!facts.isMemory) return", by: "if (facts.mode < 0) return" }],
    caughtBy: { simulation: false, tests: [placeTest] },
  },
  {
    name: "place-of-anybody",
    breaks: "The key is written into a directory that belongs to somebody else.",
    edits: [{ file: place, text: "facts.uid !== owner.uid || ", by: "" }],
    caughtBy: { simulation: false, tests: [placeTest] },
  },
  {
    name: "place-open-to-all",
    breaks: "The key is written into a directory that everybody may enter.",
    edits: [{ file: place, text: "if (facts.mode !== placeMode)", by: "if (facts.mode < 0)" }],
    caughtBy: { simulation: false, tests: [placeTest] },
  },
  {
    name: "written-wherever",
    breaks: "The key is written without a look at its place.",
    edits: [{ file: custody, text: "if (fault !== null) throw new Error(fault.because);", by: "" }],
    caughtBy: { simulation: false, tests: ["agent/custody/custody.test.ts"] },
  },
  {
    name: "written-through-a-link",
    breaks: "The key goes where a link leads that somebody left in its place.",
    edits: [
      {
        file: custody,
        text: "openSync(temporary(file), newFile, 0o400);",
        by: 'openSync(temporary(file), "w", 0o400);',
      },
      { file: custody, text: "  rmSync(temporary(file), { force: true });\n  const fd", by: "  const fd" },
    ],
    caughtBy: { simulation: false, tests: ["agent/custody/custody.test.ts"] },
  },
  {
    name: "done-with-the-lock",
    breaks: "A switchover is done when the successor has the lock, which it may give back.",
    edits: [
      {
        file: "agent/role/switchover-end.ts",
        text: "if (watch.notes[host]?.isActive === true) return",
        by: "if (watch.lock !== null) return",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/switchover.test.ts"] },
  },
  {
    name: "active-since-the-restart",
    breaks: "A host is active since its agent was restarted, and a death of its neard then is the take-over's.",
    edits: [{ file: taking, text: "const activeMs = phase.activeMs ?? nowMs;", by: "const activeMs = nowMs;" }],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "resumed-death-is-the-take-overs",
    breaks: "A neard that dies while an agent is starting counts as dead of its key, however long it had that.",
    edits: [{ file: taking, text: "phase.activeMs ?? phase.stepMs", by: "phase.stepMs" }],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "first-take-gives-back",
    breaks: "An address that was taken twice is given back when the first take's time is over.",
    edits: [{ file: "agent/address/operators-command.ts", text: "        clearTimeout(before?.timer);\n", by: "" }],
    caughtBy: { simulation: false, tests: ["agent/address/operators-command.test.ts"] },
  },
];
