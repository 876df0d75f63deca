/**
 * The model of what may leave a host: every state that the fence can be in, against every kind of packet. One rule
 * decides: without a live lease a packet of neard's, or of a connection that it ever had, leaves only if it carries
 * nothing.
 */
import { describe, expect, test } from "vitest";
import { armed, disarmed, fed, markOf, shut, spareMs } from "./ruleset.ts";
import { NftModel, type Packet } from "./testing.ts";

const neardUid = 4242;
const epoch = 7;
const wallMs = 1_800_000_000_000;
const leaseMs = 6500;

/** A fence after some steps, each at its moment; `nowMs` is when it is looked at. */
interface Situation {
  readonly name: string;
  readonly steps: readonly (readonly [atMs: number, rules: string])[];
  readonly nowMs: number;
  /** The wall clock then, where it is not what the kernel's clock says. */
  readonly wallMs?: number;
  /** For which epoch it is armed; null: for none. */
  readonly epoch: number | null;
  /** What that epoch's connections may do: send; only wait for a feed; or nothing, for their lease is over. */
  readonly state: "open" | "held back" | "over";
}

const arm = [0, armed(epoch, neardUid)] as const;
const feed = (atMs: number) => [atMs, fed(epoch, leaseMs, wallMs + atMs + leaseMs)] as const;
/** As an agent of 0.1 feeds the table that it finds: of the spared it knows nothing. */
const feedOf01 = (atMs: number) => {
  const [, rules] = feed(atMs);
  const known = rules.split("; ").filter((rule) => !rule.includes(" spared"));
  return [atMs, known.join("; ")] as const;
};
const later = [2000, armed(9, neardUid)] as const;
const situations: readonly Situation[] = [
  { name: "armed, not fed yet", steps: [arm], nowMs: 100, epoch, state: "held back" },
  { name: "fed", steps: [arm, feed(100)], nowMs: 5000, epoch, state: "open" },
  { name: "fed again", steps: [arm, feed(100), feed(5000)], nowMs: 10_500, epoch, state: "open" },
  {
    name: "the lease has just run out",
    steps: [arm, feed(100)],
    nowMs: 100 + leaseMs + spareMs - 1,
    epoch,
    state: "held back",
  },
  { name: "the lease ran out", steps: [arm, feed(100)], nowMs: 100 + leaseMs + spareMs, epoch, state: "over" },
  {
    name: "fed by an agent of 0.1 since",
    steps: [arm, feed(100), feedOf01(5000)],
    nowMs: 10_500,
    epoch,
    state: "open",
  },
  {
    name: "the lease that an agent of 0.1 fed last ran out",
    steps: [arm, feed(100), feedOf01(5000)],
    nowMs: 5000 + leaseMs,
    epoch,
    state: "over",
  },
  {
    name: "an element that came late, behind the deadline of the wall clock",
    steps: [arm, [4000, fed(epoch, leaseMs, wallMs + leaseMs)]],
    nowMs: leaseMs + 100,
    epoch,
    state: "held back",
  },
  {
    name: "the lease ran out, and the wall clock was put back",
    steps: [arm, feed(100)],
    nowMs: 8000,
    wallMs: wallMs - 60_000,
    epoch,
    state: "over",
  },
  { name: "shut", steps: [arm, feed(100), [2000, shut()]], nowMs: 2000, epoch, state: "over" },
  { name: "shut before it was fed", steps: [arm, [100, shut()]], nowMs: 100, epoch, state: "over" },
  {
    name: "disarmed",
    steps: [arm, feed(100), [2000, shut()], [2300, disarmed()]],
    nowMs: 9000,
    epoch: null,
    state: "over",
  },
  { name: "armed for a later epoch", steps: [arm, feed(100), later], nowMs: 3000, epoch: 9, state: "held back" },
  {
    name: "fed for a later epoch",
    steps: [arm, feed(100), later, [2100, fed(9, leaseMs, wallMs + 20_000)]],
    nowMs: 3000,
    epoch: 9,
    state: "open",
  },
];

function at(situation: Situation): (packet: Packet) => string {
  const model = new NftModel();
  for (const [atMs, rules] of situation.steps) model.load(rules, atMs);
  return (packet) => model.judge(packet, situation.nowMs, situation.wallMs ?? wallMs + situation.nowMs);
}

/** Bytes behind the headers. */
const payload = (packet: Packet): number =>
  packet.length - (packet.family === "ipv4" ? 20 : 40) - (packet.protocol === "tcp" ? packet.words * 4 : 8);

