/** `npm run toolchain`: makes sure that every tool is there and prints where each came from. */
import "../contract/first.ts";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { runEntry } from "../contract/entry.ts";
import { toolNames } from "./lock.ts";
import { printProgress } from "./print-progress.ts";
import { ensureTools, type Tool } from "./tools.ts";

const help = `Usage: npm run toolchain [-- OPTIONS]

Makes sure that pulumi, its plugins, Consul and Node are there (from PATH, by the official download, or built
from source) and prints where each came from. At once when they are; minutes when they must be built.

Options:
  --refresh   try the better ways again for what was built here
  --json      print it as JSON
  -h, --help  show this`;

function readOptions(args: string[]) {
  const flag = { type: "boolean", default: false } as const;
  return parseArgs({ args, options: { json: flag, refresh: flag, help: { ...flag, short: "h" } } }).values;
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

await runEntry("npm run toolchain --", async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(help);
  else {
    const tools = Object.values(
      await ensureTools({ only: toolNames, refresh: options.refresh, onProgress: printProgress }),
    );
    console.log(options.json ? JSON.stringify(tools, undefined, 2) : asTable(tools));
  }
});
