/**
 * holdfastd/main.ts and all that it imports, as one file that needs Node and nothing else. The same sources
 * give the same bytes: a bundle that changed without a reason would restart every agent.
 *
 * Bundling takes half a second and more, so a bundle that was built from the same sources is taken again.
 */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../../contract/errors.ts";
import { BuiltBefore } from "./built-before.ts";
import { cacheFolder, writeWhole } from "./cache.ts";
import { hostProgram } from "./esbuild-options.ts";
import type { LocalFile } from "./fetch-source.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** What decides about the bundle besides what is in it: versions of packages and of esbuild, and how it is called. */
const alsoSources = [
  "package-lock.json",
  "tsconfig.json",
  "infra/artifacts/bundle.ts",
  "infra/artifacts/esbuild-options.ts",
];

/** Builds it and says where it is. @throws HoldfastError HF_ARTIFACT_UNAVAILABLE with esbuild's complaint. */
export async function bundleHoldfastd(folder: string = cacheFolder): Promise<LocalFile> {
  const bundles = join(folder, "bundles");
  const before = new BuiltBefore(root, bundles);
  const known = before.find();
  if (known !== undefined) return known;
  const startMs = Date.now();
  const { text, sources } = await bundle();
  const sha256 = createHash("sha256").update(text).digest("hex");
  const path = join(bundles, `holdfastd-${sha256}.cjs`);
  await writeWhole(path, (temporary) => writeFile(temporary, text));
  await before.remember({ path, sha256 }, [...sources, ...alsoSources], startMs);
  return { path, sha256 };
}

/** Sources: relative to the project folder. */
async function bundle(): Promise<{ text: string; sources: string[] }> {
  const { build } = await import("esbuild");
  try {
    const { outputFiles, metafile } = await build({
      ...hostProgram,
      write: false,
      metafile: true,
      absWorkingDir: root,
      entryPoints: ["holdfastd/main.ts"],
      logLevel: "silent",
    });
    return { text: outputFiles[0]?.text ?? "", sources: Object.keys(metafile.inputs) };
  } catch (cause) {
    throw new HoldfastError("HF_ARTIFACT_UNAVAILABLE", `holdfastd could not be bundled: ${(cause as Error).message}`, {
      next: "Run npm run types; the checkout is damaged or half edited.",
      cause,
    });
  }
}
