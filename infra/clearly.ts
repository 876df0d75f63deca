/**
 * Ends the program with one clear message, without a stack trace, whatever went wrong: in what an operator can set
 * right, or in something that nobody foresaw, then with a code and a log. Pulumi shows a RunError's message alone.
 *
 * Awkward case: what fails later, in a callback of an output, goes past `clearly` to the handlers that Pulumi has set for
 * errors that nobody caught. They get the same, in our words.
 */
import * as pulumi from "@pulumi/pulumi";
import { isKnown } from "../contract/entry.ts";
import { describeError } from "../contract/errors.ts";
import { keepInLog, unforeseen } from "../contract/unforeseen.ts";

export async function clearly<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw inWords(error);
  }
}

/** The same error twice must be the same RunError: Pulumi tells each only once. */
const told = new WeakMap<object, Error>();

/** What Pulumi itself has words for stays as it is. */
export function inWords(error: unknown, keep = keepInLog): Error {
  if (pulumi.RunError.isInstance(error) || pulumi.ResourceError.isInstance(error)) return error;
  const key = typeof error === "object" && error !== null ? error : {};
  const before = told.get(key);
  if (before !== undefined) return before;
  const known = isKnown(error) ? error : unforeseen("The Pulumi program", error, keep);
  const run = new pulumi.RunError(describeError(known));
  told.set(key, run);
  return run;
}

type Listener = (error: unknown, ...rest: unknown[]) => void;

/** Puts our words before the handlers of `emitter`; call it once. */
export function wordsForHandlers(emitter: NodeJS.EventEmitter = process): void {
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    const listeners = emitter.listeners(event) as Listener[];
    // Outside Pulumi, in a test, there is nobody to tell.
    if (listeners.length === 0) continue;
    emitter.removeAllListeners(event);
    emitter.on(event, (error: unknown, ...rest: unknown[]) => {
      for (const listener of listeners) listener(inWords(error), ...rest);
    });
  }
}
