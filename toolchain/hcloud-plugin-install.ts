/**
 * The plugin for Hetzner Cloud: the vendor's, or built from the Go modules that `go/hcloud-plugin` pins (five minutes of two
 * cores, once). Only stacks with hosts from the cloud need it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Origin } from "./cache.ts";
import { buildWithGo } from "./go-build.ts";
import { machineArch } from "./lock.ts";
import { repositoryRoot } from "./node-packages.ts";
import { ensurePlugin, pluginProgram } from "./plugin-install.ts";
import type { OnProgress } from "./progress.ts";

const tool = "hcloud-plugin";

/** Resolves to where the plugin that is in place came from. */
export function ensureHcloudPlugin(onProgress?: OnProgress, refresh = false): Promise<Origin> {
  return ensurePlugin(tool, {
    key: keyOfSources(),
    make: async (directory) => {
      const arch = machineArch();
      if (arch === undefined) throw new Error(`there is none for ${process.platform} ${process.arch}`);
      await buildWithGo(tool, arch, pluginProgram(tool, directory), onProgress);
    },
    onProgress,
    refresh,
  });
}

function keyOfSources(): string {
  const hash = createHash("sha256");
  for (const name of ["main.go", "go.mod", "go.sum"])
    hash.update(name).update(readFileSync(join(repositoryRoot, "toolchain/go", tool, name)));
  return hash.digest("hex");
}
