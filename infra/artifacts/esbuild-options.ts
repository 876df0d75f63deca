/** How a TypeScript program for hosts becomes one file. The same sources give the same bytes. */
import type { BuildOptions } from "esbuild";

/**
 * For the Node that holdfast ships. Names stay as they are, so that a stack trace can be read. CommonJS: an ES module
 * that imports node:http has Node load its WebSocket and fetch, 40 ms at each start and megabytes for as long as it runs.
 */
export const hostProgram = {
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
} as const satisfies BuildOptions;
