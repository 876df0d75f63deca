/**
 * A host's packet filter: takes the very text that agent/fence/ruleset.ts makes for nft, and knows at
 * each instant whether neard's packets get out. Two conditions, independent of each other: an element
 * with a time-out, which the kernel counts, and `meta time`, on the wall clock.
 *
 * Not modelled: conntrack and the sockets of dead processes (test/scenarios/09-fence.test.ts has those).
 */
import type { Nft } from "../../agent/fence/nft.ts";
import { armedMark } from "../../agent/fence/ruleset.ts";
import type { AgentProcess } from "./agent-process.ts";
import type { HostClock } from "./host-clock.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import { forgivenLateMs } from "./witness.ts";

/** As agent/fence: how long an nft is waited for, by line and as a program. */
const answerMs = 1000;
const programMs = 3000;

export class Kernel {
  readonly #timeline: Timeline;
  readonly #clock: HostClock;
  readonly #onChange: () => void;
  #table: { text: string; mark: number | null } | null = null;
  #element: { mark: number; untilMs: number; lateMs: number } | null = null;
  #wallDeadlineMs: number | null = null;
  #suspendedSinceMs: number | null = null;
  /** Each start of the host has its own, so that what was under way before it is lost. */
  #boot = 0;
  /** nft stands still until then. */
  stalledUntilMs = 0;
  /** Feeds that were computed and have not been carried out yet, by who computed them. */
  readonly #feeds = new Set<AgentProcess>();

  constructor(timeline: Timeline, clock: HostClock, onChange: () => void) {
    this.#timeline = timeline;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get mark(): number | null {
    return this.#table?.mark ?? null;
  }

  /** Until when (true time) packets get out if nothing changes; the past: they do not. */
  get openUntilMs(): number {
    if (this.#suspendedSinceMs !== null) return Number.NEGATIVE_INFINITY;
    if (this.mark === null) return Number.POSITIVE_INFINITY;
    if (this.#element === null || this.#wallDeadlineMs === null || this.#element.mark !== this.mark)
      return Number.NEGATIVE_INFINITY;
    return Math.min(this.#element.untilMs, this.#clock.trueMsOfWall(this.#wallDeadlineMs));
  }

  /** By how much the element that is alive outlives what it was computed for. */
  get fedLateMs(): number {
    return this.#element === null || this.#element.untilMs < this.#timeline.nowMs ? 0 : this.#element.lateMs;
  }

  /** A feed is on its way: nobody knows how late it will be. */
  get isBeingFed(): boolean {
    for (const agent of this.#feeds) if (agent.isAlive) return true;
    return false;
  }

  boot(): void {
    this.#boot += 1;
    this.#table = null;
    this.#element = null;
    this.#wallDeadlineMs = null;
    this.#suspendedSinceMs = null;
    this.stalledUntilMs = 0;
    this.#feeds.clear();
  }

  /** The kernel's own timers stand still in a suspended machine; the clocks go on. */
  suspend(): void {
    this.#suspendedSinceMs ??= this.#timeline.nowMs;
    this.#onChange();
  }

  resume(): void {
    if (this.#suspendedSinceMs === null) return;
    if (this.#element !== null) this.#element.untilMs += this.#timeline.nowMs - this.#suspendedSinceMs;
    this.#suspendedSinceMs = null;
    this.#onChange();
  }

  /** nft as one run of the agent uses it. A transaction that was begun does not care whether its process lives on. */
  nftOf(agent: AgentProcess, random: Random): Nft {
    const carryOut = (
      text: string,
      boundMs: number,
      computedMs: number,
      resolve: () => void,
      reject: (error: Error) => void,
    ) => {
      const boot = this.#boot;
      const isStalled = this.#timeline.nowMs < this.stalledUntilMs;
      // A stalled nft is killed by whoever waits for it; it may have done its work by then.
      const isDone = !isStalled || random.chance(0.3);
      this.#timeline.after(random.between(1, 6), () => {
        this.#feeds.delete(agent);
        if (this.#boot !== boot) return;
        const error = isDone ? this.#apply(text, this.#timeline.nowMs - computedMs) : null;
        if (isDone) this.#onChange();
        if (isStalled) return;
        agent.whenAwake(() => (error === null ? resolve() : reject(error)));
      });
      if (isStalled) agent.after(boundMs, () => reject(new Error("nft did not answer")));
    };
    return {
      load: async (rules) =>
        await agent.edge<void>((resolve, reject) => carryOut(rules, programMs, 0, () => resolve(), reject)),
      transact: async (line) => {
        // What the agent computed is in the line already: from here on it can only be late.
        const computedMs = this.#timeline.nowMs;
        this.#feeds.add(agent);
        await agent.edge<void>((resolve, reject) => carryOut(line, answerMs, computedMs, () => resolve(), reject));
      },
      listing: async () =>
        await agent.edge<string | null>((resolve, reject) => {
          if (this.#timeline.nowMs < this.stalledUntilMs)
            agent.after(programMs, () => reject(new Error("nft did not answer")));
          else agent.after(random.between(1, 6), () => resolve(this.#listing()));
        }),
    };
  }

  /** As nft lists the table: with what feeds have put into it. */
  #listing(): string | null {
    if (this.#table === null) return null;
    const { text } = this.#table;
    if (this.#element === null) return text;
    return text.replace("set alive {\n", "set alive {\n elements = { 0x48000000 timeout 1s }\n");
  }

  #apply(text: string, lateMs: number): Error | null {
    // Rules that lack one of the two conditions hold by the other alone, as in the kernel: test/mutations takes them away.
    const feed = /deadline (?:meta time < (\d+) )?accept;.* \{ (0x[0-9a-f]+)(?: timeout (\d+)ms)? \}/.exec(text);
    if (feed !== null) {
      const [, wallDeadline, mark, timeoutMs] = feed;
      if (this.mark === null) return new Error("No such file or directory");
      // Not both conditions at once (docs/guarantees.md): a late element never meets a clock that stands still.
      if (lateMs > forgivenLateMs) this.#clock.catchUp();
      this.#wallDeadlineMs = Number(wallDeadline ?? Number.POSITIVE_INFINITY) * 1000;
      this.#element = {
        mark: Number(mark),
        untilMs: this.#timeline.nowMs + Number(timeoutMs ?? Number.POSITIVE_INFINITY) / this.#clock.rate,
        lateMs,
      };
      return null;
    }
    if (text.includes("delete table")) this.#table = { text, mark: armedMark(text) };
    else if (this.#table === null) return new Error("No such file or directory");
    this.#element = null;
    this.#wallDeadlineMs = null;
    return null;
  }
}
