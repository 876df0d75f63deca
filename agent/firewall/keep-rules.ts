/** The host's firewall and the fence's table stay where they are, whoever flushes the kernel's rules: the parts, put together. */
import type { Logger } from "pino";
import { ruleSocketVariable, units } from "../../contract/paths.ts";
import { tableName as fenceTable } from "../fence/ruleset.ts";
import { systemClock } from "../system/clock.ts";
import { listTable } from "../system/nft-table.ts";
import { run } from "../system/run.ts";
import { FenceKeeper } from "./keep-fence.ts";
import { FirewallKeeper } from "./keep-firewall.ts";
import { readRuleNews, receiveFrom } from "./rule-news.ts";
import { systemRules } from "./system-rules.ts";
import { watchRules } from "./watch-rules.ts";

/**
 * Until `signal` aborts.
 * @param agent what has a fence; null on an arbiter
 */
export async function keepRules(
  agent: { fenceIsGone(): Promise<void> } | null,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const socket = process.env[ruleSocketVariable];
  let failure: string | null = null;
  const keeper = new FirewallKeeper({
    rules: systemRules,
    nowMs: () => systemClock.bootMs(),
    say: (what) => log.warn({ effect: "firewall" }, what),
  });
  const fence =
    agent === null
      ? null
      : new FenceKeeper({
          isThere: async () => (await listTable(fenceTable, ["--stateless"])) !== null,
          gone: async () => {
            log.warn({ effect: "fence" }, "somebody took the fence's table away");
            await agent.fenceIsGone();
          },
        });
  await watchRules({
    signal,
    clock: systemClock,
    news: socket === undefined ? null : (tables) => readRuleNews(tables, receiveFrom(Number(socket))),
    // Whoever stopped its unit along with nftables.service shall find that running too.
    lookAtFirewall: async () => {
      if (await keeper.look()) await run("systemctl", ["start", "--no-block", units.firewall]);
    },
    lookAtFence: async (isSaid) => await fence?.look(isSaid),
    onFailure: (error) => {
      if (error.message !== failure) log.error({ effect: "firewall" }, `our rules cannot be kept: ${error.message}`);
      failure = error.message;
    },
    onDeaf: (code) => {
      if (code === null) log.info({ effect: "firewall" }, "the kernel tells of changed rules again");
      else
        log.error(
          { effect: "firewall" },
          `the kernel's word of changed rules cannot be heard (${code}): they are looked at every 5 s instead`,
        );
    },
  });
}
