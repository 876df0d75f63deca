/** The host's firewall and the fence's table stay where they are, whoever flushes the kernel's rules: the parts, put together. */
import type { Logger } from "pino";
import { fenceTable, ruleSocketVariable, units } from "../../contract/paths.ts";
import { systemClock } from "../../host/system/clock.ts";
import { listTable } from "../../host/system/nft-table.ts";
import { run } from "../../host/system/run.ts";
import { FenceKeeper } from "./keep-fence.ts";
import { FirewallKeeper } from "./keep-firewall.ts";
import { readRuleNews, receiveFrom } from "./rule-news.ts";
import { systemRules } from "./system-rules.ts";
import { lookEveryMs, RulesWatcher } from "./watch-rules.ts";

/** A host's agent that has a fence. */
export interface FencedAgent {
  fenceIsGone(): Promise<void>;
  atTicks(everyMs: number, work: () => void): void;
}

/**
 * Until `signal` aborts, or half a second longer: nobody need wait for its end. No `repeat` here, for what is done twice
 * a second costs as much by its wake-ups as by what it does (0.05 % of a core, measured beside a holder's feeds).
 * @param agent null on an arbiter
 */
export async function keepRules(agent: FencedAgent | null, signal: AbortSignal, log: Logger): Promise<void> {
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
  const watcher = new RulesWatcher({
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
  if (agent !== null) agent.atTicks(lookEveryMs, () => void watcher.look());
  else for (; !signal.aborted; await systemClock.sleep(lookEveryMs)) await watcher.look();
}
