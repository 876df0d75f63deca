/**
 * Which key counts. The chain has one public key for the account in each NEAR epoch; a neard that is given another
 * one signs what nobody takes, and ends itself within seconds (facts: key hot swap). So the chain is asked before a
 * take-over and while active, and while the account's key is being changed the host has both keys, sealed.
 *
 * Think of a lock that is changed on a known day: whoever has both keys in the pocket opens it before and after.
 * Awkward case: the chain cannot be asked. Then nothing is known against the key, and it is used: a wrong one costs
 * seconds of availability, never a second signer, while a validator that waits for an answer is none.
 */
import type { AccountSight, Settings, State } from "./types.ts";

/** An older answer says nothing against a key: a standby asks every minute, and its neard may have been away. */
const sightMaxAgeMs = 180_000;

type Sealed = Pick<State, "keyAvailable" | "nextKeyAvailable">;

/** One of the keys that this deployment was given. */
export function isOwnKey({ publicKey, nextPublicKey }: Settings, key: string | null): boolean {
  return key !== null && (key === publicKey || key === nextPublicKey);
}

/** Those of them that this host could unseal, `validatorKey` first. */
function sealedKeys({ publicKey, nextPublicKey }: Settings, state: Sealed): string[] {
  const next = state.nextKeyAvailable && nextPublicKey !== null ? [nextPublicKey] : [];
  return state.keyAvailable ? [publicKey, ...next] : next;
}

/** What the chain said that counts; for an account that only validates from the next NEAR epoch on, what counts then. */
export function countingKey(sight: AccountSight | null): string | null {
  return sight === null ? null : (sight.key ?? sight.nextKey);
}

/**
 * What counts by now, as far as can be told: an answer from just before the NEAR epoch turned is out of date, and the
 * head says so. It may turn some blocks later than it can; what is asked next says which.
 */
function keyByNow(sight: AccountSight | null, { probe }: State): string | null {
  const height = probe?.height ?? null;
  const hasTurned = sight?.nextStartHeight != null && height !== null && height >= sight.nextStartHeight;
  return hasTurned ? sight.nextKey : countingKey(sight);
}

export function isSealed(settings: Settings, state: Sealed, key: string | null): key is string {
  return key !== null && sealedKeys(settings, state).includes(key);
}

/** The key to load now; null: none can be unsealed. */
export function keyDue(settings: Settings, state: State): string | null {
  const counting = keyByNow(state.sight, state);
  return isSealed(settings, state, counting) ? counting : (sealedKeys(settings, state)[0] ?? null);
}

/** The last answer, unless it is too old. */
export function freshSight(state: State, nowMs: number): AccountSight | null {
  return state.sight !== null && nowMs - state.sight.atMs <= sightMaxAgeMs ? state.sight : null;
}

/** Why this host has no key that counts now; null: it has, or nothing is known against it. */
export function keyFault(settings: Settings, state: State, nowMs: number): string | null {
  if (sealedKeys(settings, state).length === 0) return "the sealed validator key is missing, unreadable or another one";
  const sight = freshSight(state, nowMs);
  const counting = keyByNow(sight, state);
  if (sight === null || counting === null || isSealed(settings, state, counting)) return null;
  const when = sight.key === null && counting === sight.nextKey ? "from the next NEAR epoch on" : "in this NEAR epoch";
  if (isOwnKey(settings, counting)) return `the sealed key ${counting}, which counts ${when}, is missing or unreadable`;
  return `its key does not count: ${when} the chain has ${counting} for the account`;
}

/** Why this host has no key that counts from the next NEAR epoch on, hours before it matters; null as above. */
export function nextKeyFault(settings: Settings, state: State, nowMs: number): string | null {
  const next = freshSight(state, nowMs)?.nextKey ?? null;
  if (next === null || isSealed(settings, state, next)) return null;
  if (isOwnKey(settings, next))
    return `the sealed key ${next}, which counts from the next NEAR epoch on, is missing or unreadable`;
  return `from the next NEAR epoch on the chain has ${next} for the account, which this host was not given`;
}
