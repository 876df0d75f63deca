/**
 * The host is being shut down or rebooted, in order: an active one hands over first, to a standby that is ready. That
 * costs the validator a second or two, where the standby's wait would cost it eight.
 *
 * Idea: it is a switchover as anybody could have asked for it, by the same steps, so whatever cuts it leaves what a
 * switchover leaves that is cut there. systemd stops the agent before network, Consul and neard (infra/plan/agent.ts),
 * and waits for it. Nobody else waits: after `withinMs` the agent ends as it does otherwise, with its lease, or behind a
 * fence that is shut.
 * Awkward cases: an agent that is only restarted must hand nothing over, so systemd is asked whether the whole host is
 * going down, and only a plain yes counts. A paused cluster changes hands on somebody's wish alone, and a reboot is not
 * one. Two hosts that go down together: the successor may be gone before it has answered, and the bound covers it.
 */
import type { Logger } from "pino";
import type { AgentRole, SwitchoverProgress, SwitchoverRequest } from "../../contract/wire/agent-status.ts";
import { type Clock, systemClock } from "../../host/system/clock.ts";
import { run } from "../../host/system/run.ts";
import type { NeardHost } from "./neard-host.ts";
import type { Refusal } from "./refusal.ts";
import { roleOf } from "./status.ts";

/** Shorter than the agent's TimeoutStopSec, with room for its end. A successor that answers does so within a second. */
const withinMs = 8000;
/** systemd answers at once, unless it has other worries; then nothing is handed over. */
const askTimeoutMs = 1000;
/** A blocking query that finds nothing new takes a second. */
const pauseWithinMs = 1500;
const lookEveryMs = 50;

/** The agent, as far as this goes. */
export interface Officer {
  readonly role: AgentRole;
  /** Asked of Consul anew: a holder rests between its looks, and a pause of a second ago counts. Null: it does not say. */
  isPaused(): Promise<boolean | null>;
  /** A switchover that somebody asked for and that has not ended; null: none. */
  readonly underWay: { readonly id: string; readonly to: string } | null;
  switchover(request: SwitchoverRequest): Promise<{ id: string; from: string; to: string } | Refusal>;
  progress(id: string): SwitchoverProgress | null;
}

/** Whether this host's systemd is shutting everything down. False when it does not say. */
export async function isHostStopping(): Promise<boolean> {
  try {
    const argv = ["show", "--property=SystemState", "--value"];
    const { stdout } = await run("systemctl", argv, { timeoutMs: askTimeoutMs });
    return stdout.trim() === "stopping";
  } catch {
    return false;
  }
}

async function beginHandover(officer: Officer): Promise<{ id: string; to: string } | Refusal> {
  const isPaused = await officer.isPaused();
  if (isPaused === null) return { refused: "Consul gives no answer", next: "bring its quorum back" };
  if (isPaused) return { refused: "the cluster is paused", next: "resume it" };
  return await officer.switchover({ window: false });
}

/** Hands over if this host is active and going down. Returns when that is done, came to nothing, or took too long; never throws. */
export async function lastOrders(options: {
  officer: Officer;
  isHostStopping: () => Promise<boolean>;
  clock: Pick<Clock, "bootMs" | "sleep">;
  say: (what: string) => void;
}): Promise<void> {
  const { officer, clock, say } = options;
  if (officer.role !== "active" && officer.role !== "handing") return;
  if (!(await options.isHostStopping())) return;
  const untilMs = clock.bootMs() + withinMs;
  const answer = officer.underWay ?? (await beginHandover(officer));
  if ("refused" in answer) return say(`the host is going down, and nothing could be handed over: ${answer.refused}`);
  say(`the host is going down: hands over to ${answer.to} first`);
  for (;;) {
    const seen = officer.progress(answer.id);
    if (seen?.state === "done") return say(`handed over to ${answer.to}`);
    if (seen === null || seen.state === "failed")
      return say(`nothing was handed over: ${seen?.because ?? "another switchover came in between"}`);
    if (clock.bootMs() >= untilMs) return say(`${answer.to} did not take over in time: ${seen.because}`);
    await clock.sleep(lookEveryMs);
  }
}

/**
 * The first signal lets an active host hand over, if the whole host is going down; the second ends the agent at once.
 * @param agentNow null on an arbiter, and before there is one
 */
export function endOnSignal(agentNow: () => NeardHost | null, stop: AbortController, log: Pick<Logger, "info">): void {
  let isEnding = false;
  const end = () => {
    const say = (what: string) => log.info({ effect: "last-orders" }, what);
    const agent = agentNow();
    if (agent === null || isEnding) return stop.abort();
    isEnding = true;
    void lastOrders({ officer: officerOf(agent), isHostStopping, clock: systemClock, say })
      .catch((error: Error) => say(`nothing was handed over: ${error.message}`))
      .finally(() => stop.abort());
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, end);
}

function officerOf(agent: NeardHost): Officer {
  return {
    get role() {
      return roleOf(agent.state);
    },
    isPaused: async () => ((await agent.lookAnew(pauseWithinMs)) ? agent.state.watch.paused : null),
    get underWay() {
      const job = agent.state.lastSwitchover;
      return job !== null && (job.state === "waiting" || job.state === "running") ? job : null;
    },
    switchover: (request) => agent.switchover(request),
    progress: (id) => agent.progress(id),
  };
}
