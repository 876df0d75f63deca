/**
 * Whether this host's neard could validate if it were given the key now, and if not, why not.
 * A standby that fails a precondition does not compete for the lock.
 */
import { keyFault } from "./keys.ts";
import type { Probe, Settings, State } from "./types.ts";

/** A probe older than this says nothing about now; probes come at least once a second. */
const probeMaxAgeMs = 3000;

/** Null when ready, else the first reason, as a sentence's end ("neard ..."). */
export function notReady(settings: Settings, state: State, nowMs: number): string | null {
  const { standDown } = state;
  if (standDown !== null)
    return `stands down for ${Math.ceil((standDown.untilMs - nowMs) / 1000)} s at most: ${standDown.because}`;
  const fault = keyFault(settings, state, nowMs) ?? state.keyPlaceFault ?? neardFault(settings, state.probe, nowMs);
  if (fault !== null) return fault;
  if (state.probe?.validatorKey != null) return "neard has a validator key already";
  return null;
}

/** What keeps the holder's neard from validating with the key that it shall have; null: nothing. */
export function signingFault(settings: Settings, probe: Probe | null, key: string, nowMs: number): string | null {
  const fault = neardFault(settings, probe, nowMs);
  if (fault !== null) return fault;
  return probe?.validatorKey === key ? null : "neard no longer has the key";
}

/** What keeps neard from validating, whether it has the key or not. */
export function neardFault(settings: Settings, probe: Probe | null, nowMs: number): string | null {
  if (probe === null || nowMs - probe.atMs > probeMaxAgeMs) return "neard was not asked yet";
  if (probe.process === null) return "neard is not running";
  if (!probe.answered) return "neard does not answer";
  if (probe.chainId !== settings.chainId) return `neard is on chain ${probe.chainId}, not ${settings.chainId}`;
  if (probe.syncing) return "neard is syncing";
  if (probe.headAgeMs > settings.maxHeadAgeMs)
    return `neard's head is older than maxHeadAgeMs ${settings.maxHeadAgeMs}`;
  if (probe.configCorrect === false) return "neard rejects its configuration (near_config_correct 0)";
  if (
    probe.protocolVersion !== null &&
    probe.latestProtocolVersion !== null &&
    probe.protocolVersion > probe.latestProtocolVersion
  )
    return `neard supports protocol ${probe.latestProtocolVersion}, the network has ${probe.protocolVersion}`;
  return null;
}
