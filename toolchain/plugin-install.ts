/**
 * Puts a plugin where Pulumi looks for it: a copy of the user's own Pulumi's, or by download, or made here. What is in place stays,
 * unless it was made here and its sources have changed.
 */
import { constants, copyFileSync, existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "../contract/errors.ts";
import { installDirectory, type Marker, type Origin, pulumiHome, readMarker, withLock } from "./cache.ts";
import { downloadInto } from "./download.ts";
import { lock, machineArch } from "./lock.ts";
import { asStep, type OnProgress } from "./progress.ts";

/** The plugins that holdfast needs, and the package of Pulumi's that each serves. */
const packages = { "command-plugin": "command", "hcloud-plugin": "hcloud" } as const;
export type PluginName = keyof typeof packages;

const folderName = (plugin: PluginName): string => `resource-${packages[plugin]}-v${lock[plugin].version}`;
const programName = (plugin: PluginName): string => `pulumi-resource-${packages[plugin]}`;

export const pluginDirectory = (plugin: PluginName): string => join(pulumiHome(), "plugins", folderName(plugin));
/** The program in a plugin's directory; without one, where Pulumi finds it. */
export const pluginProgram = (plugin: PluginName, directory = pluginDirectory(plugin)): string =>
  join(directory, programName(plugin));

export interface PluginWish {
  /** Changes when what is made here would come out differently. */
  key: string;
  /** Makes it, into a directory. Throws the reason. */
  make: (directory: string) => Promise<void>;
  /** Only what is made here will do. */
  onlyMade?: boolean;
  onProgress?: OnProgress | undefined;
  /** Tries the better ways again for what was made here. */
  refresh?: boolean | undefined;
}

/** Resolves to where the plugin that is in place came from; `built` means that it was made here. @throws HF_TOOLCHAIN */
export async function ensurePlugin(plugin: PluginName, wish: PluginWish): Promise<Origin> {
  const { key, onlyMade = false, refresh = false } = wish;
  const isGood = (marker: Marker | undefined): marker is Marker =>
    marker !== undefined && (marker.from === "built" ? marker.key === key && !refresh : !onlyMade);
  const present = readMarker(pluginDirectory(plugin));
  if (isGood(present)) return present.from;
  return withLock(plugin, async () => {
    const now = readMarker(pluginDirectory(plugin));
    if (isGood(now) && present === undefined) return now.from;
    // Asked to look again, it looks; what was made here from the same sources is not made once more.
    const keep = now?.from === "built" && now.key === key;
    return install(plugin, wish, keep);
  });
}

async function install(plugin: PluginName, wish: PluginWish, keep: boolean): Promise<Origin> {
  const { key, make, onlyMade, onProgress } = wish;
  const { version } = lock[plugin];
  const reasons: string[] = [];
  const attempts: [Origin, (directory: string) => Promise<void>][] = [
    ["path", async (directory) => copyFromUser(plugin, directory)],
    ["download", (directory) => asStep(plugin, "downloading", onProgress, (step) => download(plugin, directory, step))],
    ["built", make],
  ];
  for (const [from, fill] of attempts) {
    if (onlyMade && from !== "built") continue;
    if (keep && from === "built") return from;
    try {
      await installDirectory(pluginDirectory(plugin), { from, version, ...(from === "built" ? { key } : {}) }, fill);
      return from;
    } catch (error) {
      reasons.push(`${from}: ${(error as Error).message}`);
    }
  }
  throw new HoldfastError(
    "HF_TOOLCHAIN",
    `The ${plugin} ${version} could not be put in place. ${reasons.join("; ")}.`,
    {
      next: `Install it with pulumi plugin install resource ${packages[plugin]} ${version}, and run npm run toolchain again.`,
    },
  );
}

function copyFromUser(plugin: PluginName, directory: string): void {
  const program = join(userPulumiHome(), "plugins", folderName(plugin), programName(plugin));
  // Within a pulumi that we started the user's home is ours: our launcher without its bundle is of no use.
  if (program === pluginProgram(plugin)) throw new Error("there is none but ours");
  if (!existsSync(program)) throw new Error(`${program} is not there`);
  copyFileSync(program, pluginProgram(plugin, directory), constants.COPYFILE_FICLONE);
}

/** Where the user's own Pulumi keeps its things. */
export const userPulumiHome = (): string => process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");

async function download(
  plugin: PluginName,
  directory: string,
  step: Parameters<typeof downloadInto>[2],
): Promise<void> {
  const arch = machineArch();
  const source = arch === undefined ? undefined : lock[plugin].downloads?.[arch];
  if (source === undefined) throw new Error(`there is none for ${process.platform} ${process.arch}`);
  await downloadInto(directory, source, step);
}
