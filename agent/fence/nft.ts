/** The kernel's packet filter, as far as the fence needs it. The simulation has one of its own. */
import { fenceTable } from "../../contract/paths.ts";
import { listTable, nftTimeoutMs } from "../../host/system/nft-table.ts";
import { run } from "../../host/system/run.ts";
import { NftShell } from "./nft-shell.ts";

export interface Nft {
  /** Carries out rules in one transaction. A failure does not tell whether it took place. */
  load(rules: string): Promise<void>;
  /** One line, through an nft that stands ready; returns once it has echoed `expected`. */
  transact(line: string, expected: string): Promise<void>;
  /** Our table as nft lists it; null when there is none. */
  listing(): Promise<string | null>;
}

export function systemNft(): Nft {
  const shell = new NftShell();
  return {
    load: async (rules) => {
      await run("nft", ["-f", "-"], { stdin: rules, timeoutMs: nftTimeoutMs });
    },
    transact: async (line, expected) => await shell.transact(line, expected),
    listing: () => listTable(fenceTable),
  };
}
