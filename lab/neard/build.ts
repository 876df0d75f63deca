/**
 * Bundles the lab's neard into one executable file for the hosts. The same sources give the same
 * bytes; the marker in its first lines lets a deployment tell it from a real neard.
 */
import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { paths } from "../../contract/paths.ts";
import { hostProgram } from "../../infra/artifacts/esbuild-options.ts";

/** Stands in the first 4 KiB of the lab's neard, and in no real one. */
export const labNeardMarker = "holdfast-lab-neard";

/** Writes the program to `outFile`, mode 0755, run by the Node that holdfast ships. */
export async function buildLabNeard(outFile: string): Promise<void> {
  await mkdir(dirname(outFile), { recursive: true });
  await build({
    ...hostProgram,
    entryPoints: [fileURLToPath(new URL("main.ts", import.meta.url))],
    outfile: outFile,
    logLevel: "warning",
    banner: { js: `#!${paths.node}\n// ${labNeardMarker}: a stand-in for tests, never a real NEAR node` },
  });
  await chmod(outFile, 0o755);
}
