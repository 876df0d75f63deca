/**
 * What nobody thought of, as an operator may meet it: a code, what happened, what to do next, and where the cause
 * lies, with its stack. Nothing raw reaches a terminal.
 *
 * Awkward cases: the log cannot be written (the disk is full, which may be the very error): then the error says so, and
 * where in the code it was; and a cause that has a secret in its text: secrets are known by their form, and left out.
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { HoldfastError, plainReason } from "./errors.ts";
import { paths } from "./paths.ts";

/** Where a log was kept; or why it was not. */
export type Kept = { readonly path: string } | { readonly because: string };

/** @param doing the program and its command, such as `holdfast status`. @param keep writes the cause somewhere. */
export function unforeseen(doing: string, error: unknown, keep: (text: string) => Kept): HoldfastError {
  const kept = keep(causeText(doing, error));
  const where =
    "path" in kept ? `The cause is in ${kept.path}.` : `No log could be written (${kept.because})${origin(error)}.`;
  const log = "path" in kept ? ` with ${kept.path}` : "";
  return new HoldfastError("HF_UNFORESEEN", `${doing} met something unforeseen: ${whatItIs(error)}. ${where}`, {
    next: `Mend what it names, if it names something of yours, and do it again; otherwise report it${log}. holdfast status shows whether the validator goes on.`,
    cause: error,
  });
}

/** Mistakes in programs: their words are for who mends the program, and stand in the log. */
const mistakes = [TypeError, ReferenceError, RangeError, URIError, EvalError];

/** Whether an error is nobody's weather but a fault in the program. */
export function isMistake(error: unknown): error is Error {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== undefined) return false;
  return (
    (mistakes.some((kind) => error instanceof kind) && error.cause === undefined) || error.name === "AssertionError"
  );
}

function whatItIs(error: unknown): string {
  if (isMistake(error)) return `a fault in holdfast itself (${error.name})`;
  const { path } = (error ?? {}) as NodeJS.ErrnoException;
  return `${typeof path === "string" ? `${path}: ` : ""}${plainReason(error)}`;
}

/** One place in our code, where there is nothing better. */
function origin(error: unknown): string {
  const frame = /\(?([^\s()]+\.[cm]?[jt]s:\d+):\d+\)?$/m.exec((error as Error | undefined)?.stack ?? "")?.[1];
  return frame === undefined ? "" : `; it came from ${frame.split("/").slice(-3).join("/")}`;
}

/** The whole cause, for a log. */
export function causeText(doing: string, error: unknown): string {
  const what = inspect(error, { depth: 6, breakLength: 120, maxStringLength: 2000 });
  return withoutSecrets(`${new Date().toISOString()} ${doing}\n${what}\n\n`);
}

/** Leaves out what has the form of a secret: NEAR keys' secret halves, PEM and SSH private keys, Consul tokens, passphrases. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/ed25519:[1-9A-HJ-NP-Za-km-z]{60,}/g, "ed25519:[secret]")
    .replace(
      /-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g,
      "[private key]",
    )
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "[uuid]")
    .replace(
      /((?:passphrase|password|token|secret|privateKey|stdin)\w*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,}]+)/gi,
      "$1[left out]",
    );
}

const fileName = "unforeseen.log";
/** Then it becomes `unforeseen.log.old`. */
const mostBytes = 1 << 20;

/** On a host beside holdfast's own state, elsewhere among the tools' logs; a fresh directory of its own where that cannot be. */
export function keepInLog(text: string): Kept {
  const places = [
    // Not made here: on a host that was just cleaned, nothing of ours is to come back.
    () => (existsSync(paths.state) ? paths.state : null),
    () => {
      const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
      const logs = join(cache, "holdfast", "logs");
      mkdirSync(logs, { recursive: true });
      return logs;
    },
    () => mkdtempSync(join(tmpdir(), "holdfast-")),
  ];
  let because = "";
  for (const place of places)
    try {
      const directory = place();
      if (directory !== null) return { path: append(join(directory, fileName), text) };
    } catch (error) {
      because = plainReason(error);
    }
  return { because };
}

function append(path: string, text: string): string {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > mostBytes)
    renameSync(path, join(dirname(path), `${fileName}.old`));
  appendFileSync(path, text, { mode: 0o600 });
  return path;
}
