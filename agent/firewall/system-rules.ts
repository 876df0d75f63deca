/** The host's own firewall: the kernel's table, and our file of it. */
import { firewallTable, paths } from "../../contract/paths.ts";
import { listTable, nftTimeoutMs } from "../../host/system/nft-table.ts";
import { run } from "../../host/system/run.ts";
import type { Rules } from "./keep-firewall.ts";

export const systemRules: Rules = {
  // Without counters, which would differ at every look.
  listing: () => listTable(firewallTable, ["--stateless"]),
  load: async () => void (await run("nft", ["-f", paths.firewall], { timeoutMs: nftTimeoutMs })),
};
