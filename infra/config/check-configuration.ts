/** The stack's configuration → settings, or every fault in it: single settings and what depends on several, told at once. Pure. */
import { crossCheck } from "./cross-checks.ts";
import type { Fault } from "./faults.ts";
import { readSettings, type SettingName } from "./read-settings.ts";
import type { Settings } from "./schema.ts";
import type { IsSecret } from "./secret-checks.ts";

export type CheckedConfiguration = {
  /** Allowed, but worth a word. */
  readonly warnings: readonly string[];
} & (
  | { readonly settings: Settings; readonly faults: readonly [] }
  | { readonly settings: null; readonly faults: readonly [Fault, ...Fault[]] }
);

/**
 * @param config all of the stack's configuration: `<namespace>:<name>` to text
 * @param sealed settings that are there, encrypted, and cannot be looked at; `config` has something of the right form
 */
export function checkConfiguration(
  config: Readonly<Record<string, string>>,
  isSecret: IsSecret,
  sealed: ReadonlySet<SettingName> = new Set(),
): CheckedConfiguration {
  const read = readSettings(config, isSecret);
  const { faults, warnings } = crossCheck(read.sound, isSecret, new Set([...read.broken, ...sealed]));
  const [first, ...others] = [...read.faults, ...faults];
  if (first !== undefined) return { settings: null, faults: [first, ...others], warnings };
  if (read.settings === null) throw new TypeError("settings without a fault that were not read");
  return { settings: read.settings, faults: [], warnings };
}
