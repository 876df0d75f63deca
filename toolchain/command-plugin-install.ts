/**
 * The command plugin. The official one is always preferred. Ours takes its place where there is no way to it, or where
 * HOLDFAST_COMMAND_PLUGIN is `own` (it notices a host that falls silent, the official one does not), and is made anew when its
 * sources change.
 */
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../contract/errors.ts";
import type { Origin } from "./cache.ts";
import { repositoryRoot } from "./node-packages.ts";
import { ensurePlugin, pluginProgram } from "./plugin-install.ts";
import { asStep, type OnProgress } from "./progress.ts";

const tool = "command-plugin";

/** Resolves to where the plugin that is in place came from; `built` means ours. */
export function ensureCommandPlugin(onProgress?: OnProgress, refresh = false): Promise<Origin> {
  return ensurePlugin(tool, {
    key: keyOfSources(),
    make: (directory) => asStep(tool, "bundling holdfast's own", onProgress, () => bundleOwn(directory)),
    onlyMade: wantsOwn(process.env[choice]),
    onProgress,
    refresh,
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

async function bundleOwn(directory: string): Promise<void> {
  const { bundlePlugin } = await import("./command-plugin/build.ts");
  await bundlePlugin(join(directory, "plugin.cjs"));
  await writeFile(pluginProgram(tool, directory), launcher);
  await chmod(pluginProgram(tool, directory), 0o755);
}

/**
 * Runs the bundle beside it with the Node on PATH, where pulumiEnvironment puts that of the checkout that runs Pulumi:
 * several checkouts share this plugin.
 */
export const launcher = `#!/bin/sh\nexec node --max-semi-space-size=32 "\${0%/*}/plugin.cjs" "$@"\n`;

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
