/**
 * Who else manages packet filter rules on a host. An `accept` of ours is no last word: what another's table drops is
 * dropped, Consul's and neard's packets too, and a manager may flush tables that it does not know. So it is named.
 */
import { readFile } from "node:fs/promises";
import { execa } from "execa";
import { firewallManagers } from "../contract/paths.ts";

/** In words, such as "ufw" or "table ip filter, whose chain INPUT drops what it does not know". */
export async function otherFirewalls(): Promise<string[]> {
  const [active, ufw, chains] = await Promise.all([
    execa("systemctl", ["is-active", "--", ...firewallManagers], { reject: false, timeout: 10_000 }),
    readFile("/etc/ufw/ufw.conf", "utf8").catch(() => ""),
    execa("nft", ["list", "chains"], { reject: false, timeout: 10_000 }),
  ]);
  const states = active.stdout.split("\n");
  return [
    ...firewallManagers.filter((_, position) => states[position] === "active"),
    // Its service is active on every Ubuntu, switched on or not.
    ...(/^ENABLED=yes\b/im.test(ufw) ? ["ufw"] : []),
    ...droppingChains(chains.stdout),
    // Without nft nobody else can have told the kernel anything that would show there.
    ...(chains.failed && chains.code !== "ENOENT" ? ["whoever nft, which fails here, cannot name"] : []),
  ];
}

/** Chains that drop what comes in unless they know it, in tables that are not ours. @param listing `nft list chains` */
export function droppingChains(listing: string): string[] {
  const found: string[] = [];
  let table = "";
  let chain = "";
  for (const line of listing.split("\n")) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^\s+chain (\S+) \{/.exec(line)?.[1] ?? chain;
    if (/^inet holdfast/.test(table) || !/hook input .*policy drop/.test(line)) continue;
    found.push(`table ${table}, whose chain ${chain} drops what it does not know`);
  }
  return found;
}
