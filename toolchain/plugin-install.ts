/**
 * Puts the command plugin where Pulumi looks for it. The official one is always preferred: from the user's own
 * Pulumi, or by download. Ours takes its place where neither works, or where HOLDFAST_COMMAND_PLUGIN is `own` (it notices a
 * host that falls silent, the official one does not), and is made anew when its sources change.
 */
import { createHash } from "node:crypto";
import { constants, copyFileSync, existsSync, globSync, readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../contract/errors.ts";
import { installDirectory, type Marker, type Origin, pulumiHome, readMarker, withLock } from "./cache.ts";
import { downloadInto } from "./download.ts";
import { lock, machineArch } from "./lock.ts";
import { repositoryRoot } from "./node-packages.ts";
import { asStep, type OnProgress } from "./progress.ts";

const tool = "command-plugin";
const { version } = lock[tool];
const folderName = `resource-command-v${version}`;
const programName = "pulumi-resource-command";

export const pluginDirectory = (): string => join(pulumiHome(), "plugins", folderName);

/** Resolves to where the plugin that is in place came from; `built` means ours. */
export async function ensureCommandPlugin(onProgress?: OnProgress, refresh = false): Promise<Origin> {
  const key = keyOfSources();
  const onlyOwn = wantsOwn(process.env[choice]);
  const isGood = (marker: Marker | undefined): marker is Marker =>
    marker !== undefined && (marker.from === "built" ? marker.key === key && !refresh : !onlyOwn);
  const present = readMarker(pluginDirectory());
  if (isGood(present)) return present.from;
  return withLock(tool, async () => {
    const now = readMarker(pluginDirectory());
    return isGood(now) && present === undefined ? now.from : install(key, onlyOwn, onProgress);
  });
}

const choice = "HOLDFAST_COMMAND_PLUGIN";

/** @throws HoldfastError HF_USAGE for a value that means nothing. */
export function wantsOwn(value: string | undefined): boolean {
  if (value === undefined || value === "") return false;
  if (value === "own") return true;
  throw new HoldfastError("HF_USAGE", `${choice} is ${value}.`, {
    next: 'Set it to "own" for holdfast\'s own command plugin, or not at all.',
  });
}

async function install(key: string, onlyOwn: boolean, onProgress: OnProgress | undefined): Promise<Origin> {
  const reasons: string[] = [];
  const attempts: [Origin, (directory: string) => Promise<void>][] = [
    ["path", copyFromUser],
    ["download", (directory) => asStep(tool, "downloading", onProgress, (step) => download(directory, step))],
    ["built", (directory) => asStep(tool, "bundling holdfast's own", onProgress, () => bundleOwn(directory))],
  ];
  for (const [from, fill] of attempts) {
    if (onlyOwn && from !== "built") continue;
    try {
      await installDirectory(pluginDirectory(), { from, version, ...(from === "built" ? { key } : {}) }, fill);
      return from;
    } catch (error) {
      reasons.push(`${from}: ${(error as Error).message}`);
    }
  }
  throw new HoldfastError(
    "HF_TOOLCHAIN",
    `The command plugin ${version} could not be put in place. ${reasons.join("; ")}.`,
    {
      next: `Install it with pulumi plugin install resource command ${version}, and run npm run toolchain again.`,
    },
  );
}

async function copyFromUser(directory: string): Promise<void> {
  const program = join(userPulumiHome(), "plugins", folderName, programName);
  // Within a pulumi that we started the user's home is ours: our launcher without its bundle is of no use.
  if (program === join(pluginDirectory(), programName)) throw new Error("there is none but ours");
  if (!existsSync(program)) throw new Error(`${program} is not there`);
  copyFileSync(program, join(directory, programName), constants.COPYFILE_FICLONE);
}

/** Where the user's own Pulumi keeps its things. */
export const userPulumiHome = (): string => process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");

async function download(directory: string, step: Parameters<typeof downloadInto>[2]): Promise<void> {
  const arch = machineArch();
  const source = arch === undefined ? undefined : lock[tool].downloads?.[arch];
  if (source === undefined) throw new Error(`there is none for ${process.platform} ${process.arch}`);
  await downloadInto(directory, source, step);
}

async function bundleOwn(directory: string): Promise<void> {
  const { bundlePlugin } = await import("./command-plugin/build.ts");
  await bundlePlugin(join(directory, "plugin.cjs"));
  await writeFile(join(directory, programName), launcher);
  await chmod(join(directory, programName), 0o755);
}

/**
 * Runs the bundle beside it with the Node on PATH, where pulumiEnvironment puts that of the checkout that runs Pulumi:
 * several checkouts share this plugin.
 */
export const launcher = `#!/bin/sh\nexec node "\${0%/*}/plugin.cjs" "$@"\n`;

/** Changes when our plugin would come out differently: its sources, its libraries. */
function keyOfSources(): string {
  const hash = createHash("sha256").update(launcher);
  const folder = fileURLToPath(new URL("command-plugin", import.meta.url));
  const sources = globSync("*.ts", { cwd: folder }).filter((name) => !name.endsWith(".test.ts"));
  for (const name of sources.sort()) hash.update(name).update(readFileSync(join(folder, name)));
  for (const name of ["entry.ts", "errors.ts", "unforeseen.ts"])
    hash.update(readFileSync(join(repositoryRoot, "contract", name)));
  return hash.update(readFileSync(join(repositoryRoot, "package-lock.json"))).digest("hex");
}
