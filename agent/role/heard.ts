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
import { answerMaxAgeMs } from "./account.ts";
import type { Draft } from "./transitions.ts";
import type { AccountSight, Count, Duties, Event, Heard, State } from "./types.ts";

/** More answers are not kept: of a heard holder's, ten minutes' worth. */
const maxRecent = 60;
/** NEAR's own limits, below which a validator is kicked out at the end of an epoch (facts: what downtime costs). */
const limits = { blocks: 0.8, chunks: 0.8, endorsements: 0.7 } as const;
/** So many must be missed as well: one that was under way while the key moved is bad luck. */
const leastMissed = { blocks: 2, chunks: 2, endorsements: 4 } as const;
const kinds = ["blocks", "chunks", "endorsements"] as const;
/** Judged is what fell due in so long: some fifty blocks, so the silence of an endorser shows in seconds. */
const windowMs = 30_000;
/** Where less fell due, so few blocks of a small producer say, as much more is looked at as there is in so long. */
const longMs = 600_000;
const enoughDuties = { blocks: 4, chunks: 4, endorsements: 8 } as const;
/** It is heard (again) when what fell due within so long is above the limits ... */
const latestMs = 6000;
/** ... at first, when that was more than luck: others that listen to somebody else as well take every second endorsement. */
const settledDuties = 6;
const settledMs = 10_000;

const none: Count = { produced: 0, expected: 0 };
export const noDuties: Duties = { blocks: none, chunks: none, endorsements: none };

/** From the moment at which neard has the key. */
export function newHeard(entry: Heard["entry"], sinceMs: number): Heard {
  return {
    entry,
    sinceMs,
    last: null,
    total: noDuties,
    recent: [],
    firstMs: null,
    firstBlockMs: null,
    isSettled: false,
    lost: null,
  };
}

/** A holder's part of each event: counts an answer in, and has the history told what came of the take-over. */
export function keepHeard(draft: Draft, event: Event): void {
  const { heard } = draft.state;
  // What account.ts did not keep is not counted.
  if (heard === null || event.is !== "account-seen" || event.sight !== draft.state.sight) return;
  const { phase } = draft.state;
  // What is missed while the key is being changed is missed on purpose.
  const isChanging = phase.name === "active" && phase.swap !== null;
  const taken = isChanging ? { ...heard, last: event.sight } : take(heard, event.sight);
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
  const isEmpty = all(added).expected === 0;
  const recent = [...heard.recent, ...(isEmpty ? [] : [{ atMs: sight.atMs, duties: added }])]
    .filter(({ atMs }) => sight.atMs - atMs < longMs)
    .slice(-maxRecent);
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
  const { lost, total, isSettled } = heard;
  if (lost !== null) {
    // Of each kind the latest that fell due: a small producer is heard again when it has a block again.
    const isBack = kinds.every((kind) => isEnough(latestOf(heard, kind, latestMs, 1), kind)) && hasLatest(heard);
    // What was missed before is no reason to say so again.
    if (isBack) return { ...heard, isSettled: true, lost: null, recent: [] };
    return { ...heard, lost: { ...lost, duties: sum(lost.duties, added) } };
  }
  const duties = isSettled ? recentDuties(heard) : total;
  if (kinds.some((kind) => isShort(duties[kind], kind))) {
    const firstMiss = heard.recent.find((one) =>
      kinds.some((kind) => one.duties[kind].produced < one.duties[kind].expected),
    );
    return { ...heard, lost: { sinceMs: isSettled ? (firstMiss?.atMs ?? nowOf(heard)) : heard.sinceMs, duties } };
  }
  if (isSettled || !hasLatest(heard) || !isMoreThanLuck(heard)) return heard;
  return { ...heard, isSettled: kinds.every((kind) => isEnough(latestOf(heard, kind, latestMs, 0), kind)) };
}

const nowOf = ({ last }: Heard): number => last?.atMs ?? 0;

/** What fell due of one kind in the last `ms`, and as much before that as it takes to have `least`. */
function latestOf(heard: Heard, kind: keyof Duties, ms: number, least: number): Count {
  let count = none;
  for (const { atMs, duties } of heard.recent.toReversed()) {
    if (nowOf(heard) - atMs >= ms && count.expected >= least) break;
    count = add(count, duties[kind]);
  }
  return count;
}

function recentDuties(heard: Heard): Duties {
  const of = (kind: keyof Duties) => latestOf(heard, kind, windowMs, enoughDuties[kind]);
  return { blocks: of("blocks"), chunks: of("chunks"), endorsements: of("endorsements") };
}

function hasLatest(heard: Heard): boolean {
  return kinds.some((kind) => latestOf(heard, kind, latestMs, 0).expected > 0);
}

function isMoreThanLuck({ total, firstMs, last }: Heard): boolean {
  if (firstMs === null || last === null) return false;
  return all(total).expected >= settledDuties || last.atMs - firstMs >= settledMs;
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

function each(a: Duties, b: Duties, combine: (a: Count, b: Count) => Count): Duties {
  const one = (kind: keyof Duties): Count => combine(a[kind], b[kind]);
  return { blocks: one("blocks"), chunks: one("chunks"), endorsements: one("endorsements") };
}

const add = (a: Count, b: Count): Count => ({ produced: a.produced + b.produced, expected: a.expected + b.expected });
const grown = (a: Count, b: Count): Count => ({ produced: b.produced - a.produced, expected: b.expected - a.expected });
const sum = (a: Duties, b: Duties): Duties => each(a, b, add);
const between = (before: Duties, after: Duties): Duties => each(before, after, grown);
const all = ({ blocks, chunks, endorsements }: Duties): Count => add(add(blocks, chunks), endorsements);

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
  { last, lost, isSettled, total }: Heard,
  facts: Pick<HeardView, "notHeardMs" | "firstMs" | "firstBlockMs">,
  nowMs: number,
): Pick<HeardView, "state" | "because"> {
  if (lost !== null)
    return { state: "not-heard", because: `not heard for ${seconds(facts.notHeardMs)}: ${missed(lost.duties)}` };
  if (last === null || nowMs - last.atMs > answerMaxAgeMs)
    return { state: "unknown", because: "neard does not say whether the chain takes what it signs" };
  if (last.standing !== "validating")
    return { state: "idle", because: "the account does not validate in this NEAR epoch" };
  if (!isSettled) {
    const { produced, expected } = all(total);
    const so =
      expected === 0
        ? "nothing fell due yet"
        : produced === expected
          ? `all ${expected} so far`
          : `${missed(total)} so far`;
    return { state: "unknown", because: `not known yet whether the chain takes what it signs: ${so}` };
  }
  const block = facts.firstBlockMs === null ? "" : `, a block ${seconds(facts.firstBlockMs)} after`;
  return { state: "heard", because: `heard, the first ${seconds(facts.firstMs ?? 0)} after neard got the key${block}` };
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
