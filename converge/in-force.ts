/**
 * What is in force on the host beside what its files say: the kernel's packet filter rules and settings, what is in
 * memory, when programs were started. A file can be right while nobody has read it. Plain data and what follows from it, pure;
 * `read-in-force.ts` fills it.
 *
 * Awkward case: what the kernel does not let us set. A container's /proc/sys may be read-only, a kernel may lack a
 * module: that no apply can mend, so it must not be called a difference, or every `pulumi up` would try it again.
 */
import type { HostSpec } from "../contract/wire/host-spec.ts";
import { memoryFileSystems } from "../host/system/memory-file-systems.ts";

export interface InForce {
  /** By unit: its main process. Absent: it has none. */
  readonly processes: ReadonlyMap<string, ProcessFact>;
  /** When a file's content was written last, in milliseconds since 1970. */
  readonly modifiedMs: ReadonlyMap<string, number>;
  /** By table: whether the kernel has it as its file makes it. */
  readonly tables: ReadonlyMap<string, TableFact>;
  /** By name; absent: this kernel has no such setting. */
  readonly settings: ReadonlyMap<string, SettingFact>;
  /** By directory: the type of the file system that it is on, as statfs(2) numbers them. */
  readonly fileSystems: ReadonlyMap<string, number>;
  /** Others who manage packet filter rules on this host, in words. */
  readonly otherFirewalls: readonly string[];
}

export interface ProcessFact {
  /** In milliseconds since 1970, by the clock as it goes now. */
  readonly startedMs: number;
  /** Its program was replaced or deleted since. */
  readonly isProgramGone: boolean;
}

/** `unknown`: it cannot be compared here, and why. */
export type TableFact = "as-filed" | "absent" | "other" | { readonly unknown: string };

export interface SettingFact {
  readonly value: string;
  readonly writable: boolean;
  /** For a setting that is one of several: which there are. Null: any value will do. */
  readonly choices: readonly string[] | null;
}

export const nothingInForce: InForce = {
  processes: new Map(),
  modifiedMs: new Map(),
  tables: new Map(),
  settings: new Map(),
  fileSystems: new Map(),
  otherFirewalls: [],
};

type Unit = HostSpec["units"][number];

/** A process's start is known to some hundredths of a second; this is far above that, and below any apply. */
const toleranceMs = 2000;

/**
 * Why a running unit has not read what it would read now; null: it has, or has no process.
 * @param unitFile its own file, if it is among ours
 */
export function staleness(unit: Unit, unitFile: string | undefined, inForce: InForce): string | null {
  const process = inForce.processes.get(unit.name);
  if (process === undefined) return null;
  if (process.isProgramGone) return "it runs a program that was replaced since";
  const read = [...unit.restartOn, ...(unitFile === undefined ? [] : [unitFile])];
  const newer = read.find((path) => (inForce.modifiedMs.get(path) ?? 0) > process.startedMs + toleranceMs);
  return newer === undefined ? null : `${newer} is newer than its process`;
}

/** Why the kernel's rules are not those of the unit's file; null: they are, or that cannot be told. */
export function rulesFault({ nftTable }: Unit, { tables }: InForce): string | null {
  if (nftTable === undefined) return null;
  const fact = tables.get(nftTable.table);
  if (fact === "absent") return `the kernel has no table ${nftTable.table}`;
  return fact === "other" ? `the kernel's table ${nftTable.table} is not as in ${nftTable.file}` : null;
}

export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** The lines of a sysctl.d(5) file. */
export function settingsIn(lines: readonly string[]): Setting[] {
  return lines.flatMap((line) => {
    const match = /^-?([a-z0-9_.]+) *= *(.*)$/.exec(line.trim());
    return match === null ? [] : [{ name: match[1] ?? "", value: words(match[2] ?? "") }];
  });
}

/** The kernel puts tabs between the numbers of one setting. */
export const words = (text: string): string => text.trim().split(/\s+/).join(" ");

/** Which kernel setting is not as the file has it, though it could be; null: none. */
export function settingFault(lines: readonly string[], { settings }: InForce): string | null {
  for (const { name, value } of settingsIn(lines)) {
    const fact = settings.get(name);
    if (fact === undefined || words(fact.value) === value || !fact.writable) continue;
    if (fact.choices === null || fact.choices.includes(value)) return `${name} is ${words(fact.value)}, not ${value}`;
  }
  return null;
}

/** What no apply mends, with what to do; and what is only worth a word. */
export function beyondApply(
  spec: HostSpec,
  inForce: InForce,
): {
  readonly drift: readonly { readonly what: string; readonly why: string }[];
  readonly notes: readonly { readonly what: string; readonly why: string }[];
} {
  const drift = spec.directories.flatMap(({ path, inMemory }) => {
    const type = inForce.fileSystems.get(path);
    if (!inMemory || type === undefined || memoryFileSystems.has(type)) return [];
    return [{ what: path, why: "is on a disk, not in memory: unmount what is there, and mount a tmpfs at /run" }];
  });
  const unknown = spec.units.flatMap(({ nftTable }) => {
    const fact = nftTable === undefined ? undefined : inForce.tables.get(nftTable.table);
    return typeof fact === "object" ? [{ what: `table ${nftTable?.table}`, why: fact.unknown }] : [];
  });
  const others = inForce.otherFirewalls.map((what) => ({ what, why: "manages packet filter rules besides ours" }));
  return { drift, notes: [...unknown, ...(spec.concern === "system" ? others : [])] };
}
