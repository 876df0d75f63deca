/**
 * One host over SSH (node-ssh), with the host key from the stack's outputs and no other.
 * The connection is made when first needed, kept, and made anew when it was lost or did not answer
 * in time: a host that lost power sends no goodbye, so a silent connection is thrown away.
 */
import type { Duplex } from "node:stream";
import { type Config, NodeSSH } from "node-ssh";
import type { Client, ClientChannel } from "ssh2";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import type { StackOutputs } from "../../contract/stack-outputs.ts";
import { shellWords } from "../../toolchain/shell-words.ts";
import type { AgentRequest, AgentResponse, HostLink, RunOptions, RunResult, StackHost } from "../ports.ts";
import { asRoot } from "./as-root.ts";
import { isPinned, parseHostKey } from "./host-key.ts";
import { requestOverStream } from "./http-over-stream.ts";

/** Bound on connecting, where the caller gives none. */
const connectDeadlineMs = 10_000;

/** Joins stdin and stdout with the socket that is its argument, for logins that may not open it themselves. */
const bridge =
  'const s=require("net").connect(process.argv[1]);s.on("error",()=>process.exit(1));process.stdin.pipe(s).pipe(process.stdout)';

/** What of the outputs a link needs, beside the host. */
export type SshAccess = Pick<StackOutputs, "agentSocket" | "sshAccess">;

export function createSshLink(cluster: SshAccess, host: StackHost): HostLink {
  let current: Connection | undefined;

  async function connected(deadlineMs: number): Promise<NodeSSH> {
    if (current === undefined || current.lost) current = openConnection(cluster, host, deadlineMs);
    const mine = current;
    try {
      return await mine.ready;
    } catch (error) {
      if (current === mine) current = undefined;
      throw error;
    }
  }

  function drop(): void {
    current?.destroy();
    current = undefined;
  }

  async function request(wanted: AgentRequest): Promise<AgentResponse> {
    const tooLate = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      drop();
      const what = `did not answer ${wanted.method} ${wanted.path} within ${wanted.timeoutMs / 1000} s`;
      tooLate.reject(
        new HoldfastError("HF_HOST_UNREACHABLE", `${host.name} (${host.address}) ${what}.`, {
          next: `Check that the host has power and network, then try: holdfast ssh ${host.name}.`,
        }),
      );
    }, wanted.timeoutMs);
    try {
      return await Promise.race([tooLate.promise, exchange(wanted)]);
    } finally {
      clearTimeout(timer);
    }
  }

  async function exchange(wanted: AgentRequest): Promise<AgentResponse> {
    const ssh = await connected(wanted.timeoutMs);
    let stream: Duplex | undefined;
    try {
      stream = await openAgent(ssh, host.ssh.user, cluster.agentSocket);
      return await requestOverStream(stream, wanted);
    } catch (error) {
      throw new HoldfastError(
        "HF_AGENT_UNREACHABLE",
        `The agent on ${host.name} does not answer (${plainReason(error)}).`,
        {
          next: `See why: holdfast logs ${host.name}.`,
          cause: error,
        },
      );
    } finally {
      stream?.destroy();
    }
  }

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const ssh = await connected(connectDeadlineMs);
    const command = shellWords(asRoot(host.ssh.user, argv));
    return await onChannel(ssh, command, (channel) => runOn(channel, options)).catch((error: unknown) => {
      throw connectError(host, error, false);
    });
  }

  return { host: host.name, request, run, close: drop };
}

interface Connection {
  readonly ready: Promise<NodeSSH>;
  readonly lost: boolean;
  destroy(): void;
}

