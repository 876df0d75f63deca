/**
 * A host's power switch, as a cloud's API or a management board has it: everybody may ask, and it does what it is told
 * some time later, whether whoever asked still lives or not. It can be out of reach, busy, slow, stuck, and it can lie.
 *
 * As with real ones an order that was accepted is carried out by somebody else: the asker learns of it only by reading.
 */
import type { DeviceReading, PowerBounds, PowerDevice } from "../../agent/power/device.ts";
import type { AgentProcess } from "./agent-process.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

export interface PowerTroubles {
  /** It answers nobody: errors at once. */
  downUntilMs: number;
  /** It answers nobody: silence. */
  silentUntilMs: number;
  /** Another action runs: orders are refused. */
  lockedUntilMs: number;
  /** Orders are accepted, and never carried out. */
  stuckUntilMs: number;
  /** Orders are carried out so much later. */
  lateMs: number;
  /** Soon after the power is cut somebody gives it back. */
  bouncesUntilMs: number;
  /** It says that it is off, whatever it is, once it was told to cut the power; and does not cut it. */
  liesUntilMs: number;
}

export const noTroubles = (): PowerTroubles => ({
  downUntilMs: 0,
  silentUntilMs: 0,
  lockedUntilMs: 0,
  stuckUntilMs: 0,
  lateMs: 0,
  bouncesUntilMs: 0,
  liesUntilMs: 0,
});

/** The machine behind the switch. */
export interface Powered {
  readonly isPowered: boolean;
  powerOff(): void;
  powerOn(): void;
}

export class PowerSwitch {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #machine: Powered;
  troubles = noTroubles();
  #hasLied = false;
  /** How often the power was cut by an order. */
  cuts = 0;

  constructor(timeline: Timeline, random: Random, machine: Powered) {
    this.#timeline = timeline;
    this.#random = random;
    this.#machine = machine;
  }

  heal(): void {
    this.troubles = noTroubles();
    this.#hasLied = false;
  }

  deviceFor(agent: AgentProcess): PowerDevice {
    return {
      kind: "command",
      pollMs: 500,
      read: async (bounds) => await this.#ask<DeviceReading>(agent, bounds, () => this.#reading()),
      cut: async (bounds) => await this.#ask<void>(agent, bounds, () => this.#order()),
      give: async (bounds) => await this.#ask<void>(agent, bounds, () => this.#machine.powerOn()),
    };
  }

  #is(untilMs: number): boolean {
    return this.#timeline.nowMs < untilMs;
  }

  async #ask<T>(agent: AgentProcess, { withinMs, signal }: PowerBounds, act: () => T): Promise<T> {
    const random = this.#random;
    return await agent.edge<T>((resolve, reject) => {
      if (signal.aborted) return reject(new Error("it was broken off"));
      agent.after(withinMs, () => reject(new Error("the device did not answer in time")));
      if (this.#is(this.troubles.silentUntilMs)) return;
      this.#timeline.after(random.between(20, 150), () => {
        if (this.#is(this.troubles.downUntilMs))
          return agent.whenAwake(() => reject(new Error("no route to the device")));
        let answer: T;
        try {
          answer = act();
        } catch (error) {
          return agent.whenAwake(() => reject(error as Error));
        }
        this.#timeline.after(random.between(20, 150), () => agent.whenAwake(() => resolve(answer)));
      });
    });
  }

  #reading(): DeviceReading {
    const lies = this.#hasLied && this.#is(this.troubles.liesUntilMs);
    return { state: this.#machine.isPowered && !lies ? "on" : "off", because: "the machine" };
  }

  #order(): void {
    const random = this.#random;
    if (this.#is(this.troubles.lockedUntilMs)) throw new Error("locked: another action runs");
    if (this.#is(this.troubles.stuckUntilMs)) return;
    if (this.#is(this.troubles.liesUntilMs)) {
      this.#hasLied = true;
      return;
    }
    this.#timeline.after(random.between(50, 1500) + this.troubles.lateMs, () => {
      if (!this.#machine.isPowered) return;
      this.cuts += 1;
      this.#machine.powerOff();
      // Somebody comes to look at it, sooner or later.
      const bounces = this.#is(this.troubles.bouncesUntilMs);
      this.#timeline.after(bounces ? random.between(10, 3000) : random.between(5000, 60_000), () =>
        this.#machine.powerOn(),
      );
    });
  }
}
