/**
 * `npm run toolchain`: makes sure that every tool is there and prints where each came from.
 * `--json` prints it for programs; `--refresh` tries the official downloads again for what was built here.
 */
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { describeError, HoldfastError } from "../contract/errors.ts";
import { printProgress } from "./print-progress.ts";
import { ensureTools, type Tool } from "./tools.ts";

function readOptions(args: string[]): { json: boolean; refresh: boolean } {
  try {
    const { values } = parseArgs({ args, options: { json: { type: "boolean" }, refresh: { type: "boolean" } } });
    return { json: values.json ?? false, refresh: values.refresh ?? false };
  } catch (error) {
    throw new HoldfastError("HF_USAGE", (error as Error).message, {
      next: "Use npm run toolchain, with -- --json or -- --refresh behind it.",
    });
  }
}

const origins: Record<Tool["from"], string> = {
  path: "PATH",
  download: "official download",
  built: "built from source",
  packages: "npm package",
};

function asTable(tools: readonly Tool[]): string {
  const table = new Table({
    head: ["tool", "version", "from", "path"],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, version, from, path } of tools) {
    table.push([name, version, name === "command-plugin" && from === "built" ? "holdfast's own" : origins[from], path]);
  }
  return table.toString();
}

try {
  const { json, refresh } = readOptions(process.argv.slice(2));
  const tools = Object.values(await ensureTools({ refresh, onProgress: printProgress }));
  console.log(json ? JSON.stringify(tools, undefined, 2) : asTable(tools));
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
