/**
 * What depends on more than one setting. Every check returns its faults; none stops the others, so that
 * the operator learns of all of them at once.
 */
import { timingFaults } from "../../contract/timing.ts";
import type { Fault } from "./faults.ts";
import {
  addressFaults,
  archFaults,
  duplicateFaults,
  goneFaults,
  sizeFaults,
  sizeWarnings,
  takeoverAddressFaults,
} from "./host-checks.ts";
import { chainFaults, ownedFaults, portFaults, sourceFaults } from "./neard-checks.ts";
import { publicAddrFaults } from "./public-addrs.ts";
import type { Settings } from "./schema.ts";
import { type IsSecret, rotationWarnings, sshFaults, validatorKeyFaults } from "./secret-checks.ts";

export interface Checked {
  readonly faults: readonly Fault[];
  /** Allowed, but worth a word. */
  readonly warnings: readonly string[];
}

export function crossCheck(settings: Settings, isSecret: IsSecret): Checked {
  return {
    faults: [
      ...sizeFaults(settings),
      ...duplicateFaults(settings),
      ...goneFaults(settings),
      ...addressFaults(settings),
      ...takeoverAddressFaults(settings),
      ...archFaults(settings),
      ...leaseFaults(settings),
      ...validatorKeyFaults(settings, isSecret),
      ...sshFaults(settings, isSecret),
      ...chainFaults(settings),
      ...sourceFaults(settings),
      ...ownedFaults(settings),
      ...portFaults(settings),
      ...publicAddrFaults(settings),
    ],
    warnings: [...sizeWarnings(settings), ...rotationWarnings(settings)],
  };
}

function leaseFaults(settings: Settings): Fault[] {
  return timingFaults(settings.lease).map((sentence) => ({
    code: "HF_TIMING_UNSAFE",
    message: `holdfast:lease: ${sentence}`,
    next: "Correct these numbers, or remove them: the defaults do what docs/security.md asks for.",
  }));
}
