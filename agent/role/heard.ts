/**
 * Heard: does the chain take what our neard signs? neard's own word that it has the key proves nothing of it, for the
 * other validators may still be listening to the old holder's connection (facts: who is heard). What the chain counts
 * for the account does. This only speaks: it ends no lease, opens no fence, and nothing that decides about either reads it.
 *
 * Think of talking into a telephone: one knows that the line works when somebody answers what one said, not when the
 * display lights up.
 * Awkward cases: the counts are the account's, not the host's, so only what was added since neard got the key tells
 * anything of this host; and they begin anew with each NEAR epoch, so what was done between the last look and an
 * epoch's end is lost to us. An agent that was restarted begins with its own first look.
 */
import { accountEndsAfterMs } from "./account.ts";
import type { Draft } from "./transitions.ts";
import type { AccountSight, Count, Duties, Event, Heard, State } from "./types.ts";

/** NEAR's own limits, below which a validator is kicked out at the end of an epoch (facts: what downtime costs). */
const limits = { blocks: 0.8, chunks: 0.8, endorsements: 0.7 } as const;
/** So many must be missed as well: one that was under way while the key moved is bad luck. */
const leastMissed = { blocks: 2, chunks: 2, endorsements: 4 } as const;
const kinds = ["blocks", "chunks", "endorsements"] as const;
/** Judged is what fell due in so long: some fifty blocks, so half a minute's silence of an endorser shows in seconds. */
const windowMs = 30_000;
/** It is heard again when all of what fell due within so long is above the limits. */
const recoverMs = 6000;

const none: Count = { produced: 0, expected: 0 };
export const noDuties: Duties = { blocks: none, chunks: none, endorsements: none };

/** From the moment at which neard has the key. */
export function newHeard(entry: Heard["entry"], sinceMs: number): Heard {
  return { entry, sinceMs, last: null, total: noDuties, recent: [], firstMs: null, firstBlockMs: null, lost: null };
}

/** A holder's part of each event: counts an answer in, and has the history told what came of the take-over. */
export function keepHeard(draft: Draft, event: Event): void {
  const { heard } = draft.state;
  if (heard === null || event.is !== "account-seen") return;
  const taken = take(heard, event.sight);
  if (taken === heard) return;
  draft.state = { ...draft.state, heard: taken };
  const { entry, firstMs, firstBlockMs } = taken;
  if (entry === null || firstMs === null) return;
  if (firstMs === heard.firstMs && firstBlockMs === heard.firstBlockMs) return;
  const sinceSeen = (ms: number) => Math.round(ms - entry.story.lastSeenMs);
  const told = { firstMs: sinceSeen(firstMs), firstBlockMs: firstBlockMs === null ? null : sinceSeen(firstBlockMs) };
  draft.effects.push({ do: "write-history", ...entry, keyAtMs: taken.sinceMs, heard: told });
}

/** One answer more. */
function take(heard: Heard, sight: AccountSight): Heard {
  const { last } = heard;
  if (sight.atMs < heard.sinceMs || (last !== null && sight.atMs <= last.atMs)) return heard;
  // The first is where we begin to count; so is one that has less than before, from a neard that was set back, say.
  if (last === null || !isLater(last, sight)) return { ...heard, last: sight };
  const added = sight.nearEpoch === last.nearEpoch ? between(last.duties, sight.duties) : sight.duties;
  const total = sum(heard.total, added);
  const recent = [...heard.recent, { atMs: sight.atMs, duties: added }].filter(
    ({ atMs }) => sight.atMs - atMs < windowMs,
  );
  const counted = {
    ...heard,
    last: sight,
    total,
    recent,
    firstMs: heard.firstMs ?? (all(added).produced > 0 ? sight.atMs : null),
    firstBlockMs: heard.firstBlockMs ?? (added.blocks.produced > 0 ? sight.atMs : null),
  };
  return judged(counted, added);
}

function judged(heard: Heard, added: Duties): Heard {
  const { lost, recent, last } = heard;
  const nowMs = last?.atMs ?? 0;
  if (lost === null) {
    const duties = within(recent, windowMs, nowMs);
    if (!kinds.some((kind) => isShort(duties[kind], kind))) return heard;
    const firstMiss = recent.find(({ duties: { blocks, chunks, endorsements } }) =>
      [blocks, chunks, endorsements].some(({ produced, expected }) => produced < expected),
    );
    const sinceMs = heard.firstMs === null ? heard.sinceMs : (firstMiss?.atMs ?? nowMs);
    return { ...heard, lost: { sinceMs, duties } };
  }
  const latest = within(recent, recoverMs, nowMs);
  const isBack = all(latest).expected > 0 && kinds.every((kind) => isEnough(latest[kind], kind));
  // What was missed before is no reason to say so again.
  if (isBack) return { ...heard, lost: null, recent: [] };
  return { ...heard, lost: { ...lost, duties: sum(lost.duties, added) } };
}

