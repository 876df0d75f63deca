/**
 * The one way into every program of holdfast: whatever goes wrong, in its main function or in a callback that nobody
 * waits for, becomes words and an exit code here. It changes nothing about *when* a program ends: an error that
 * nobody caught ends it at once, as Node would.
 */
import { describeError, HoldfastError } from "./errors.ts";
import { type Kept, keepInLog, unforeseen } from "./unforeseen.ts";

/** Somebody ended the program before it was done. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface EntryOptions {
  /** Leads the message: `npm test: ...`. */
  readonly lead?: string;
  /** Keeps the cause of what is unforeseen; by default in a file. */
  readonly keep?: (text: string) => Kept;
  readonly print?: (text: string) => void;
  /** Aborted when somebody ended the program: then whatever fails, fails because of that. */
  readonly interrupted?: AbortSignal;
}

const exitCodes = { failed: 1, usage: 2, interrupted: 130 } as const;

/** Says what went wrong. @param name the program's. @returns the exit code that goes with it. */
export function tell(name: string, failure: unknown, options: EntryOptions = {}): number {
  const { lead = "", keep = keepInLog, print = (text) => console.error(text), interrupted } = options;
  const error = interrupted?.aborted === true ? interrupted.reason : failure;
  const code = codeOfCommander(error);
  if (code !== undefined) return code;
  if (error instanceof Interrupted) {
    print(`${lead}${error.message}`);
    return exitCodes.interrupted;
  }
  const known = isKnown(error) ? error : (usageFault(error, name) ?? unforeseen(name, error, keep));
  print(`${lead}${describeError(known)}`);
  return known instanceof HoldfastError && known.code === "HF_USAGE" ? exitCodes.usage : exitCodes.failed;
}

/** Told well enough as it is: ours, or several of ours at once (infra/config/faults.ts). */
export function isKnown(error: unknown): error is Error {
  return error instanceof HoldfastError || (error instanceof Error && error.name === "FaultsError");
}

/** Commander has printed its own message; help that was asked for is no error. */
function codeOfCommander(error: unknown): number | undefined {
  const { code, exitCode } = (error ?? {}) as { code?: unknown; exitCode?: unknown };
  if (typeof code !== "string" || !code.startsWith("commander.")) return undefined;
  return exitCode === 0 ? 0 : exitCodes.usage;
}

/** What node:util's parseArgs throws. */
function usageFault(error: unknown, name: string): HoldfastError | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: string };
  if (typeof code !== "string" || !code.startsWith("ERR_PARSE_ARGS_")) return undefined;
  return new HoldfastError("HF_USAGE", message ?? "", { next: `See ${name} --help.` });
}

type End = (error: unknown) => never;

let standing: End | undefined;

/** What nobody catches from now on ends the program in words. */
function handle(name: string, options: EntryOptions): End {
  const end: End = (error) => process.exit(tell(name, error, options));
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    if (standing !== undefined) process.off(event, standing);
    process.on(event, end);
  }
  standing = end;
  return end;
}

/** For first.ts: until runEntry is called. */
export function untilEntry(name: string): void {
  handle(name, {});
}

/** Runs `main` and sets the exit code, if a number is its result. */
export async function runEntry(name: string, main: () => unknown, options: EntryOptions = {}): Promise<void> {
  const end = handle(name, options);
  try {
    const code = await main();
    if (typeof code === "number") process.exitCode = code;
  } catch (error) {
    // At once: what still runs beside a main function that has failed must not keep the program.
    end(error);
  }
}
