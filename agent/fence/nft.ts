/** The kernel's packet filter, as far as the fence needs it. The simulation has one of its own. */
import { run } from "../system/run.ts";
import { NftShell } from "./nft-shell.ts";
import { tableName } from "./ruleset.ts";

export interface Nft {
  /** Carries out rules in one transaction. A failure does not tell whether it took place. */
  load(rules: string): Promise<void>;
  /** One line, through an nft that stands ready; returns once it has echoed `expected`. */
  transact(line: string, expected: string): Promise<void>;
  /** Our table as nft lists it; null when there is none. */
  listing(): Promise<string | null>;
}

/** Of one nft. Who waits for it may be about to kill a neard that no fence holds back. */
const timeoutMs = 3000;

export function systemNft(): Nft {
  const shell = new NftShell();
  return {
    load: async (rules) => {
      await run("nft", ["-f", "-"], { stdin: rules, timeoutMs });
    },
    transact: async (line, expected) => await shell.transact(line, expected),
    listing: async () => {
      try {
        return (await run("nft", ["list", "table", "inet", tableName], { timeoutMs })).stdout;
      } catch (error) {
        // It fails for a table that is not there as for all else: absent is only what nft does not name among all.
        const tables = await run("nft", ["list", "tables", "inet"], { timeoutMs });
        if (tables.stdout.split("\n").some((line) => line.trim() === `table inet ${tableName}`)) throw error;
        return null;
      }
    },
  };
}
