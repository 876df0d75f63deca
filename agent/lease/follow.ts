/** Follows all keys of the cluster by consistent blocking queries and tells each answer as an event. */
import type { consulKeys } from "../../contract/topology.ts";
import { readShape, understood } from "../../contract/wire/format.ts";
import { hostNoteShape, type ReadHostNote, switchoverNoteShape } from "../../contract/wire/notes.ts";
import type { KvRead } from "../../host/consul/client.ts";
import type { ConsulServers, LeaseConsul } from "../../host/consul/servers.ts";
import type { Clock } from "../../host/system/clock.ts";
import { lockViewFrom } from "./lock-record.ts";
import type { RollCall } from "./roll-call.ts";
import type { Sealer } from "./seal.ts";
import type { Observed, PeerNote, SwitchoverNote } from "./types.ts";

type Keys = ReturnType<typeof consulKeys>;

/** Short, so that even a quiet key is confirmed well within `unbrokenMs` (Consul adds up to 1/16). */
const waitMs = 1000;
/**
 * A query that is not answered by then is not given up, but no longer waited for: during an election
 * Consul holds requests (rpc_hold_timeout), and one that was sent early confirms more than a later one.
 */
const overlapMs = 1300;
/** Above `waitMs` and its sixteenth, below `overlapMs`: the query that overlaps a hanging one takes another way. */
const slowMs = 1200;
const timeoutMs = 5000;
/**
 * While answers fail to come, Consul is asked this often, over all ways in turn, and plainly: a blocking query
 * would sit out its wait even when a new leader has just been elected, and the watch has no second to lose.
 */
const troubledMs = 400;
const plainSlowMs = 350;
const plainTimeoutMs = 2500;
const maxPending = 12;
const pauseAfterFailureMs = 200;

/** A host of which nothing is understood: it is there, and no more is known. */
const notUnderstood = { ready: false, ack: null, acksInS: 0, isActive: false, asks: null, fencing: null } as const;

/** Runs until `signal` aborts. A failed query is told by silence: `watch` counts from the last good one. */
export async function follow(options: {
  servers: ConsulServers<Pick<LeaseConsul, "readPrefix">>;
  keys: Keys;
  sealer: Sealer;
  roll: RollCall;
  clock: Clock;
  signal: AbortSignal;
  /** Resolves when the next look is due: a standby wants each change at once, a holder makes most of them itself. */
  rest: () => Promise<void>;
  onEvent: (event: Observed) => void;
  onFailure: (error: unknown) => void;
}): Promise<void> {
  const { servers, keys, sealer, roll, clock, signal } = options;
  const sleep = async (ms: number) => await clock.sleep(ms, signal);
  let index: number | undefined;
  let newestMs = Number.NEGATIVE_INFINITY;
  let told = 0;

  /** True: answered. */
  async function ask(isTroubled: boolean): Promise<boolean> {
    const sentMs = clock.bootMs();
    const toldBefore = told;
    const query = isTroubled
      ? { timeoutMs: plainTimeoutMs }
      : { timeoutMs, ...(index === undefined ? {} : { index, waitMs }) };
    try {
      const read = await servers.use((client) => client.readPrefix(keys.root, query), {
        slowMs: isTroubled ? plainSlowMs : slowMs,
      });
      if (sentMs < newestMs || signal.aborted) return true;
      newestMs = sentMs;
      // An index that went backwards starts the following anew (Consul's documentation of blocking queries).
      index = index !== undefined && read.index < index ? undefined : read.index;
      // The clock is too coarse to tell: the next question is often asked in the moment of an answer.
      const isOvertaken = told !== toldBefore;
      told += 1;
      options.onEvent({ ...observedFrom(read, keys, sealer, roll, sentMs), isOvertaken });
      return true;
    } catch (error) {
      options.onFailure(error);
      await sleep(pauseAfterFailureMs);
      return false;
    }
  }

  const pending = new Set<Promise<boolean>>();
  let isTroubled = false;
  while (!signal.aborted) {
    const query = ask(isTroubled).finally(() => pending.delete(query));
    pending.add(query);
    isTroubled = (await Promise.race([query, sleep(isTroubled ? troubledMs : overlapMs)])) !== true;
    if (!isTroubled && !signal.aborted) await options.rest();
    if (pending.size >= maxPending) await Promise.race([...pending, sleep(timeoutMs)]);
  }
}

/** One answer as the decision core takes it. */
export function observedFrom(read: KvRead, keys: Keys, sealer: Sealer, roll: RollCall, sentMs: number): Observed {
  const notes: Record<string, Omit<PeerNote, "seenMs">> = {};
  const prefix = keys.host("");
  for (const entry of read.entries) {
    if (!entry.key.startsWith(prefix)) continue;
    const host = entry.key.slice(prefix.length);
    const { answers, ...note } = noteFrom(entry.value);
    notes[host] = { ...note, cleared: roll.answered(host, answers), modifyIndex: entry.modifyIndex };
  }
  const find = (key: string) => read.entries.find((entry) => entry.key === key);
  const asked = find(keys.switchover);
  // One that is not understood is nothing that this host could stand ready for.
  const switchover: SwitchoverNote | null =
    asked === undefined ? null : understood(readShape(switchoverNoteShape, asked.value));
  return {
    is: "observed",
    sentMs,
    index: read.index,
    lock: lockViewFrom(find(keys.lock), sealer),
    paused: find(keys.pause) !== undefined,
    switchover,
    notes,
  };
}

function noteFrom(text: string): ReadHostNote {
  const reading = readShape(hostNoteShape, text);
  switch (reading.is) {
    case "read":
      return reading.value;
    case "newer":
      return { ...notUnderstood, answers: [], because: "its note is of a newer release" };
    case "unreadable":
      return { ...notUnderstood, answers: [], because: "its note cannot be read" };
  }
}
