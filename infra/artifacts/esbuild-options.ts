/** How a TypeScript program for hosts becomes one file. The same sources give the same bytes. */
import type { BuildOptions } from "esbuild";

/** For the Node that holdfast ships. Names stay as they are, so that a stack trace can be read. */
export const hostProgram = {
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
} as const satisfies BuildOptions;
