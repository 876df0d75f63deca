/**
 * The mover `command`: a program of the operator's, for floating addresses and routers that announce. It is run as
 *
 *   COMMAND take ADDRESS HOST SECONDS       and, when the seconds are over,
 *   COMMAND give-back ADDRESS HOST
 *
 * by the agent of the successor, as root within that unit's limits. Exit code 0: done. It is given `boundMs`.
 * Awkward cases: an agent that ends in between gives nothing back, so the command should let it lapse by itself. And an
 * address that is taken again before its time is over (its host came back, and was lost again) is given back when the
 * last take's time is over, never by the first one's; a give-back under way is let end first.
 */
import { run } from "../../host/system/run.ts";
import type { AddressMover } from "./mover.ts";

const boundMs = 10_000;

/** Runs the operator's program. */
export type RunCommand = (command: string, args: readonly string[]) => Promise<void>;

const runIt: RunCommand = async (command, args) => void (await run(command, args, { timeoutMs: boundMs }));

/** All that an agent moves by commands. */
export class CommandMovers {
  readonly #onTrouble: (what: string) => void;
  readonly #run: RunCommand;
  /** By address: when it is due, or under way. */
  readonly #givingBack = new Map<string, { readonly timer: NodeJS.Timeout; done: Promise<void> }>();

  constructor(onTrouble: (what: string) => void, runCommand: RunCommand = runIt) {
    this.#onTrouble = onTrouble;
    this.#run = runCommand;
  }

  /** @param command absolute path of the program */
  of(command: string, host: string): AddressMover {
    return {
      take: async (address, forMs) => {
        const before = this.#givingBack.get(address);
        clearTimeout(before?.timer);
        await before?.done;
        await this.#run(command, ["take", address, host, String(Math.ceil(forMs / 1000))]);
        this.#giveBackAfter(forMs, address, command, host);
      },
    };
  }

  #giveBackAfter(forMs: number, address: string, command: string, host: string): void {
    const timer = setTimeout(() => {
      due.done = this.#run(command, ["give-back", address, host]).catch((error: Error) =>
        this.#onTrouble(`the address ${address} of ${host} was not given back: ${error.message}`),
      );
    }, forMs).unref();
    const due = { timer, done: Promise.resolve() };
    this.#givingBack.set(address, due);
  }
}