/** Every packet of `hook`: by user, mark, family, protocol, reset or not, each header, with 0 to 40 bytes and with many. */
function* packets(hook: Packet["hook"]): Generator<Packet> {
  const uids = hook === "output" ? [neardUid, 0, null] : [null];
  for (const uid of uids)
    for (const mark of [0, 0x47000007, markOf(3), markOf(epoch), markOf(9)])
      for (const family of ["ipv4", "ipv6"] as const)
        for (const protocol of ["tcp", "udp"] as const)
          for (const isReset of protocol === "tcp" ? [true, false] : [false])
            for (let words = protocol === "tcp" ? 5 : 2; words <= (protocol === "tcp" ? 15 : 2); words++)
              for (const bytes of [...Array(41).keys(), 1400]) {
                const length = (family === "ipv4" ? 20 : 40) + words * 4 + bytes;
                const packet = { hook, interface: "eth0", uid, mark, family, protocol, isReset, words, length };
                yield { ...packet, isSyn: false, isNew: false };
                // Of a connection that the kernel does not know, which has no mark therefore.
                if (mark === 0 && hook === "output") {
                  yield { ...packet, isSyn: false, isNew: true };
                  if (protocol === "tcp") yield { ...packet, isSyn: true, isNew: true };
                }
              }
}

/** What a dead process left, when the kernel has forgotten its connection: in the middle of something, and nobody's. */
const isForgotten = ({ uid, protocol, isNew, isSyn }: Packet): boolean =>
  uid === null && protocol === "tcp" && isNew && !isSyn;

const isMarked = (mark: number): boolean => (mark & 0xff000000) >>> 0 === 0x48000000;

describe.each(situations)("$name", (situation) => {
  const judge = at(situation);
  const presentMark = situation.epoch === null ? null : markOf(situation.epoch);
  /** What leaves by neard's own socket gets the present epoch's mark first. */
  const leavingMark = ({ uid, mark }: Packet) => (presentMark !== null && uid === neardUid ? presentMark : mark);

  test("nothing that carries a byte leaves but by a live lease, and everything that lives does", () => {
    const wrong: Packet[] = [];
    let resets = 0;
    for (const packet of packets("output")) {
      const mark = leavingMark(packet);
      const isFree = !isMarked(mark) && !isForgotten(packet);
      const mayCarry = isFree || (situation.state === "open" && mark === presentMark);
      const hasLeft = judge(packet) === "accept";
      // The kernel says no reset of a connection that it knows nothing of with a byte in it (RFC 9293, 3.5.2).
      const isBareReset = packet.isReset && (payload(packet) === 0 || isForgotten(packet));
      if (mayCarry ? !hasLeft : hasLeft && !isBareReset) wrong.push(packet);
      if (!mayCarry && hasLeft) resets += 1;
    }
    expect(wrong).toEqual([]);
    expect(resets, "resets may leave").toBeGreaterThan(0);
  });

  test("an ended epoch's sockets end, with what they still had to send; those of one that may be fed again wait", () => {
    const wrong: Packet[] = [];
    for (const packet of packets("output")) {
      const mark = leavingMark(packet);
      if (!isMarked(mark) || packet.protocol !== "tcp" || judge(packet) === "accept") continue;
      const mayBeFed = mark === presentMark && situation.state !== "over";
      if (judge(packet) !== (mayBeFed ? "drop" : "reset")) wrong.push(packet);
    }
    expect(wrong).toEqual([]);
  });

  test("what comes in for an ended epoch's connection is answered with a reset, and for no other", () => {
    const wrong: Packet[] = [];
    for (const packet of packets("input")) {
      const isEnded = isMarked(packet.mark) && (packet.mark !== presentMark || situation.state === "over");
      const expected = isEnded && packet.protocol === "tcp" && !packet.isReset ? "reset" : "accept";
      if (judge(packet) !== expected) wrong.push(packet);
    }
    expect(wrong).toEqual([]);
  });

  test("this machine talks to itself as before", () => {
    const barred = (["output", "input"] as const).flatMap((hook) =>
      [...packets(hook)].filter((packet) => judge({ ...packet, interface: "lo" }) !== "accept"),
    );
    expect(barred).toEqual([]);
  });
});

test("a shut ends what an agent armed that knew of no spared connections", () => {
  const model = new NftModel();
  model.load(armed(epoch, neardUid).replace(/ {2}set spared \{\n(?:.*\n)*? {2}\}\n/, ""), 0);
  expect(() => model.load(shut(), 100)).not.toThrow();
});

test("a rule that the model does not know is an error, not a pass", () => {
  const model = new NftModel();
  model.load(disarmed().replace("tcp doff 5", "tcp window 5"), 0);
  const reset = { hook: "output", interface: "eth0", uid: null, mark: markOf(3), family: "ipv4" } as const;
  expect(() =>
    model.judge({ ...reset, protocol: "tcp", isReset: true, isSyn: false, isNew: false, words: 5, length: 40 }, 0, 0),
  ).toThrow(/window/);
});
