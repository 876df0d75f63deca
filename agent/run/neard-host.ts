/**
 * The failover agent proper, on a host with neard: turns what happens into events for the decision
 * core and the core's effects into deeds, one event at a time.
 */
import { randomUUID } from "node:crypto";
import type { StandDownRequest, SwitchoverProgress, SwitchoverRequest } from "../../contract/wire/agent-status.ts";
import { markOf } from "../fence/ruleset.ts";
import { follow } from "../lease/follow.ts";
import { notConfirmable } from "../role/fencing-steps.ts";
import { guardView } from "../role/guard.ts";
import { heardView } from "../role/heard.ts";
import { reduce, start } from "../role/reduce.ts";
import { admitSwitchover } from "../role/switchover.ts";
import { sealed } from "../role/transitions.ts";
import type { Event, Settings, State, Step } from "../role/types.ts";
import { Executor, type Partners } from "./executor.ts";

/** The core looks at its deadlines this often, at least. */
const tickMs = 200;
/** neard is asked how it is this often, and at every tick whether its process is still the same. */
const probeMs = 1000;
/** A standby tells a change within a second (`publish`), and a holder that no longer rests sees it at once. */
const noteLagMs = 1500;
/** A probe in flight is waited for; another is not begun closer than this. */
const probeSoonMs = 20;
/** The key's directory is looked at this often by a holder, to whom a change means nothing yet; by others at every tick. */
const holdersPlaceMs = 1000;
const lookAnewEveryMs = 50;

interface Beside {
  readonly everyMs: number;
  readonly work: () => void;
  doneMs: number;
}

export class NeardHost {
  readonly settings: Settings;
  readonly #p: Partners;
  readonly #executor: Executor;
  #state: State;
  #probing = false;
  #probedMs = Number.NEGATIVE_INFINITY;
  #tickedMs: number;
  #resting = new AbortController();
  #refusing = false;
  #isUnheard = false;
  #needsNewAgent = false;
  #placeMs = Number.NEGATIVE_INFINITY;
  readonly #besides: Beside[] = [];

