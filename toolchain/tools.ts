/**
 * The tools that holdfast works with, each from the first of these that has it: PATH, the official download,
 * a build from source. What was obtained is kept in the cache and found there at once next time.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { HoldfastError } from "../contract/errors.ts";
import { launchInCache, type Origin } from "./cache.ts";
import { ensureCommandPlugin } from "./command-plugin-install.ts";
import { ensureHcloudPlugin } from "./hcloud-plugin-install.ts";
import { type Arch, lock, machineArch, type ToolName } from "./lock.ts";
import { installedNode, unpackNode } from "./node-packages.ts";
import { buildRoute, downloadRoute, obtain } from "./obtain.ts";
import { findOnPath } from "./path-tools.ts";
import { pluginProgram } from "./plugin-install.ts";
import { asStep, type OnProgress } from "./progress.ts";

export interface Tool {
  name: ToolName;
  version: string;
  from: Origin;
  /** The program. */
  path: string;
}

/** What every stack needs. A plugin of a cloud's is for stacks with hosts of that cloud, and is asked for by name. */
export const everydayTools = ["node", "command-plugin", "pulumi", "pulumi-language-nodejs", "consul"] as const;
export type EverydayTool = (typeof everydayTools)[number];

export type Tools = Record<EverydayTool, Tool> & Partial<Record<ToolName, Tool>>;

export interface EnsureOptions {
  onProgress?: OnProgress;
  /** Tries the better routes again for what was built here. */
  refresh?: boolean;
}

/**
 * Makes sure that the tools are there, the everyday ones or those in `only`, one after the other. At once when they
 * are; minutes when they must be built. Can be interrupted and started again at any time, also twice at once.
 * Throws HF_TOOLCHAIN.
 */
export async function ensureTools<Name extends ToolName = EverydayTool>(
  options: EnsureOptions & { only?: readonly Name[] } = {},
): Promise<Record<Name, Tool>> {
  const found: Partial<Record<ToolName, Tool>> = {};
  const wanted: readonly ToolName[] = options.only ?? everydayTools;
  const makers: Record<ToolName, () => Promise<Tool>> = {
    node: async () => nodeTool(),
    "command-plugin": () => plugin("command-plugin", options),
    "hcloud-plugin": () => plugin("hcloud-plugin", options),
    pulumi: () => pulumi(options),
    "pulumi-language-nodejs": async () => languageHost(found.pulumi ?? (await pulumi(options)), options),
    consul: () => consul(requireArch(), options),
  };
  for (const name of Object.keys(makers) as ToolName[]) {
    if (wanted.includes(name)) found[name] = await makers[name]();
  }
  return found as Record<Name, Tool>;
}

/** Names of architectures as hosts have them (`uname -m`). */
export type HostArch = "x86_64" | "aarch64";

const archOfHost: Record<HostArch, Arch> = { x86_64: "x64", aarch64: "arm64" };

/** The Node binary for hosts of an architecture. */
export async function hostNode(host: HostArch, options: EnsureOptions = {}): Promise<string> {
  const arch = archOfHost[host];
  const installed = installedNode(arch);
  if (installed !== undefined) return installed;
  const { directory, from } = await obtain(
    "node",
    `-${arch}`,
    [
      {
        from: "packages",
        title: "npm package",
        fill: (into) =>
          asStep("node", `getting the npm package for ${host}`, options.onProgress, () => unpackNode(arch, into)),
      },
      ...downloadRoute("node", arch, options.onProgress),
    ],
    options,
  );
  return from === "packages"
    ? join(directory, "bin", "node")
    : join(directory, `node-v${lock.node.version}-linux-${arch}`, "bin", "node");
}

/** The Consul binary for hosts of an architecture; for another one than this machine's it is got only now. */
export async function hostConsul(host: HostArch, options: EnsureOptions = {}): Promise<string> {
  return (await consul(archOfHost[host], options)).path;
}

function nodeTool(): Tool {
  const arch = machineArch();
  const installed = arch === undefined ? undefined : installedNode(arch);
  return installed === undefined
    ? { name: "node", version: process.versions.node, from: "path", path: process.execPath }
    : { name: "node", version: lock.node.version, from: "packages", path: installed };
}

async function plugin(name: "command-plugin" | "hcloud-plugin", { onProgress, refresh }: EnsureOptions): Promise<Tool> {
  const from = await (name === "command-plugin" ? ensureCommandPlugin : ensureHcloudPlugin)(onProgress, refresh);
  return { name, version: lock[name].version, from, path: pluginProgram(name) };
}

async function pulumi(options: EnsureOptions): Promise<Tool> {
  const name = "pulumi";
  const onPath = await findOnPath(name);
  if (onPath !== undefined) return { name, from: "path", ...onPath };
  const arch = requireArch();
  const routes = [...downloadRoute(name, arch, options.onProgress), buildRoute(name, arch, options.onProgress)];
  const { directory, from } = await obtain(name, "", routes, options);
  const path = from === "built" ? join(directory, name) : join(directory, name, name);
  return { name, version: lock.pulumi.version, from, path };
}

/** Pulumi's own archive has the host for Node programs beside the CLI; only a built CLI needs a built one. */
async function languageHost(cli: Tool, options: EnsureOptions): Promise<Tool> {
  const name = "pulumi-language-nodejs";
  const beside = join(dirname(cli.path), name);
  if (cli.from !== "built" && existsSync(beside)) return { name, version: cli.version, from: cli.from, path: beside };
  const { directory, from } = await obtain(name, "", [buildRoute(name, requireArch(), options.onProgress)], options);
  const path = join(directory, name);
  if (cli.from !== "built") return { name, version: lock[name].version, from, path };
  // The CLI warns, at every command, of one that it finds elsewhere. It no longer tells this older one about
  // `typescript: false` in Pulumi.yaml, and without it every run loads a compiler that it does not need.
  await launchInCache(beside, [path, "-typescript=false"]);
  return { name, version: lock[name].version, from, path: beside };
}

async function consul(arch: Arch, options: EnsureOptions): Promise<Tool> {
  const name = "consul";
  const isOwn = arch === machineArch();
  const onPath = isOwn ? await findOnPath(name) : undefined;
  if (onPath !== undefined) return { name, from: "path", ...onPath };
  const routes = [...downloadRoute(name, arch, options.onProgress), buildRoute(name, arch, options.onProgress)];
  const { directory, from } = await obtain(name, isOwn ? "" : `-${arch}`, routes, options);
  const path = join(directory, name);
  return { name, version: lock.consul.version, from, path };
}

function requireArch(): Arch {
  const arch = machineArch();
  if (arch !== undefined) return arch;
  throw new HoldfastError("HF_TOOLCHAIN", `There is no way to get the tools for ${process.platform} ${process.arch}.`, {
    next: "Put pulumi and consul on PATH, or run holdfast on Linux, x64 or arm64.",
  });
}
