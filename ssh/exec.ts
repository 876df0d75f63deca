/**
 * Runs programs as root over an open connection. Each begins by printing a mark of ours: what a shell's start-up files
 * print comes before it and is passed over, and without it something else has run (a ForceCommand, a nologin shell), or
 * nothing as root; then that is what went wrong, in its own words.
 */
import type { Client, ClientChannel } from "ssh2";
import { shellWords } from "../contract/shell-words.ts";
import { asRoot } from "./as-root.ts";
import { SshFailure } from "./failure.ts";
import type { Way } from "./way.ts";

const mark = "holdfast: begins here\n";
/** Enough for the words of whoever answers instead. */
const mostForeign = 64 * 1024;
/** For a program to begin. What runs instead may wait for ever for words of its own, as an SFTP server does. */
const beginsWithinMs = 15_000;
const tooLate = (ms: number) => `nothing of ours, within ${ms / 1000} s`;

export interface ExecOptions {
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string) => void;
  /** Ends the program on the host. */
  readonly signal?: AbortSignal;
  /** What the login's shell finds behind the program's words: a variable that sudo would drop, a document for stdin. */
  readonly behind?: string;
  /** Bound on its beginning. */
  readonly withinMs?: number;
}

export interface ExecResult {
  /** null when the connection broke or a signal ended it. */
  readonly code: number | null;
  /** Empty where `onStdout` was given; stderr likewise. */
  readonly stdout: string;
  readonly stderr: string;
}

/** For any login shell: nothing but quoted words, and `behind`. */
export function markedCommand(user: string, argv: readonly string[], behind = ""): string {
  const begin = `printf '%s\\n' '${mark.trimEnd()}'; exec "$@"`;
  return `${shellWords(asRoot(user, ["sh", "-c", begin, "sh", ...argv]))}${behind === "" ? "" : ` ${behind}`}`;
}

/** @throws SshFailure when the program did not begin; Error when the connection broke before it could */
export async function exec(
  client: Client,
  way: Way,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const command = markedCommand(way.user, argv, options.behind);
  const { begun, foreign, ...result } = await onChannel(client, command, (channel) => collect(channel, options));
  const isLost = result.code === null && foreign === "";
  if (!begun && !options.signal?.aborted && !isLost) throw notBegun(way, `${foreign}\n${result.stderr}`);
  return result;
}

/**
 * A program's stdin and stdout as one stream, once it has printed `ready` on its stdout.
 * @throws SshFailure when it did not begin; Error with what it wrote on stderr when it ended before it was ready
 */
export async function execStream(
  client: Client,
  way: Way,
  argv: readonly string[],
  ready: string,
): Promise<ClientChannel> {
  return await onChannel(client, markedCommand(way.user, argv), (channel) => untilReady(channel, way, ready));
}

function untilReady(channel: ClientChannel, way: Way, ready: string): Promise<ClientChannel> {
  const wanted = Buffer.from(`${mark}${ready}\n`);
  let stdout = Buffer.alloc(0);
  let stderr = "";
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      channel.close();
      reject(notBegun(way, `${stdout.toString("utf8")}\n${stderr}\n${tooLate(beginsWithinMs)}`));
    }, beginsWithinMs);
    const onData = (chunk: Buffer) => {
      stdout = Buffer.concat([stdout, chunk]);
      const at = stdout.indexOf(wanted);
      if (at < 0) {
        if (stdout.length > mostForeign) channel.close();
        return;
      }
      clearTimeout(timer);
      channel.off("data", onData).off("close", onClose).pause();
      const rest = stdout.subarray(at + wanted.length);
      if (rest.length > 0) channel.unshift(rest);
      resolve(channel);
    };
    const onClose = () => {
      clearTimeout(timer);
      const said = stdout.toString("utf8");
      const [, after] = said.split(mark);
      if (after === undefined) reject(notBegun(way, `${said}\n${stderr}`));
      else reject(new Error(`${after}${stderr}`.trim().split("\n").at(-1) || "its program ended at once"));
    };
    channel.on("data", onData).on("close", onClose).on("error", reject);
    channel.stderr.on("data", (chunk: Buffer) => {
      if (stderr.length < mostForeign) stderr += chunk.toString("utf8");
    });
  });
}

function notBegun(way: Way, said: string): SshFailure {
  return new SshFailure(/\bsudo\b/.test(said) ? { is: "no-root", said } : { is: "other-words", said }, way);
}

/**
 * Runs `command`, and gives its channel to `use` in the very turn in which it opens: a short command's output,
 * exit status and end may have come in the same packet, and who listens a turn later has missed them.
 */
function onChannel<T>(client: Client, command: string, use: (channel: ClientChannel) => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(use(channel))));
  });
}

interface Collected extends ExecResult {
  readonly begun: boolean;
  /** What came on stdout before the mark. */
  readonly foreign: string;
}

/** Collects what nobody listens to; what somebody does may go on for days. */
function collect(
  channel: ClientChannel,
  { onStdout, onStderr, signal, withinMs = beginsWithinMs }: ExecOptions,
): Promise<Collected> {
  const collected = { stdout: "", stderr: "" };
  let begun = false;
  let foreign = "";
  const done = Promise.withResolvers<Collected>();
  const timer = setTimeout(() => {
    channel.close();
    done.resolve({ code: null, ...collected, begun, foreign: `${foreign}\n${tooLate(withinMs)}` });
  }, withinMs);
  const take = (text: string) => {
    if (onStdout === undefined) collected.stdout += text;
    else if (text !== "") onStdout(text);
  };
  // As text: a character may be cut in two between chunks.
  channel.setEncoding("utf8").on("data", (text: string) => {
    if (begun) return take(text);
    foreign += text;
    const at = foreign.indexOf(mark);
    if (at < 0) {
      if (foreign.length > mostForeign) channel.close();
      return;
    }
    begun = true;
    clearTimeout(timer);
    const rest = foreign.slice(at + mark.length);
    foreign = foreign.slice(0, at);
    take(rest);
  });
  channel.stderr.setEncoding("utf8").on("data", (text: string) => {
    // Before the beginning nobody listens: it may be the words of whoever answers instead.
    if (begun && onStderr !== undefined) onStderr(text);
    else collected.stderr += text;
  });
  // sshd ends the command when its channel goes: a following journalctl stops at its next line.
  const stop = () => channel.close();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  let code: number | null = null;
  channel.once("error", done.reject);
  channel.once("exit", (exit: number | null) => {
    code = exit;
  });
  channel.once("close", () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    done.resolve({ code, ...collected, begun, foreign });
  });
  return done.promise;
}
