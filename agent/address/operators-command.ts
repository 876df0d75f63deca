/**
 * The mover `command`: a program of the operator's, for floating addresses and routers that announce. It is run as
 *
 *   COMMAND take ADDRESS HOST SECONDS       and, when the seconds are over,
 *   COMMAND give-back ADDRESS HOST
 *
 * by the agent of the successor, as root within that unit's limits. Exit code 0: done. It is given `boundMs`.
 * Awkward case: an agent that ends in between gives nothing back, so the command should let it lapse by itself.
 */
import { run } from "../system/run.ts";
import type { AddressMover } from "./mover.ts";

const boundMs = 10_000;

/** @param command absolute path of the program */
export function runMover(command: string, host: string, onTrouble: (what: string) => void): AddressMover {
  return {
    async take(address, forMs) {
      const seconds = String(Math.ceil(forMs / 1000));
      await run(command, ["take", address, host, seconds], { timeoutMs: boundMs });
      setTimeout(() => {
        run(command, ["give-back", address, host], { timeoutMs: boundMs }).catch((error: Error) =>
          onTrouble(`the address ${address} of ${host} was not given back: ${error.message}`),
        );
      }, forMs).unref();
    },
  };
}
