/** Which settings differ between two stack files, one line each. Pure; secrets are marks already (stack-file.ts). */
import { shownText } from "../config/shown.ts";
import type { StackFile } from "./stack-file.ts";

export interface SettingChange {
  /** `neard.version`, `hosts.host-a.address`. */
  readonly setting: string;
  /** null: it is not there. */
  readonly before: string | null;
  readonly after: string | null;
}

/** @param base null: there is nothing to compare with, and no change. */
export function settingChanges(base: StackFile | null, head: StackFile): SettingChange[] {
  if (base === null) return [];
  const before = flat(base.shown, []);
  const after = flat(head.shown, []);
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  const changes = names.flatMap((setting) => {
    const [was = null, is = null] = [before.get(setting), after.get(setting)];
    return was === is ? [] : [{ setting, before: was, after: is }];
  });
  if (base.encryption === head.encryption) return changes;
  const words = (file: StackFile) => (file.encryption === null ? null : `[${file.encryption}]`);
  return [...changes, { setting: "(what the secrets are encrypted with)", before: words(base), after: words(head) }];
}

/** Single values by their paths; hosts by their names, for their order means nothing. */
function flat(value: unknown, path: readonly string[]): Map<string, string> {
  if (isPlain(value)) return new Map([[path.join("."), shownValue(value)]]);
  // A list of plain values is one value.
  if (Array.isArray(value) && value.every(isPlain))
    return new Map([[path.join("."), shownText(value.map(shownValue).join(", ")) || "(empty)"]]);
  const entries: [string, unknown][] =
    path.length === 1 && path[0] === "hosts" && Array.isArray(value)
      ? value.map((host, i) => [nameOf(host) ?? `[${i}]`, host])
      : Array.isArray(value)
        ? value.map((entry, i) => [`[${i}]`, entry])
        : Object.entries(value as object);
  if (entries.length === 0) return new Map(path.length === 0 ? [] : [[path.join("."), "(empty)"]]);
  return new Map(entries.flatMap(([key, entry]) => [...flat(entry, [...path, shownText(key)])]));
}

const isPlain = (value: unknown): boolean => typeof value !== "object" || value === null;

function nameOf(host: unknown): string | undefined {
  const name = (host as { name?: unknown } | null)?.name;
  return typeof name === "string" ? name : undefined;
}

const shownValue = (value: unknown): string => (typeof value === "string" ? shownText(value) : String(value));
