/** Reads from the host what `in-force.ts` wants to know. Changes nothing. */
import { constants } from "node:fs";
import { access, lstat, readFile, readlink, statfs } from "node:fs/promises";
import { execa } from "execa";
import type { HostSpec } from "../contract/wire/host-spec.ts";
import { startTicks } from "../host/system/start-ticks.ts";
import type { UnitFact } from "./facts.ts";
import { type InForce, type ProcessFact, type SettingFact, settingsIn, type TableFact, words } from "./in-force.ts";
import { otherFirewalls } from "./other-firewalls.ts";

/** nft and the kernel need milliseconds. */
const nftTimeoutMs = 10_000;

export async function readInForce(spec: HostSpec, units: ReadonlyMap<string, UnitFact>): Promise<InForce> {
  const read = spec.units.flatMap((unit) => unit.restartOn);
  const files = new Set([...read, ...spec.files.map(({ path }) => path)]);
  const tables = spec.units.flatMap(({ nftTable }) => nftTable ?? []);
  const settings = spec.commands.flatMap(({ settings: path }) => settingsIn(linesOf(spec, path)));
  return {
    processes: await mapOf([...units], async ([name, { mainPid }]) => [name, await processFact(mainPid)]),
    modifiedMs: await mapOf([...files], async (path) => [path, await modifiedMs(path)]),
    tables: await mapOf(tables, async ({ table, file }) => [table, await tableFact(table, file)]),
    settings: await mapOf(settings, async ({ name }) => [name, await settingFact(name)]),
    fileSystems: await mapOf(spec.directories, async ({ path, inMemory }) => [
      path,
      inMemory ? await fileSystem(path) : undefined,
    ]),
    otherFirewalls: tables.length === 0 ? [] : await otherFirewalls(),
  };
}

function linesOf(spec: HostSpec, path: string | undefined): readonly string[] {
  return spec.files.find((file) => file.path === path)?.lines ?? [];
}

/** Without those of which nothing is known. */
async function mapOf<Item, Value>(
  items: readonly Item[],
  look: (item: Item) => Promise<readonly [string, Value | undefined]>,
): Promise<Map<string, Value>> {
  const entries = await Promise.all(items.map(look));
  return new Map(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
}

/** Linux counts a process's start in hundredths of a second, whatever the kernel's own clock (proc(5), USER_HZ). */
const tickMs = 10;

async function processFact(pid: number): Promise<ProcessFact | undefined> {
  if (pid === 0) return undefined;
  try {
    const ticks = startTicks(pid);
    if (ticks === null) return undefined;
    const program = await readlink(`/proc/${pid}/exe`);
    const uptimeMs = Number.parseFloat(await readFile("/proc/uptime", "latin1")) * 1000;
    const startedMs = Date.now() - uptimeMs + Number(ticks) * tickMs;
    return { startedMs, isProgramGone: program.endsWith(" (deleted)") };
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

async function modifiedMs(path: string): Promise<number | undefined> {
  return await lstat(path).then(
    (stat) => stat.mtimeMs,
    () => undefined,
  );
}

async function fileSystem(path: string): Promise<number | undefined> {
  return await statfs(path).then(
    (stat) => stat.type,
    () => undefined,
  );
}

/**
 * nft prints rules in words of its own, which differ from version to version. So the file is loaded into a kernel's
 * network namespace of its own, that nothing goes through and that ends with the program, and both are printed alike.
 */
async function tableFact(table: string, file: string): Promise<TableFact> {
  const options = { reject: false, timeout: nftTimeoutMs } as const;
  const list = `nft --stateless list table ${table}`;
  const [seen, wanted] = await Promise.all([
    execa("sh", ["-c", list], options),
    execa("unshare", ["--net", "sh", "-c", `nft -f "$1" && ${list}`, "sh", file], options),
  ]);
  if (seen.failed) {
    if (/No such file or directory/.test(seen.stderr)) return "absent";
    return { unknown: `cannot be listed: ${firstLine(seen.stderr)}` };
  }
  if (wanted.failed) return { unknown: `cannot be compared with ${file}: ${firstLine(wanted.stderr)}` };
  return seen.stdout === wanted.stdout ? "as-filed" : "other";
}

const firstLine = (text: string): string => text.trim().split("\n")[0] || "no reason given";

/** Settings that are one of several, and where the kernel says which it has. Null: it does not say. */
const choicesAt: Readonly<Record<string, string | null>> = {
  "net.ipv4.tcp_congestion_control": "net.ipv4.tcp_available_congestion_control",
  "net.core.default_qdisc": null,
};

const settingPath = (name: string): string => `/proc/sys/${name.replaceAll(".", "/")}`;

async function settingFact(name: string): Promise<SettingFact | undefined> {
  try {
    const value = await readFile(settingPath(name), "utf8");
    const writable = await access(settingPath(name), constants.W_OK).then(
      () => true,
      () => false,
    );
    const at = choicesAt[name];
    if (at === undefined) return { value, writable, choices: null };
    const choices = at === null ? [] : words(await readFile(settingPath(at), "utf8")).split(" ");
    return { value, writable, choices };
  } catch {
    return undefined;
  }
}