  private constructor(partners: Partners, settings: Settings, first: Step) {
    this.#p = partners;
    this.settings = settings;
    this.#executor = new Executor(
      partners,
      (event) => this.dispatch(event),
      () => void this.#probeSoon(),
    );
    this.#state = first.state;
    this.#tickedMs = partners.clock.bootMs();
    this.#log(null);
    for (const effect of first.effects) this.#executor.start(effect);
  }

  /** Looks at what an earlier agent left, and begins from there. */
  static async begin(partners: Partners, settings: Settings): Promise<NeardHost> {
    const { leaseFile, doubtFile, fence, custody, clock } = partners;
    const saved = leaseFile.load();
    const savedLease = saved?.lease ?? null;
    const mark = await fence.armedMark();
    const armed =
      mark === null ? "no" : savedLease !== null && mark === markOf(savedLease.epoch) ? "for-lease" : "otherwise";
    const savedTerm = saved?.term ?? null;
    const isDoubted = doubtFile.load();
    const findings = { savedLease, savedTerm, armed, keyFilePresent: custody.filePresent(), isDoubted } as const;
    return new NeardHost(partners, settings, start(settings, findings, clock.bootMs()));
  }

  /**
   * Does something now and then at the ticks: a wake-up of its own costs more than most of what is done then.
   * @param everyMs it is due at the last tick that is no later than this after the one before
   */
  atTicks(everyMs: number, work: () => void): void {
    this.#besides.push({ everyMs, work, doneMs: this.#p.clock.bootMs() });
  }

  get state(): State {
    return this.#state;
  }

  /** When the core last looked at the clock: what the watchdog stands for. */
  get tickedMs(): number {
    return this.#tickedMs;
  }

  dispatch(event: Event): void {
    const before = this.#state;
    const { state, effects } = reduce(this.settings, before, event, this.#p.clock.bootMs());
    this.#state = state;
    if (before.phase.name === "active" && state.phase.name !== "active") this.lookNow();
    this.#log(before);
    this.#logGuard();
    this.#logTampering(before);
    this.#logDoubtNote(before);
    this.#logHeard();
    for (const effect of effects) this.#executor.start(effect);
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { servers, keys, clock, custody, roll, log } = this.#p;
    this.dispatch({ is: "key-checked", available: custody.available, nextAvailable: custody.nextAvailable });
    if (custody.fault !== null) log.error({}, `validator key: ${custody.fault}`);
    const following = follow({
      servers,
      keys,
      sealer: custody.sealer,
      roll,
      clock,
      signal,
      // An active holder decides nothing by what others write before it is asked for a switchover, and that ends the
      // rest. Below `unbrokenMs`, for it may be a standby next.
      rest: async () => {
        if (this.#state.phase.name === "active")
          await clock.sleep(this.settings.lease.unbrokenMs / 2, this.#resting.signal);
      },
      onEvent: (event) => this.dispatch(event),
      onFailure: (error) => {
        log.warn({ effect: "watch" }, error instanceof Error ? error.message : String(error));
        this.#p.whenUnseen(error);
      },
    });
    signal.addEventListener("abort", () => this.lookNow());
    while (!signal.aborted) {
      this.#tick();
      await clock.sleep(tickMs, signal);
    }
    await following;
  }

  /** Ends the holder's rest: somebody waits for what Consul has to say. */
  lookNow(): void {
    this.#resting.abort();
    this.#resting = new AbortController();
  }

  /** Waits for an answer of Consul's to what is asked from now on. False: none came within `withinMs`. */
  async lookAnew(withinMs: number): Promise<boolean> {
    const { clock } = this.#p;
    const sinceMs = clock.bootMs();
    for (;;) {
      if ((this.#state.watch.confirmedMs ?? Number.NEGATIVE_INFINITY) >= sinceMs) return true;
      if (clock.bootMs() - sinceMs >= withinMs) return false;
      // Again and again: the rest that begins after a query that is out already ends too.
      this.lookNow();
      await clock.sleep(lookAnewEveryMs);
    }
  }

  #tick(): void {
    const nowMs = this.#p.clock.bootMs();
    this.#tickedMs = nowMs;
    this.dispatch({ is: "tick" });
    this.lookForKey();
    if (this.#state.phase.name !== "active" || nowMs - this.#placeMs >= holdersPlaceMs) this.#lookAtPlace(nowMs);
    const changed = this.#p.neard.process() !== (this.#state.probe?.process ?? null);
    if (changed || nowMs - this.#probedMs >= probeMs) void this.#probe();
    for (const beside of this.#besides) {
      if (nowMs - beside.doneMs <= beside.everyMs - tickMs) continue;
      beside.doneMs = nowMs;
      beside.work();
    }
  }

  /** While this host has no lease, no key may lie where neard would find it. Called at every tick, and when one appears. */
  lookForKey(): void {
    if (this.#state.phase.name === "standby" && this.#p.custody.filePresent()) this.dispatch({ is: "key-found" });
  }

  /** Where the key would be put, before it is due: a host that cannot take it must not be asked to. */
  #lookAtPlace(nowMs: number): void {
    this.#placeMs = nowMs;
    const { custody, log } = this.#p;
    const found = this.#state.phase.name === "standby" ? custody.mendPlace() : custody.placeFault();
    const fault = found === null ? null : `the key has no place: ${found.because}`;
    this.#needsNewAgent = found?.mend === "restart";
    if (fault === this.#state.keyPlaceFault) return;
    if (fault === null) log.info({}, "the key's directory is as it must be again");
    else log.error({}, fault);
    this.dispatch({ is: "place-checked", fault });
  }

  /**
   * Something is wrong that a restart of the agent would mend, and this host holds nothing and tries nothing. Nor was it
   * told to stand down, which another agent would not know of; nor has it a doubt that one would not know of either.
   */
  get wantsRestart(): boolean {
    const { phase, standDown, doubtNote } = this.#state;
    return (
      this.#needsNewAgent &&
      standDown === null &&
      doubtNote.fault === null &&
      phase.name === "standby" &&
      phase.attempt.step === "none"
    );
  }

  /**
   * Somebody has taken the fence's table away (`nft flush ruleset`). It comes back as it was: open no longer than the
   * lease, which the core's next feed would do too, but that comes with a confirmed renewal only; shut while a neard with
   * the key may be left; on a standby so that it bars what ended epochs left. Once the core has it disarmed it is not shut
   * again: nobody would open that, and this host's neard would hear of no block until it is to take over.
   * What is asked of the fence here goes by the phase of this very moment, and before whatever the core asks next.
   */
  async fenceIsGone(): Promise<void> {
    const { fence } = this.#p;
    const { phase } = this.#state;
    const isDisarmed = phase.name === "demoting" && (phase.step === "disarming" || phase.step === "starting");
    if (phase.name === "standby" || isDisarmed) await fence.disarm();
    else if (phase.name === "demoting") await fence.shut(phase.epoch);
    else if (sealed(phase)) await fence.shut(phase.lease.epoch);
    else if (phase.name !== "taking" || phase.step !== "arming")
      await fence.feed(phase.lease.epoch, phase.lease.deadlineMs);
  }

  async #probeSoon(): Promise<void> {
    await this.#p.clock.sleep(probeSoonMs);
    await this.#probe();
  }

  async #probe(): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    this.#probedMs = this.#p.clock.bootMs();
    try {
      this.dispatch({ is: "probed", probe: await this.#p.neard.probe() });
    } finally {
      this.#probing = false;
    }
  }

  /** Who has just seen a standby become ready asks for it before that has come here; so a no is not said at once. */
  async switchover(
    request: SwitchoverRequest,
  ): Promise<{ id: string; from: string; to: string } | { refused: string; next: string }> {
    const { clock } = this.#p;
    const answerByMs = clock.bootMs() + noteLagMs;
    for (;;) {
      const nowMs = clock.bootMs();
      const admission = admitSwitchover(this.settings, this.#state, request, nowMs);
      if (!("refused" in admission)) {
        const job = { id: randomUUID(), to: admission.to, window: request.window, startedMs: nowMs };
        this.dispatch({ is: "switchover-asked", job });
        return { id: job.id, from: this.settings.host, to: job.to };
      }
      if (!admission.mayPass || nowMs >= answerByMs) return { refused: admission.refused, next: admission.next };
      this.lookNow();
      await clock.sleep(tickMs);
    }
  }

  /** From here on this host neither holds nor takes over; status tells when it has let go. */
  standDown({ id, seconds, because }: StandDownRequest): void {
    const untilMs = this.#p.clock.bootMs() + seconds * 1000;
    this.dispatch({ is: "stand-down", order: { id, untilMs, because } });
    this.#p.log.warn({}, `stands down for ${seconds} s at most: ${because}`);
  }

  /** An operator swears that `host` is off. @returns why nobody waits for that, for the middle of a sentence; null: taken */
  confirmOff(host: string): string | null {
    const { clock, log } = this.#p;
    const fault = notConfirmable(this.settings, this.#state, host, clock.bootMs());
    if (fault !== null) return fault;
    log.warn({ host }, `an operator confirms that ${host} is off`);
    this.dispatch({ is: "power-confirmed", host, at: new Date(clock.wallMs()).toISOString() });
    return null;
  }

  standUp(id: string): void {
    this.dispatch({ is: "stand-up", id });
    this.#p.log.info({}, "stands up again");
  }

  progress(id: string): SwitchoverProgress | null {
    const job = this.#state.lastSwitchover;
    if (job === null || job.id !== id) return null;
    return { id, state: job.state, from: this.settings.host, to: job.to, because: job.because };
  }

  /** One line when the guard begins to refuse and when it ends; the reason's seconds change all the time. */
  #logGuard(): void {
    const guard = this.#state.phase.name === "standby" ? guardView(this.settings, this.#state, this.#tickedMs) : null;
    const isRefusing = guard?.state === "refusing";
    if (isRefusing === this.#refusing) return;
    this.#refusing = isRefusing;
    if (guard !== null && isRefusing) this.#p.log.warn({}, `${guard.because}. ${guard.next}`);
    else this.#p.log.info({}, "the account is not seen producing elsewhere any more");
  }

  /** One line each time that somebody is seen to tamper with the lock: it is what an investigation begins with. */
  #logTampering({ tampering: before }: State): void {
    const { tampering } = this.#state;
    if (tampering !== null && tampering.count !== before?.count)
      this.#p.log.error({ times: tampering.count }, `somebody tampers with the lock: ${tampering.because}`);
  }

  /** One line when it cannot be written down, and one when it is; it is tried each second. */
  #logDoubtNote({ doubtNote: before }: State): void {
    const { fault } = this.#state.doubtNote;
    if (fault === before.fault) return;
    if (fault === null) this.#p.log.info({ effect: "note-doubt" }, "whether the lock is doubted is written down again");
    else this.#p.log.error({ effect: "note-doubt" }, `whether the lock is doubted is not written down: ${fault}`);
  }

  /** One line when the chain no longer takes what neard signs, and when it does again; the counts change all the time. */
  #logHeard(): void {
    const view = heardView(this.#state, this.#tickedMs);
    const isUnheard = view?.state === "not-heard";
    if (isUnheard === this.#isUnheard) return;
    this.#isUnheard = isUnheard;
    if (isUnheard) this.#p.log.warn({}, `active, but ${view.because}`);
    else if (view !== null) this.#p.log.info({}, "the chain takes again what neard signs");
  }

  /** One line for each change of phase or reason. */
  #log(before: State | null): void {
    const { phase, because, watch } = this.#state;
    const steady = before !== null && before.phase.name === phase.name;
    if (steady && (before.because === because || phase.name === "standby")) return;
    const epoch = "lease" in phase ? phase.lease.epoch : (watch.lock?.lockIndex ?? null);
    this.#p.log.info({ role: phase.name, epoch }, because);
  }
}
