/**
 * The power device `command`: a program of the operator's, for IPMI, Redfish, a PDU, or a cloud that holdfast does not
 * know. The contract is in docs/operate/fencing.md:
 *
 *   COMMAND… status HOST    exit code 0, and `on` or `off` alone on the last line of its output
 *   COMMAND… off HOST       exit code 0: the order was given
 *   COMMAND… on HOST        the same
 *
 * It is run by a template unit of its own (infra/plan/power-units.ts): as a user that exists only while it runs, without
 * capabilities, with nothing of ours in sight but its own secret. systemd ends it when its time is over.
 * Awkward case: a program that is broken. Shells and option parsers end with 2, a missing one with 203: so no exit code
 * is ever taken for `off`, only the very word is.
 * Another: a reading that is still under way, of whoever gave it up or asked for something else. A `start` would wait for
 * that one's end and take its answer, which may be from before the power was cut; a `restart` ends it, and begins anew. So
 * an answer is always of a call that was begun when it was asked for, or later: whose reading is ended by a younger one
 * takes that one's answer. (systemd's InvocationID would tell too, but is gone with the unit, which systemd unloads as soon
 * as the program ends.) A look now and then, on which nothing hangs, ends no reading: it takes the answer of the one that
 * is under way, or it would keep a power-off waiting.
 * An order says nothing that could be too old, and may take longer than one waits for it: it is left to go on, and who
 * gives it again waits for the one that runs. Begun anew each time, a slow one would never come to its end.
 */
import { readFile } from "node:fs/promises";
import type { PowerDeviceConfig } from "../../contract/fencing.ts";
import { powerOutput } from "../../contract/paths.ts";
import { run } from "../../host/system/run.ts";
import type { DeviceReading, PowerBounds, PowerDevice, ReadBounds } from "./device.ts";

type Config = Extract<PowerDeviceConfig, { device: "command" }>;
type Action = "status" | "off" | "on";

/** What the unit needs of this host. */
export interface UnitRunner {
  /** Starts the unit, unless it runs, and waits for its end. @throws Error when it failed */
  start(unit: string, bounds: PowerBounds): Promise<void>;
  /** The same, but one that runs is ended first. */
  restart(unit: string, bounds: PowerBounds): Promise<void>;
  /** What it wrote, `out` or `err`; empty: nothing. */
  output(host: string, action: Action, stream: "out" | "err"): Promise<string>;
}

export const systemdRunner: UnitRunner = {
  start: async (unit, { withinMs, signal }) =>
    void (await run("systemctl", ["start", unit], { timeoutMs: withinMs, signal })),
  restart: async (unit, { withinMs, signal }) =>
    void (await run("systemctl", ["restart", unit], { timeoutMs: withinMs, signal })),
  output: async (host, action, stream) => await readFile(powerOutput(host, action, stream), "utf8").catch(() => ""),
};

export class CommandDevice implements PowerDevice {
  readonly kind = "command";
  readonly pollMs = 500;
  readonly #config: Config;
  readonly #units: UnitRunner;
  /** The reading under way: there is one at a time, and the younger one ends the older. */
  #reading: Reading | null = null;

  constructor(config: Config, units: UnitRunner = systemdRunner) {
    this.#config = config;
    this.#units = units;
  }

  async read({ isIdle = false, ...bounds }: ReadBounds): Promise<DeviceReading> {
    const { withinMs, signal } = bounds;
    if (signal.aborted) throw new Error("it was broken off");
    const ended = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
    // Whoever merely looks ends nobody's.
    const join = () => (isIdle ? this.#reading : null) ?? this.#begin(bounds);
    let reading = join();
    for (;;) {
      const isOwn = reading.asker === signal;
      const outcome = await (isOwn ? reading.outcome : endedBy(ended, reading.outcome, this.#config.host));
      if (signal.aborted) throw new Error("it was broken off");
      // What is there may be the younger one's beginning.
      if (reading.next !== null) reading = reading.next;
      else if (!(outcome instanceof Error)) return outcome;
      else if (!isOwn && reading.asker.aborted) reading = join();
      else throw outcome;
    }
  }

  /** Ends the one that is under way. */
  #begin({ withinMs, signal }: PowerBounds): Reading {
    const stop = new AbortController();
    const before = this.#reading;
    const started = Promise.withResolvers<DeviceReading | Error>();
    const reading: Reading = { outcome: started.promise, asker: signal, stop, next: null };
    this.#reading = reading;
    if (before !== null) {
      before.next = reading;
      before.stop.abort();
    }
    void this.#status({ withinMs, signal: AbortSignal.any([signal, stop.signal]) })
      .catch((error: Error) => error)
      .then((outcome) => {
        if (this.#reading === reading) this.#reading = null;
        started.resolve(outcome);
      });
    return reading;
  }

  async #status(bounds: PowerBounds): Promise<DeviceReading> {
    const { host } = this.#config;
    const written = await this.#run("status", this.#units.restart, bounds);
    const said = written.trimEnd().split("\n").at(-1)?.trim() ?? "";
    if (said !== "on" && said !== "off")
      throw new Error(`the fence command for ${host} said neither on nor off, but "${shown(said)}"`);
    return { state: said, because: `${host}, by its fence command` };
  }

  async cut(bounds: PowerBounds): Promise<void> {
    await this.#run("off", this.#units.start, bounds);
  }

  async give(bounds: PowerBounds): Promise<void> {
    await this.#run("on", this.#units.start, bounds);
  }

  /** @returns what it wrote */
  async #run(action: Action, begin: UnitRunner["start"], bounds: PowerBounds): Promise<string> {
    const { host, unit } = this.#config;
    if (bounds.signal.aborted) throw new Error("it was broken off");
    try {
      await begin(unit.replace("@.", `@${action}.`), bounds);
      return await this.#units.output(host, action, "out");
    } catch (error) {
      if (bounds.signal.aborted) throw new Error("it was broken off", { cause: error });
      const said = shown((await this.#units.output(host, action, "err")).trim().split("\n").at(-1) ?? "");
      const why = said === "" ? (error as Error).message.split("\n")[0] : said;
      throw new Error(`the fence command for ${host} failed at ${action}: ${why}`, { cause: error });
    }
  }
}

interface Reading {
  /** Never rejects. */
  readonly outcome: Promise<DeviceReading | Error>;
  /** Of whoever began it. */
  readonly asker: AbortSignal;
  readonly stop: AbortController;
  /** The younger one that has ended it. */
  next: Reading | null;
}

/** Somebody else's reading is waited for no longer than for an own one. */
async function endedBy<T>(ended: AbortSignal, outcome: Promise<T>, host: string): Promise<T | Error> {
  const late = Promise.withResolvers<Error>();
  const end = () => late.resolve(new Error(`the fence command for ${host} did not answer in time`));
  if (ended.aborted) end();
  ended.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([outcome, late.promise]);
  } finally {
    ended.removeEventListener("abort", end);
  }
}

/** One short line, whatever a program wrote. */
function shown(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, " ");
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`;
}
