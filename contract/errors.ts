/**
 * Every error that an operator can meet is a small document: a stable code, one plain sentence that
 * names the setting or the host, and what to do next. `docs/errors.md` has one entry for every code
 * (a test keeps them together).
 */

/** The stable codes. Adding one means adding its entry to docs/errors.md. */
export const errorCodes = [
  /** A setting is missing, unknown, malformed or contradicts another one. */
  "HF_CONFIG_INVALID",
  /** The lease's numbers would let two holders overlap. */
  "HF_TIMING_UNSAFE",
  /** The validator key is missing, malformed, for another account, or its halves do not match. */
  "HF_VALIDATOR_KEY",
  /** A host could not be reached over SSH. */
  "HF_HOST_UNREACHABLE",
  /** A host answered with another SSH host key than the pinned one. */
  "HF_HOST_KEY_MISMATCH",
  /** A host lets us in over SSH, or would, but not so that holdfast can work there. */
  "HF_HOST_LOGIN",
  /** A host lacks something that holdfast needs (systemd, nftables, root, space, ...). */
  "HF_HOST_UNFIT",
  /** A host belongs to another deployment, or is another host of this one. */
  "HF_HOST_FOREIGN",
  /** An artifact's checksum is not the pinned one. */
  "HF_ARTIFACT_CHECKSUM",
  /** An artifact could not be read, downloaded or built. */
  "HF_ARTIFACT_UNAVAILABLE",
  /** The stack's passphrase is missing or wrong. */
  "HF_PASSPHRASE",
  /** There is no such stack, or it was not brought up yet. */
  "HF_STACK_UNAVAILABLE",
  /** The agent on a host does not answer. */
  "HF_AGENT_UNREACHABLE",
  /** What was asked for is refused in the cluster's present state. */
  "HF_REFUSED",
  /** Consul did not answer, or not as its API says. */
  "HF_CONSUL",
  /** The cloud's API refused, failed or did not answer. */
  "HF_CLOUD",
  /** Converging a host failed. */
  "HF_APPLY_FAILED",
  /** neard refuses the configuration that it was to get. */
  "HF_NEARD_CONFIG",
  /** A wait reached its bound. */
  "HF_TIMEOUT",
  /** A tool that holdfast needs is missing and could not be obtained. */
  "HF_TOOLCHAIN",
  /** The lab could not do what was asked. */
  "HF_LAB",
  /** Wrong use of a command line. */
  "HF_USAGE",
  /** Something that nobody thought of; its cause is in a log file. */
  "HF_UNFORESEEN",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** An error with a stable code, a sentence for people, and what to do next. */
export class HoldfastError extends Error {
  readonly code: ErrorCode;
  /** What the operator can do about it; one sentence in the imperative. */
  readonly next: string | undefined;

  constructor(code: ErrorCode, message: string, options: { next?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "HoldfastError";
    this.code = code;
    this.next = options.next;
  }
}

/** The text of an error for a terminal: sentence, next step, code. Never a stack trace, nor what a library wrote over many lines. */
export function describeError(error: unknown): string {
  if (error instanceof HoldfastError) {
    const next = error.next === undefined ? "" : `\n  next: ${error.next}`;
    return `${error.message}${next}\n  (${error.code}, see docs/errors.md)`;
  }
  // Several faults told at once are a text of ours.
  return error instanceof Error && "faults" in error ? error.message : plainReason(error);
}

/** Node's errors of files and connections, in words. */
const plainWords: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  ECONNREFUSED: "the connection was refused: nothing listens there",
  ECONNRESET: "the connection was cut off",
  EEXIST: "it exists already",
  EHOSTUNREACH: "nothing answers at that address",
  EISDIR: "it is a directory",
  ENETUNREACH: "there is no way to its network from here",
  ENOENT: "there is no such file or directory",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is no directory",
  ENOTFOUND: "there is no such name",
  ETIMEDOUT: "there was no answer in time",
};

/** A library may put a whole document into its message; the first line says what it is about. */
const longestReason = 300;

/**
 * Why something failed, for the middle of a sentence. `connect ECONNREFUSED 192.0.2.1:22` is for programmers, and
 * fetch says no more than "fetch failed": its reason is the cause.
 */
export function plainReason(error: unknown): string {
  if (!(error instanceof Error)) return firstLine(String(error));
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const words = plainWords[code];
  if (words !== undefined) return `${words} (${code})`;
  // zod's message is JSON; JSON.parse's has a piece of what it read, which may be a secret.
  const issue = issueOf(error);
  if (issue !== undefined) return issue;
  if (error instanceof SyntaxError && /JSON/.test(error.message)) return "a text that should be JSON is none";
  if (error instanceof AggregateError && error.errors.length > 0) return plainReason(error.errors[0]);
  return error instanceof TypeError && error.cause instanceof Error
    ? plainReason(error.cause)
    : firstLine(error.message).replace(/\.$/, "");
}

/** For a ZodError of any copy of zod: what has another form than it should, and how. */
function issueOf(error: Error): string | undefined {
  const { issues } = error as { issues?: readonly { path?: readonly PropertyKey[]; message?: string }[] };
  const [first] = Array.isArray(issues) ? issues : [];
  if (first === undefined) return undefined;
  const where = first.path === undefined || first.path.length === 0 ? "" : `${first.path.map(String).join(".")}: `;
  return `something has another form than expected (${where}${first.message ?? "unknown"})`;
}

function firstLine(text: string): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length <= longestReason ? line : `${line.slice(0, longestReason - 1)}…`;
}
