/**
 * agent/main.ts and all that it imports, as one file that needs Node and nothing else. The same sources
 * give the same bytes: a bundle that changed without a reason would restart every agent.
 */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { HoldfastError } from "../../contract/errors.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds it and says where it is. @throws HoldfastError HF_ARTIFACT_UNAVAILABLE with esbuild's complaint. */
export async function bundleHoldfastd(): Promise<string> {
  const outfile = `${root}dist/holdfastd.mjs`;
  try {
    await build({
      absWorkingDir: root,
      entryPoints: ["agent/main.ts"],
      outfile,
      bundle: true,
      platform: "node",
      target: "node24",
      format: "esm",
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
  } catch (cause) {
    throw new HoldfastError("HF_ARTIFACT_UNAVAILABLE", `holdfastd could not be bundled: ${(cause as Error).message}`, {
      next: "Run npm run types; the checkout is damaged or half edited.",
      cause,
    });
  }
  return outfile;
}
