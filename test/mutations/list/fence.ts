/** The fence: what the kernel is told, when it is fed, and in which order. */
import type { Mutation } from "../mutation.ts";

const fence = "agent/fence/fence.ts";
const ruleset = "agent/fence/ruleset.ts";
const rulesetTest = "agent/fence/ruleset.test.ts";
const whatLeavesTest = "agent/fence/what-leaves.test.ts";
const fenceTest = "agent/fence/fence.test.ts";
const holderTest = "agent/role/holder.test.ts";

export const fenceMutations: readonly Mutation[] = [
  {
    name: "fed-two-seconds-long",
    breaks: "The fence is fed up to two seconds after the deadline.",
    edits: [
      {
        file: "agent/role/feeding.ts",
        text: '{ do: "feed", epoch: lease.epoch, untilMs: lease.deadlineMs }',
        by: '{ do: "feed", epoch: lease.epoch, untilMs: lease.deadlineMs + 2000 }',
      },
    ],
    caughtBy: { simulation: true, tests: [holderTest] },
  },
  {
    name: "flushed-fence-stays-away",
    breaks: "A fence that somebody flushed does not come back while the host gives way.",
    edits: [
      {
        file: "agent/run/neard-host.ts",
        text: 'else if (phase.name === "demoting") await fence.shut(phase.epoch);',
        by: 'else if (phase.name === "demoting") return;',
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/run/neard-host.test.ts"] },
  },
  {
    name: "flushed-fence-lets-all-through",
    breaks: "A fence that somebody flushed comes back as nobody's while the host may have the key.",
    edits: [
      {
        file: "agent/run/neard-host.ts",
        text: 'if (phase.name === "standby" || isDisarmed) await fence.disarm();',
        by: 'if (phase.name === "standby" || phase.name === "demoting") await fence.disarm();',
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/run/neard-host.test.ts"] },
  },
  {
    name: "flushed-fence-shut-behind-its-disarming",
    breaks: "A fence that is seen gone while it is being disarmed is shut behind that, and stays so on a standby.",
    edits: [
      {
        file: "agent/run/neard-host.ts",
        text: '(phase.step === "disarming" || phase.step === "starting")',
        by: 'phase.step === "starting"',
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/run/neard-host.test.ts"] },
  },
  {
    name: "flushed-fence-fed-beyond-the-lease",
    breaks: "A fence that somebody flushed comes back open for longer than the lease.",
    edits: [
      {
        file: "agent/run/neard-host.ts",
        text: "await fence.feed(phase.lease.epoch, phase.lease.deadlineMs);",
        by: "await fence.feed(phase.lease.epoch, phase.lease.deadlineMs + 2000);",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/run/neard-host.test.ts"] },
  },
  {
    name: "remaining-computed-early",
    breaks: "What is left of the lease is computed when a feed is asked for, not when nft is reached.",
    edits: [
      {
        file: fence,
        text: "    await this.#enqueue(async () => {\n      this.#epoch = epoch;\n      try {",
        by: `    const askedMs = this.#clock.bootMs();
    await this.#enqueue(async () => {
      this.#epoch = epoch;
      untilMs += this.#clock.bootMs() - askedMs;
      try {`,
      },
    ],
    caughtBy: { simulation: true, tests: [fenceTest] },
  },
  {
    name: "feed-overtakes-shut",
    breaks: "The fence's operations run side by side: a feed that was asked for before a shut can come after it.",
    edits: [
      {
        file: fence,
        text: "const mine = this.#queue.then(operation);",
        by: "const mine = operation();",
      },
    ],
    caughtBy: { simulation: false, tests: [fenceTest] },
  },
  {
    name: "no-wall-deadline",
    breaks: "The fence does not look at the wall clock: an element that is fed late lives too long.",
    edits: [
      {
        file: ruleset,
        text: "deadline meta time < ${Math.floor(wallDeadlineMs / 1000)} accept",
        by: "deadline accept",
      },
    ],
    caughtBy: { simulation: true, tests: [rulesetTest] },
  },
  {
    name: "wall-deadline-rounded-up",
    breaks: "The wall clock's deadline is rounded up: the fence may be open a second too long.",
    edits: [{ file: ruleset, text: "Math.floor(wallDeadlineMs / 1000)", by: "Math.ceil(wallDeadlineMs / 1000)" }],
    caughtBy: { simulation: false, tests: [rulesetTest] },
  },
  {
    name: "no-kernel-timeout",
    breaks: "The fence's element has no timeout: a wall clock that is stepped back keeps it open.",
    edits: [{ file: ruleset, text: " timeout ${Math.floor(remainingMs)}ms }", by: " }" }],
    caughtBy: { simulation: true, tests: [rulesetTest] },
  },
  {
    name: "element-not-replaced",
    breaks: "A feed does not flush the old element first; nft keeps the old timeout of one that is there.",
    edits: [{ file: ruleset, text: "    `flush set inet ${fenceTable} alive`,\n", by: "" }],
    caughtBy: { simulation: false, tests: [rulesetTest] },
  },
  {
    name: "armed-starts-open",
    breaks: "A fence that is armed lets packets out before it was fed.",
    edits: [{ file: ruleset, text: "`ct mark ${mark} ct mark @alive jump deadline`", by: "`ct mark ${mark} accept`" }],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "ended-epochs-not-reset",
    breaks: "Connections of ended epochs are only dropped: their sockets go on, and get out when the rules go.",
    edits: [
      {
        file: ruleset,
        text: "[`${ours} meta l4proto tcp counter reject with tcp reset`, `${ours} counter drop`]",
        by: "[`${ours} counter drop`]",
      },
    ],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "resets-may-carry",
    breaks: "A packet with a reset in it may leave whatever else it carries.",
    edits: [{ file: ruleset, text: " tcp doff ${words} meta length ${bytes} accept", by: " accept" }],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "small-packets-may-leave",
    breaks:
      "What says farewell need not be a reset: acknowledgements of an ended epoch leave, and keep its connections alive.",
    edits: [{ file: ruleset, text: "tcp flags & rst == rst meta nfproto", by: "meta nfproto" }],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "forgotten-connections-leave",
    breaks: "What a dead process left leaves once the kernel has forgotten its connection, and with it the mark.",
    edits: [
      {
        file: ruleset,
        text: '  "ct state new tcp flags & (syn | rst) == 0 counter reject with tcp reset",\n',
        by: "",
      },
    ],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "peers-never-told",
    breaks: "What comes in for an ended epoch's connection is dropped: its peers hold on to it for minutes.",
    edits: [
      {
        file: ruleset,
        text: '  "  meta l4proto tcp counter reject with tcp reset",\n  "}",',
        by: '  "  meta l4proto tcp counter drop",\n  "}",',
      },
    ],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "lapsed-is-spared",
    breaks: "A lease that ran out spares its connections for good: the peers of a host that is cut off are never told.",
    edits: [
      {
        file: ruleset,
        text: "spared { ${mark} timeout ${Math.floor(remainingMs) + spareMs}ms }",
        by: "spared { ${mark} }",
      },
    ],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "old-feeder-is-cut-off",
    breaks: "What comes in for a live lease is answered with a reset once an agent of 0.1 feeds this release's table.",
    edits: [{ file: ruleset, text: ", `ct mark ${mark} ct mark @alive accept`]", by: "]" }],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "shut-is-spared",
    breaks: "A shut leaves the epoch's connections half open until the lease would have run out.",
    edits: [{ file: ruleset, text: "flush set inet ${fenceTable} spared\n`", by: "`" }],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "first-connections-not-spared",
    breaks: "Arming resets the connections that the new holder's neard begins with.",
    edits: [{ file: ruleset, text: "    `  elements = { ${mark} }`,\n", by: "" }],
    caughtBy: { simulation: false, tests: [whatLeavesTest] },
  },
  {
    name: "flushed-counts-as-shut",
    breaks: "A fence whose rules somebody flushed counts as shut, although nothing holds neard back.",
    edits: [
      {
        file: fence,
        text: "await this.#load(epoch ?? this.#epoch ?? nobodysEpoch);",
        by: "if (this.#epoch === null) return;\n      await this.#load(this.#epoch);",
      },
    ],
    caughtBy: { simulation: false, tests: [fenceTest] },
  },
  {
    name: "answers-for-the-living",
    breaks: "The successor takes the address of a host that still answers.",
    edits: [
      {
        file: "agent/address/address.ts",
        text: "  if (isThere) return `",
        by: "  if (isThere && way.neardPort === 0) return `",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/address/address.test.ts"] },
  },
  {
    name: "answers-after-a-farewell",
    breaks: "The successor answers for the address of a host that let go by itself.",
    edits: [
      {
        file: "agent/role/standby.ts",
        text: "silent: marker === null ? from : null",
        by: "silent: from",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/standby.test.ts"] },
  },
  {
    name: "orphans-not-counted",
    breaks: "A killed neard's sockets count as gone although they have data to send.",
    edits: [{ file: "agent/fence/orphans.ts", text: 'new Set(["04", "09", "0B"])', by: 'new Set(["09", "0B"])' }],
    caughtBy: { simulation: false, tests: ["agent/fence/orphans.test.ts"] },
  },
  {
    name: "key-before-fence",
    breaks: "The key is given to neard before the fence is armed.",
    edits: [
      {
        file: "agent/role/standby-phase.ts",
        text: '  ask(draft, { do: "arm", epoch: lockIndex });',
        by: '  ask(draft, { do: "load-key" });\n  ask(draft, { do: "arm", epoch: lockIndex });',
      },
    ],
    caughtBy: { simulation: true, tests: [holderTest] },
  },
  {
    name: "unarmed-is-good-enough",
    breaks: "A fence that cannot be armed does not end the take-over.",
    edits: [
      {
        file: "agent/role/taking.ts",
        text: 'if (event.is === "failed") giveUp(draft, phase, event.because);',
        by: 'if (event.is === "failed" && phase.step !== "arming") giveUp(draft, phase, event.because);',
      },
    ],
    caughtBy: { simulation: true, tests: [holderTest] },
  },
  {
    name: "fed-after-shut",
    breaks: "A renewal that is confirmed after the fence was shut for a switchover opens it again.",
    edits: [
      {
        file: "agent/role/transitions.ts",
        text: 'return phase.name === "handing" && phase.step !== "asking" && phase.step !== "window";',
        by: 'return phase.name !== "handing" && phase.name !== "active" && phase.name !== "taking";',
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/switchover.test.ts"] },
  },
  {
    name: "pause-disarms",
    breaks: "A pause disarms the fence of the holder.",
    edits: [
      {
        file: "agent/role/reduce.ts",
        text: "    noteSwitchoverEnd(draft);\n  } else",
        by: '    noteSwitchoverEnd(draft);\n    if (event.paused) draft.effects.push({ do: "disarm", serial: 0 });\n  } else',
      },
    ],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
];
