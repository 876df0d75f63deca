/**
 * Runs one command over an open SSH connection and reports how it ended.
 * The SSH library never asks whether the server took an environment variable, and sends the command right
 * after them; a command must not run without its environment, so here the command is held back until the
 * server has answered for every variable. That reaches into the library (1.17.0, pinned by package-lock.json);
 * it happens only for commands that have an environment, and test/scenarios/command-plugin.test.ts covers it.
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
  const setenvFailure = holdBack(client as unknown as Internals, execution);
  await Promise.race([runCommand(client, execution), setenvFailure]);
}

/**
 * Listens in the very turn in which the channel opens: a short command's output, exit status and end may have
 * come in the same packet, and who listens a turn later has missed them.
 */
function runCommand(client: Client, { command, stdin, output }: Execution): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once("close", () => reject(new Error(lostWords)));
    client.exec(command, (error, channel) => {
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

interface Internals {
  _protocol: {
    env(channel: number, name: string, value: string, wantReply: boolean): void;
    exec(channel: number, command: string, wantReply: boolean): void;
  };
  _chanMgr: { _channels: Record<string, { outgoing: { id: number }; _callbacks: ((failed: boolean) => void)[] }> };
}

/** Sets the variables before the command is sent. The promise only ever rejects. */
function holdBack(client: Internals, { variables, refused }: Execution): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (variables.length === 0) return;
    const protocol = client._protocol;
    const send = protocol.exec.bind(protocol);
    const set = (id: number, variable: Variable): Promise<boolean> =>
      new Promise((answered) => {
        const channel = Object.values(client._chanMgr._channels).find((candidate) => candidate.outgoing.id === id);
        channel?._callbacks.unshift((failed) => answered(!failed));
        protocol.env(id, variable.name, variable.value, true);
      });
    const setAll = async (id: number, command: string): Promise<void> => {
      for (const variable of variables) {
        if (await set(id, variable)) continue;
        refused(variable);
        if (variable.required)
          throw new Error(`could not set environment variable ${JSON.stringify(variable.name)}: ssh: setenv failed`);
      }
      send(id, command, true);
    };
    protocol.exec = (id, command) => void setAll(id, command).catch(reject);
  });
}
