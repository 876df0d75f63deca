/** Gets one tool into the cache by the first route that works, or says why none did. */
import { join } from "node:path";
import { HoldfastError } from "../contract/errors.ts";
import { installDirectory, type Marker, type Origin, readMarker, toolsDirectory, withLock } from "./cache.ts";
import { downloadInto } from "./download.ts";
import { buildWithGo } from "./go-build.ts";
import { type Arch, lock, type ToolName } from "./lock.ts";
import { asStep, type OnProgress, Step } from "./progress.ts";

export interface Route {
  from: Origin;
  /** "download from nodejs.org", as the error names it. */
  title: string;
  /** Puts the tool into a directory; throws the reason. */
  fill: (directory: string) => Promise<void>;
}

export interface Obtained {
  directory: string;
  from: Origin;
}

/**
 * The directory `<name>-<version>[-<arch>]` of the cache, filled by one of the routes if it is not there yet.
 * Throws HF_TOOLCHAIN with the reason of every route.
 */
export async function obtain(
  tool: ToolName,
  suffix: string,
  routes: readonly Route[],
  options: { onProgress?: OnProgress | undefined; refresh?: boolean | undefined } = {},
): Promise<Obtained> {
  const name = `${tool}-${lock[tool].version}${suffix}`;
  const directory = join(toolsDirectory(), name);
  const present = readMarker(directory);
  if (present !== undefined && !(options.refresh === true && present.from === "built"))
    return { directory, from: present.from };
  const onWait = (pid: number): Step =>
    new Step(tool, `waiting for process ${pid}, which is getting it`, options.onProgress);
  return withLock(name, () => tryRoutes(tool, directory, present, routes), onWait);
}

async function tryRoutes(
  tool: ToolName,
  directory: string,
  before: Marker | undefined,
  routes: readonly Route[],
): Promise<Obtained> {
  const now = readMarker(directory);
  if (now !== undefined && before === undefined) return { directory, from: now.from }; // made by another run meanwhile
  const reasons: string[] = [];
  for (const { from, title, fill } of routes) {
    if (from === now?.from) return { directory, from }; // nothing better than what is there
    try {
      await installDirectory(directory, { from, version: lock[tool].version }, fill);
      return { directory, from };
    } catch (error) {
      reasons.push(`${title}: ${(error as Error).message}`);
    }
  }
  throw new HoldfastError(
    "HF_TOOLCHAIN",
    `${tool} ${lock[tool].version} could not be obtained. ${reasons.join("; ")}.`,
    {
      next: adviceFor(tool),
    },
  );
}

function adviceFor(tool: ToolName): string {
  const { accept, version } = lock[tool];
  const wanted = accept === undefined ? version : `${accept.atLeast} or later, below ${accept.below}`;
  return `Put ${tool} (${wanted}) on PATH, or install Go from https://go.dev/doc/install, and run npm run toolchain again.`;
}

export function downloadRoute(tool: ToolName, arch: Arch, onProgress?: OnProgress): Route[] {
  const download = lock[tool].downloads?.[arch];
  if (download === undefined) return [];
  const host = new URL(download.url).host;
  return [
    {
      from: "download",
      title: `download from ${host}`,
      fill: (directory) =>
        asStep(tool, `downloading from ${host}`, onProgress, (step) => downloadInto(directory, download, step)),
    },
  ];
}

export function buildRoute(tool: ToolName, arch: Arch, onProgress?: OnProgress): Route {
  return {
    from: "built",
    title: "build with Go",
    fill: (directory) => buildWithGo(tool, arch, join(directory, tool), onProgress),
  };
}