function openConnection(cluster: SshAccess, host: StackHost, deadlineMs: number): Connection {
  const pinned = parseHostKey(host.name, host.ssh.hostKey);
  const ssh = new NodeSSH();
  let client: Client | null = null;
  let wrongKey = false;
  let lost = false;
  const config: Config = {
    host: host.address,
    port: host.ssh.port,
    username: host.ssh.user,
    readyTimeout: deadlineMs,
    // So that following a log notices within 15 s that its host has lost power.
    keepaliveInterval: 5000,
    keepaliveCountMax: 3,
    algorithms: { serverHostKey: [...pinned.algorithms] as never },
    hostVerifier: (shown: Buffer) => {
      wrongKey = !isPinned(pinned, shown);
      return !wrongKey;
    },
    ...credentials(cluster),
  };
  const ready = ssh.connect(config).then(
    () => {
      // node-ssh takes its error handler off once connected; a reset connection must not end the program.
      ssh.connection?.on("error", () => {
        lost = true;
      });
      ssh.connection?.on("close", () => {
        lost = true;
      });
      return ssh;
    },
    (error: unknown) => {
      lost = true;
      throw connectError(host, error, wrongKey);
    },
  );
  client = ssh.connection;
  // SSH's small messages wait for each other otherwise: 330 ms instead of 30 for a login.
  client?.setNoDelay(true);
  return {
    ready,
    get lost() {
      return lost;
    },
    destroy() {
      lost = true;
      client?.destroy();
    },
  };
}

function credentials(cluster: SshAccess): Config {
  const { privateKey } = cluster.sshAccess;
  if (privateKey !== undefined) return { privateKey, authHandler: ["publickey"] };
  const agent = process.env.SSH_AUTH_SOCK;
  if (agent !== undefined) return { agent, authHandler: ["agent"] };
  throw new HoldfastError("HF_HOST_UNREACHABLE", "The stack has no SSH private key, and no ssh-agent is running.", {
    next: "Load your key into an ssh-agent: eval $(ssh-agent) && ssh-add.",
  });
}

function connectError(host: StackHost, error: unknown, wrongKey: boolean): HoldfastError {
  const where = `${host.name} (${host.address}:${host.ssh.port})`;
  // Only the pinned kind of key is asked for; a host without one of it is not the pinned host either.
  const noSuchKey = error instanceof Error && error.message.includes("no matching host key format");
  if (wrongKey || noSuchKey)
    return new HoldfastError(
      "HF_HOST_KEY_MISMATCH",
      `${where} shows another SSH host key than the pinned one: it is another machine, or somebody is in between.`,
      {
        next: `Find out why before you go on; if the host was set up anew on purpose, set its hostKey and run pulumi up.`,
      },
    );
  const level = (error as { level?: string }).level;
  if (level === "client-authentication")
    return new HoldfastError("HF_HOST_UNREACHABLE", `${where} refused the SSH login of ${host.ssh.user}.`, {
      next: "Check the stack's SSH key and the host's authorized_keys.",
      cause: error,
    });
  return new HoldfastError("HF_HOST_UNREACHABLE", `${where} cannot be reached over SSH: ${plainReason(error)}.`, {
    next: "Check that the host has power, network and a running sshd.",
    cause: error,
  });
}

/** A stream to the agent's socket: root's sshd opens it, other logins go through sudo. */
function openAgent(ssh: NodeSSH, user: string, socket: string): Promise<Duplex> {
  if (user === "root") return ssh.forwardOutStreamLocal(socket);
  return onChannel(ssh, shellWords(asRoot(user, [paths.node, "-e", bridge, socket])), (channel) => channel);
}

/**
 * Runs `command`, and gives its channel to `use` in the very turn in which it opens: a short command's output,
 * exit status and end may have come in the same packet, and who listens a turn later has missed them.
 */
function onChannel<T>(ssh: NodeSSH, command: string, use: (channel: ClientChannel) => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (ssh.connection === null) reject(new Error("the SSH connection was lost"));
    else ssh.connection.exec(command, (error, channel) => (error ? reject(error) : resolve(use(channel))));
  });
}

/** Collects what nobody listens to; what somebody does may go on for days. */
function runOn(channel: ClientChannel, { onStdout, onStderr, signal }: RunOptions): Promise<RunResult> {
  const collected = { stdout: "", stderr: "" };
  // As text: a character may be cut in two between chunks.
  channel.setEncoding("utf8").on("data", (text: string) => {
    if (onStdout === undefined) collected.stdout += text;
    else onStdout(text);
  });
  channel.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (onStderr === undefined) collected.stderr += text;
    else onStderr(text);
  });
  // sshd ends the command when its channel goes: a following journalctl stops at its next line.
  const stop = () => channel.close();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  return new Promise((resolve, reject) => {
    let code: number | null = null;
    channel.once("error", reject);
    channel.once("exit", (exit: number | null) => {
      code = exit;
    });
    channel.once("close", () => {
      signal?.removeEventListener("abort", stop);
      resolve({ code, ...collected });
    });
  });
}
