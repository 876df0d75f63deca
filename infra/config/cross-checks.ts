/**
 * What depends on more than one setting. Every check returns its faults; none stops the others, so that
 * the operator learns of all of them at once.
 */
import { timingFaults } from "../../contract/timing.ts";
import { watchdogFaults } from "../plan/watchdog.ts";
import { clearTokenFaults, cloudHostFaults, cloudWarnings, hcloudFaults, sshKeyFaults } from "./cloud-checks.ts";
import type { Fault } from "./faults.ts";
import {
  clearFencingFaults,
  fencingFaults,
  fencingTokenFaults,
  fencingWarnings,
  missingTokenFaults,
  sharedTokenWarnings,
} from "./fencing-checks.ts";
import {
  addressFaults,
  archFaults,
  duplicateFaults,
  goneFaults,
  nameFaults,
  sizeFaults,
  sizeWarnings,
  takeoverAddressFaults,
} from "./host-checks.ts";
import { chainFaults, configFaults, portFaults, sourceFaults } from "./neard-checks.ts";
import { publicAddrFaults } from "./public-addr-checks.ts";
import type { Settings } from "./schema.ts";
import { clearKeyFaults, type IsSecret, rotationWarnings, sshFaults, validatorKeyFaults } from "./secret-checks.ts";
import { type SettledHost, settle } from "./settled-host.ts";
import { zoneWarnings } from "./zone-checks.ts";

export interface Checked {
  readonly faults: readonly Fault[];
  /** Allowed, but worth a word. */
  readonly warnings: readonly string[];
}

/**
 * @param sound the settings that have no fault of their own
 * @param unknown the others, and what cannot be looked at: a check that needs one of these is left out
 */
export function crossCheck(
  sound: Partial<Settings>,
  isSecret: IsSecret,
  unknown: ReadonlySet<keyof Settings> = new Set(),
): Checked {
  const when = <const Name extends keyof Settings, Found>(
    needs: readonly Name[],
    look: (settings: Pick<Settings, Name>) => readonly Found[],
  ): readonly Found[] => (needs.some((name) => unknown.has(name)) ? [] : look(sound as Pick<Settings, Name>));
  /** Where each host is may depend on the network at the cloud. */
  const whenSettled = <Found>(look: (hosts: readonly SettledHost[]) => readonly Found[]): readonly Found[] =>
    when(["hosts", "hcloud"], ({ hosts, hcloud }) => look(hosts.map((host) => settle(host, hcloud))));
  return {
    faults: [
      ...when(["hosts"], sizeFaults),
      ...whenSettled(duplicateFaults),
      ...when(["hosts"], nameFaults),
      ...when(["hosts", "gone"], goneFaults),
      ...whenSettled(addressFaults),
      ...whenSettled(takeoverAddressFaults),
      ...when(["consul"], ({ consul }) => whenSettled((hosts) => archFaults(hosts, consul))),
      ...when(["hosts", "hcloud"], cloudHostFaults),
      ...when(["network", "hosts", "hcloud"], hcloudFaults),
      ...when(["hcloud"], (settings) => clearTokenFaults(settings, isSecret)),
      ...when(["hosts", "hcloud", "ssh"], sshKeyFaults),
      ...when(["lease"], leaseFaults),
      ...when(["hosts", "fencing", "fencingSkipsWait"], fencingFaults),
      ...when(["hosts", "fencing", "fencingToken"], missingTokenFaults),
      ...when(["fencingToken"], fencingTokenFaults),
      ...when(["fencingToken"], (settings) => clearFencingFaults("fencingToken", settings, isSecret)),
      ...when(["fencingSecret"], (settings) => clearFencingFaults("fencingSecret", settings, isSecret)),
      ...when(["validatorKey"], (settings) => clearKeyFaults("validatorKey", settings, isSecret)),
      ...when(["nextValidatorKey"], (settings) => clearKeyFaults("nextValidatorKey", settings, isSecret)),
      ...when(["validator", "validatorKey", "nextValidatorKey"], validatorKeyFaults),
      ...when(["ssh"], (settings) => sshFaults(settings, isSecret)),
      ...when(["network", "neard"], chainFaults),
      ...when(["network", "neard", "consul"], sourceFaults),
      ...when(["neard"], configFaults),
      ...when(["hosts", "ssh", "neard"], portFaults),
      ...when(["network", "hosts", "neard"], publicAddrFaults),
    ],
    warnings: [
      ...when(["hosts"], sizeWarnings),
      ...whenSettled((hosts) => zoneWarnings({ hosts })),
      ...when(["hosts", "hcloud"], cloudWarnings),
      ...when(["hosts", "fencing", "fencingSkipsWait"], fencingWarnings),
      ...when(["hcloud", "fencingToken"], sharedTokenWarnings),
      ...when(["nextValidatorKey"], rotationWarnings),
    ],
  };
}

/** Of the timing rule, and of the watchdog, which must be given its time before the lease is over. */
function leaseFaults({ lease }: Pick<Settings, "lease">): Fault[] {
  const fault = (sentence: string): Fault => ({
    code: "HF_TIMING_UNSAFE",
    message: `holdfast:lease: ${sentence}`,
    next: "Correct these numbers, or remove them: the defaults do what docs/security.md asks for.",
  });
  const sentences = timingFaults(lease).concat(watchdogFaults(lease));
  return sentences.map(fault);
}
