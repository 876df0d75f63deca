/** The kernel's tables, as nft shows them, and our firewall's file. */
import { firewallTable, paths } from "../../contract/paths.ts";
import { run } from "../system/run.ts";
import type { Rules } from "./keep-firewall.ts";

/** nft has it from the kernel within milliseconds. */
const timeoutMs = 3000;

/** The table as nft lists it, without counters; null: there is none. */
export async function tableListing(table: string): Promise<string | null> {
  try {
    return (await run("nft", ["--stateless", "list", "table", "inet", table], { timeoutMs })).stdout;
  } catch (error) {
    // A table that is not there, or something else: what it lists besides tells which.
    const { stdout } = await run("nft", ["list", "tables", "inet"], { timeoutMs });
    if (stdout.split("\n").some((line) => line.trim() === `table inet ${table}`)) throw error;
    return null;
  }
}

/** The host's own firewall. */
export const systemRules: Rules = {
  listing: () => tableListing(firewallTable),
  load: async () => void (await run("nft", ["-f", paths.firewall], { timeoutMs })),
};
