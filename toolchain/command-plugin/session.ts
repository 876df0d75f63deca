/**
 * Runs one command over an open SSH connection and reports how it ended.
 * A command must not run without its environment, and the SSH library never asks whether the server took a variable: so
 * `env` runs first with the same variables, and what that prints is what the server takes (AcceptEnv is for all
 * sessions of a login). Only for commands that have an environment.
 */
import type { Client, ClientChannel } from "ssh2";
import type { Output } from "./output.ts";

export interface Variable {
  name: string;
  value: string;
  /** Without a required variable the command does not run; without another one there is a warning. */
  required: boolean;
}

export interface Execution {
  command: string;
  stdin: string;
  variables: readonly Variable[];
  output: Output;
  /** The server did not accept a variable. */
  refused: (variable: Variable) => void;
}

/** The connection or the session ended, and nobody said how the command did. */
export const lostWords = "wait: remote command exited without exit status or exit signal";

/** Resolves when the command ended with status 0 and its output is complete; throws what went wrong. */
export async function execute(client: Client, execution: Execution): Promise<void> {
  await runCommand(client, execution, await acceptedOf(client, execution));
}

type Environment = Record<string, string>;

/** What of the variables the server takes. @throws when that is not all that the command cannot do without */
async function acceptedOf(client: Client, { variables, refused }: Execution): Promise<Environment> {
  if (variables.length === 0) return {};
  const wanted = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  const found = new Set(await linesOfEnv(client, wanted));
  const accepted: Environment = {};
  for (const variable of variables) {
    const { name, value, required } = variable;
    if (found.has(`${name}=${value}`)) {
      accepted[name] = value;
      continue;
    }
    refused(variable);
    if (required) throw new Error(`could not set environment variable ${JSON.stringify(name)}: ssh: setenv failed`);
  }
  return accepted;
}

/** The `NAME=value` of a session that asks for `env`; none where there is no such program. */
function linesOfEnv(client: Client, env: Environment): Promise<string[]> {
  return new Promise((resolve, reject) => {
    client.once("close", () => reject(new Error(lostWords)));
    client.exec("env -0", { env }, (error, channel) => {
      if (error !== undefined) return reject(error);
      let text = "";
      let hasEnded = false;
      channel.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      channel.stderr.resume();
      channel.on("error", () => {});
      channel.on("exit", () => {
        hasEnded = true;
      });
      channel.on("close", () => (hasEnded ? resolve(text.split("\0")) : reject(new Error(lostWords))));
      channel.end();
    });
  });
}

/**
 * Listens in the very turn in which the channel opens: a short command's output, exit status and end may have
 * come in the same packet, and who listens a turn later has missed them.
 */
function runCommand(client: Client, { command, stdin, output }: Execution, env: Environment): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once("close", () => reject(new Error(lostWords)));
    client.exec(command, { env }, (error, channel) => {
      if (error !== undefined) {
        reject(new Error(error.message === "Unable to exec" ? `ssh: command ${command} failed` : error.message));
        return;
      }
      resolve(watchEnd(channel, output));
      channel.end(stdin);
    });
  });
}

function watchEnd(channel: ClientChannel, output: Output): Promise<void> {
  return new Promise((resolve, reject) => {
    let end: { status: number | null; signal?: string; reason?: string } | undefined;
    channel.on("data", (chunk: Buffer) => output.add("stdout", chunk));
    channel.stderr.on("data", (chunk: Buffer) => output.add("stderr", chunk));
    channel.on("error", () => {}); // the command may end without reading all of its stdin
    channel.on("exit", (status: number | null, signal?: string, _core?: string, reason?: string) => {
      end = { status, ...(signal === undefined ? {} : { signal }), ...(reason ? { reason } : {}) };
    });
    channel.on("close", () => {
      if (end?.status === 0) resolve();
      else reject(new Error(end === undefined ? lostWords : describeEnd(end)));
    });
  });
}

const signalNumbers: Record<string, number> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  ABRT: 6,
  FPE: 8,
  KILL: 9,
  SEGV: 11,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
};

/** How a remote command ended, in the words of Go's SSH library. */
export function describeEnd(end: { status: number | null; signal?: string; reason?: string }): string {
  if (end.signal === undefined) return `Process exited with status ${end.status}`;
  const name = end.signal.replace(/^SIG/, "");
  const reason = end.reason === undefined ? "" : `. Reason was: ${end.reason}`;
  return `Process exited with status ${128 + (signalNumbers[name] ?? 0)} from signal ${name}${reason}`;
}
