/**
 * How long the validator was not heard when its key went from one host to another. Pure.
 *
 * A host has the key from the moment its neard says so (wire.ts, `advertise`) or, where that was lost,
 * from its first signature. That is not yet being heard: the other validators may still talk to the old
 * process, and a block without their approvals is in no chain. So both stretches are told: from the old
 * host's last accepted block to the key, and from the key to the new host's first accepted block.
 */
import type { KeyEvent, SignatureEvent } from "./witness-event.ts";

export interface Takeover {
  readonly from: string;
  readonly to: string;
  /** When the new host had the key. */
  readonly atMs: number;
  /** From the last accepted block of the old host to the key on the new one. */
  readonly keyMs: number;
  /** From then to the new host's first accepted block; null: none yet. */
  readonly firstAcceptedMs: number | null;
}

interface Stay {
  readonly host: string;
  readonly fromMs: number;
}

/**
 * Each change of host, in order of time. What is given are one account's events in order of arrival.
 * @param acceptedHeights heights at which the account's block is in the chain
 */
export function findTakeovers(
  keys: readonly KeyEvent[],
  signatures: readonly SignatureEvent[],
  acceptedHeights: ReadonlySet<number>,
): Takeover[] {
  const accepted = signatures.filter(
    (event) => event.kind === "block" && event.onTime && acceptedHeights.has(event.height),
  );
  const stays = staysOf(keys, signatures);
  return stays.slice(1).flatMap((stay, i) => {
    const before = stays[i] as Stay;
    if (before.host === stay.host) return [];
    const untilMs = stays.slice(i + 2).find((next) => next.host !== stay.host)?.fromMs ?? Number.POSITIVE_INFINITY;
    const first = accepted.find(
      (event) => event.host === stay.host && event.arrivedMs >= stay.fromMs && event.arrivedMs < untilMs,
    );
    return {
      from: before.host,
      to: stay.host,
      atMs: stay.fromMs,
      keyMs: stay.fromMs - lastHeardMs(before, stay, accepted, signatures),
      firstAcceptedMs: first === undefined ? null : first.arrivedMs - stay.fromMs,
    };
  });
}

/** One for each tenure, in order of its beginning. */
function staysOf(keys: readonly KeyEvent[], signatures: readonly SignatureEvent[]): Stay[] {
  const stays = new Map<string, Stay>();
  const begins = [
    ...keys.map(({ host, tenure, atMs }) => ({ host, tenure, atMs })),
    ...signatures.map(({ host, tenure, arrivedMs }) => ({ host, tenure, atMs: arrivedMs })),
  ].sort((a, b) => a.atMs - b.atMs);
  for (const { host, tenure, atMs } of begins) {
    const name = `${host} ${tenure}`;
    if (!stays.has(name)) stays.set(name, { host, fromMs: atMs });
  }
  return [...stays.values()];
}

/** The old host's last accepted block; one that had none since the report began was heard by its last signature. */
function lastHeardMs(
  old: Stay,
  next: Stay,
  accepted: readonly SignatureEvent[],
  signatures: readonly SignatureEvent[],
): number {
  const byOld = (event: SignatureEvent) => event.host === old.host && event.arrivedMs <= next.fromMs;
  return (accepted.findLast(byOld) ?? signatures.findLast(byOld))?.arrivedMs ?? old.fromMs;
}
