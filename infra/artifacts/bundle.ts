/**
 * agent/main.ts and all that it imports, as one file that needs Node and nothing else. The same sources
 * give the same bytes: a bundle that changed without a reason would restart every agent.
 */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { HoldfastError } from "../../contract/errors.ts";
import { cacheFolder, writeWhole } from "./cache.ts";
import type { LocalFile } from "./fetch-source.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds it and says where it is. @throws HoldfastError HF_ARTIFACT_UNAVAILABLE with esbuild's complaint. */
export async function bundleHoldfastd(folder: string = cacheFolder): Promise<LocalFile> {
  const text = await bundle();
  const sha256 = createHash("sha256").update(text).digest("hex");
  const path = join(folder, "bundles", `holdfastd-${sha256}.mjs`);
  await writeWhole(path, (temporary) => writeFile(temporary, text));
  return { path, sha256 };
}

async function bundle(): Promise<string> {
  try {
    const { outputFiles } = await build({
      write: false,
      absWorkingDir: root,
      entryPoints: ["agent/main.ts"],
      bundle: true,
      platform: "node",
      target: "node24",
      format: "esm",
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: "none",
      logLevel: "silent",
      // CommonJS packages inside look for these.
      banner: {
        js: [
          'import { createRequire as holdfastCreateRequire } from "node:module";',
          'import { dirname as holdfastDirname } from "node:path";',
          "const require = holdfastCreateRequire(import.meta.url);",
          "const __filename = import.meta.filename;",
          "const __dirname = holdfastDirname(__filename);",
        ].join("\n"),
      },
    });
    return outputFiles[0]?.text ?? "";
  } catch (cause) {
    throw new HoldfastError("HF_ARTIFACT_UNAVAILABLE", `holdfastd could not be bundled: ${(cause as Error).message}`, {
      next: "Run npm run types; the checkout is damaged or half edited.",
      cause,
    });
  }
}