function isEnough({ produced, expected }: Count, kind: keyof Duties): boolean {
  return produced >= expected * limits[kind];
}

function isShort(count: Count, kind: keyof Duties): boolean {
  return !isEnough(count, kind) && count.expected - count.produced >= leastMissed[kind];
}

function isLater(last: AccountSight, sight: AccountSight): boolean {
  if (sight.nearEpoch !== last.nearEpoch) return sight.nearEpoch > last.nearEpoch;
  return kinds.every(
    (kind) =>
      sight.duties[kind].produced >= last.duties[kind].produced &&
      sight.duties[kind].expected >= last.duties[kind].expected,
  );
}

type Combine = (a: number, b: number) => number;

function each(a: Duties, b: Duties, combine: Combine): Duties {
  const one = (kind: keyof Duties): Count => ({
    produced: combine(a[kind].produced, b[kind].produced),
    expected: combine(a[kind].expected, b[kind].expected),
  });
  return { blocks: one("blocks"), chunks: one("chunks"), endorsements: one("endorsements") };
}

const sum = (a: Duties, b: Duties): Duties => each(a, b, (x, y) => x + y);
const between = (before: Duties, after: Duties): Duties => each(before, after, (x, y) => y - x);

function all({ blocks, chunks, endorsements }: Duties): Count {
  return {
    produced: blocks.produced + chunks.produced + endorsements.produced,
    expected: blocks.expected + chunks.expected + endorsements.expected,
  };
}

function within(recent: Heard["recent"], ms: number, nowMs: number): Duties {
  return recent.filter(({ atMs }) => nowMs - atMs < ms).reduce((duties, one) => sum(duties, one.duties), noDuties);
}

export interface HeardView {
  /** `idle`: the account does not validate in this NEAR epoch; `unknown`: nothing fell due yet, or neard does not say. */
  readonly state: "unknown" | "idle" | "heard" | "not-heard";
  /** A sentence's end: "host-a is active, ...". */
  readonly because: string;
  /** 0 unless it is not heard. */
  readonly notHeardMs: number;
  /** From when neard got the key until the chain had something, or a block, of ours; null: not yet. */
  readonly firstMs: number | null;
  readonly firstBlockMs: number | null;
  /** Since the take-over. */
  readonly duties: Duties;
}

/** Null while this host does not validate. Pure. */
export function heardView({ heard }: Pick<State, "heard">, nowMs: number): HeardView | null {
  if (heard === null) return null;
  const since = (ms: number | null) => (ms === null ? null : Math.round(ms - heard.sinceMs));
  const facts = {
    notHeardMs: heard.lost === null ? 0 : Math.round(nowMs - heard.lost.sinceMs),
    firstMs: since(heard.firstMs),
    firstBlockMs: since(heard.firstBlockMs),
    duties: heard.total,
  };
  return { ...stateOf(heard, facts, nowMs), ...facts };
}

function stateOf(
  { last, lost, firstMs, total }: Heard,
  facts: Pick<HeardView, "notHeardMs" | "firstMs" | "firstBlockMs">,
  nowMs: number,
): Pick<HeardView, "state" | "because"> {
  if (lost !== null)
    return { state: "not-heard", because: `not heard for ${seconds(facts.notHeardMs)}: ${missed(lost.duties)}` };
  if (last === null || nowMs - last.atMs > accountEndsAfterMs)
    return { state: "unknown", because: "neard does not say whether the chain takes what it signs" };
  if (last.standing !== "validating")
    return { state: "idle", because: "the account does not validate in this NEAR epoch" };
  if (firstMs === null) {
    const so = all(total).expected === 0 ? "nothing fell due yet" : `${missed(total)} so far`;
    return { state: "unknown", because: `not known yet whether the chain takes what it signs: ${so}` };
  }
  const block = facts.firstBlockMs === null ? "" : `, its first block ${seconds(facts.firstBlockMs)} after`;
  return { state: "heard", because: `heard ${seconds(facts.firstMs ?? 0)} after neard got the key${block}` };
}

/** `18 of 21 blocks, 12 of 14 endorsements missed` */
function missed(duties: Duties): string {
  const parts = kinds.flatMap((kind) => {
    const { produced, expected } = duties[kind];
    return produced < expected ? [`${expected - produced} of ${expected} ${kind}`] : [];
  });
  return `${parts.join(", ")} missed`;
}

const seconds = (ms: number): string => `${ms < 10_000 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`;
