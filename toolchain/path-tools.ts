/**
 * Tools that are on PATH already. Asking a program for its version takes a fifth of a second, so the answer is
 * kept for as long as the program's file stays the same.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { toolsDirectory } from "./cache.ts";
import { isAccepted, lock, type ToolName } from "./lock.ts";

export interface PathTool {
  path: string;
  version: string;
}

/** The first program of that name on PATH, if its version is one that we take. */
export async function findOnPath(tool: ToolName): Promise<PathTool | undefined> {
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(directory, tool);
    const file = directory === "" ? undefined : statSync(path, { throwIfNoEntry: false });
    if (!file?.isFile() || (file.mode & 0o111) === 0) continue;
    const version = await versionOf(path, `${path} ${file.size} ${file.mtimeMs}`);
    return version !== undefined && isAccepted(version, lock[tool]) ? { path, version } : undefined;
  }
  return undefined;
}

/** The first version number in what `PROGRAM version` prints. */
export const parseVersion = (text: string): string | undefined => /\bv?(\d+\.\d+\.\d+)\b/.exec(text)?.[1];

async function versionOf(path: string, identity: string): Promise<string | undefined> {
  const memory = join(toolsDirectory(), "path-versions.json");
  const known = readVersions(memory);
  if (identity in known) return known[identity];
  const printed = await promisify(execFile)(path, ["version"], { timeout: 10_000 }).catch(() => undefined);
  const version = printed === undefined ? undefined : parseVersion(printed.stdout);
  if (version !== undefined) {
    mkdirSync(dirname(memory), { recursive: true });
    writeFileSync(memory, JSON.stringify({ ...known, [identity]: version }));
  }
  return version;
}

function readVersions(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  } catch {
    return {};
  }
}
