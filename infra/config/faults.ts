/**
 * A fault is one thing that is wrong with what the operator gave us: one sentence that names the setting
 * or the host, and what to do. They are collected and reported all at once, before anything is changed.
 */
import { type ErrorCode, HoldfastError } from "../../contract/errors.ts";

export interface Fault {
  readonly code: ErrorCode;
  /** One sentence without its full stop. */
  readonly message: string;
  /** One sentence in the imperative. */
  readonly next: string;
}

/** A fault in the settings that has no code of its own. */
export function configFault(message: string, next: string): Fault {
  return { code: "HF_CONFIG_INVALID", message, next };
}

/** The fault that `error` describes; throws it again when it is none of ours. */
export function faultFrom(error: unknown): Fault {
  if (!(error instanceof HoldfastError)) throw error;
  return {
    code: error.code,
    message: error.message.replace(/\.$/, ""),
    next: error.next ?? "See docs/errors.md.",
  };
}

/** All faults as one text for the terminal. `what` says where they are, such as "the configuration". */
export function describeFaults(what: string, faults: readonly Fault[]): string {
  const count = faults.length === 1 ? "One fault" : `${faults.length} faults`;
  const items = faults.map(({ code, message, next }) => `  * ${message}.\n    next: ${next}\n    (${code})`);
  return `${count} in ${what}; no host was changed.\n${items.join("\n")}`;
}

/** Thrown with every fault that was found. */
export class FaultsError extends Error {
  override readonly name = "FaultsError";
  readonly faults: readonly Fault[];
  constructor(what: string, faults: readonly Fault[]) {
    super(describeFaults(what, faults));
    this.faults = faults;
  }
}

/** @throws FaultsError when there is at least one fault. */
export function refuseFaults(what: string, faults: readonly Fault[]): void {
  if (faults.length > 0) throw new FaultsError(what, faults);
}
