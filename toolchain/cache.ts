/**
 * Where tools are kept on this machine, and how they get there: whole or not at all, also when two runs do it
 * at once or one of them dies. A directory under its final name is complete; `holdfast.json` in it says where
 * it came from.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { link, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { shellWords } from "../contract/shell-words.ts";

/** Where a tool came from. `packages`: the npm packages; `built`: by Go, or by us (the command plugin). */
export type Origin = "path" | "download" | "built" | "packages";

export interface Marker {
  from: Origin;
  version: string;
  /** What it was made of, where that can change under one version. */
  key?: string;
}

/** `$XDG_CACHE_HOME/holdfast`, or the same under `~/.cache`. */
export function cacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "holdfast");
}

export const toolsDirectory = (): string => join(cacheDirectory(), "tools");
export const logsDirectory = (): string => join(cacheDirectory(), "logs");
export const pulumiHome = (): string => join(cacheDirectory(), "pulumi-home");

const markerName = "holdfast.json";

/** What a directory says about where it came from; undefined where there is none, or it was not made by us. */
export function readMarker(directory: string): Marker | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, markerName), "utf8")) as Marker;
  } catch {
    return undefined;
  }
}

/**
 * Makes `directory` by `fill`, which writes into a temporary one beside it. An older one is replaced. What a run
 * that died left half done is removed, so only one run at a time may do this to a directory (`withLock`).
 */
export async function installDirectory(
  directory: string,
  marker: Marker,
  fill: (directory: string) => Promise<void>,
): Promise<void> {
  const [parent, prefix] = [dirname(directory), `.${basename(directory)}.part-`];
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent)) {
    if (entry.startsWith(prefix)) await rm(join(parent, entry), { recursive: true, force: true });
  }
  const temporary = join(parent, `${prefix}${process.pid}`);
  await mkdir(temporary);
  try {
    await fill(temporary);
    await writeFile(join(temporary, markerName), `${JSON.stringify(marker)}\n`);
    const replaced = `${temporary}.replaced`;
    if (existsSync(directory)) await rename(directory, replaced);
    await rename(temporary, directory);
    await rm(replaced, { recursive: true, force: true });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Makes `path` a program that runs `argv` with its own arguments behind it; whatever is there gives way. */
export async function launchInCache(path: string, argv: readonly string[]): Promise<void> {
  const script = `#!/bin/sh\nexec ${shellWords(argv)} "$@"\n`;
  if ((await lstat(path).catch(() => undefined))?.isFile() && (await readFile(path, "utf8")) === script) return;
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, script, { mode: 0o755 });
  await rename(draft, path);
}

const lockPollMs = 300;

/**
 * Runs `action` while no other process of this user runs one under the same name. A lock whose owner is gone is
 * taken over. It only saves work: what is installed is whole without it too. `onWait` is called once if there is
 * something to wait for; what it returns is ended with the waiting.
 */
export async function withLock<T>(
  name: string,
  action: () => Promise<T>,
  onWait?: (ownerPid: number) => { end: () => void },
): Promise<T> {
  await mkdir(toolsDirectory(), { recursive: true });
  const path = join(toolsDirectory(), `.${name}.lock`);
  const self = describeProcess(process.pid);
  let waiting: { end: () => void } | undefined;
  while (!(await createExclusively(path, self))) {
    const owner = await readFile(path, "utf8").catch(() => "");
    const pid = Number.parseInt(owner, 10);
    if (owner !== "" && describeProcess(pid) === owner) {
      waiting ??= onWait?.(pid);
      await pause(lockPollMs);
    } else {
      await rm(path, { force: true });
    }
  }
  waiting?.end();
  try {
    return await action();
  } finally {
    await rm(path, { force: true });
  }
}

/** Makes the file with its content in one step, so that nobody sees it empty. */
async function createExclusively(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** `PID START`: a later process that got the same number has another start. Empty when there is no such process. */
function describeProcess(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return `${pid} ${fields?.[19]}\n`;
  } catch {
    return "";
  }
}
