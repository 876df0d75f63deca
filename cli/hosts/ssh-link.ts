/**
 * One host over SSH, with the host keys from the stack's outputs and no others.
 * The connection is made when first needed, kept, and made anew when it was lost or did not answer
 * in time: a host that lost power sends no goodbye, so a silent connection is thrown away.
 */
import type { Duplex } from "node:stream";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import { type Dialled, dial } from "../../ssh/dial.ts";
import { exec, execStream } from "../../ssh/exec.ts";
import { errorFrom, SshFailure } from "../../ssh/failure.ts";
import type { Login, Way } from "../../ssh/way.ts";
import type { AgentRequest, AgentResponse, HostLink, RunOptions, RunResult, StackHost } from "../ports.ts";
import { requestOverStream } from "./http-over-stream.ts";

/** Bound on connecting, where the caller gives none. */
const connectDeadlineMs = 10_000;
/** For how long a failed connection is tried again. */
const retryMs = 5000;
/** What stays for the answer of what the caller allows for all. */
const answerMs = 500;

/** Joins stdin and stdout with the socket that is its argument, for logins whose sshd does not open it. */
const bridge =
  'const s=require("net").connect(process.argv[1]);s.on("error",e=>{console.error(e.message);process.exit(1)});' +
  's.on("connect",()=>{process.stdout.write(process.argv[2]+"\\n");process.stdin.pipe(s).pipe(process.stdout)})';
const bridgeReady = "holdfast: connected";

/** What of the outputs a link needs, beside the host. */
export type SshAccess = Pick<StackOutputs, "agentSocket" | "sshAccess">;

/** Where the operator reaches a host: at its address, if nothing else is said. */
export function wayTo({ name, address, ssh }: StackHost): Way {
  const { user, port, hostKey, host = address, proxy = null } = ssh;
  return { name, host, user, port, hostKey, proxy };
}

export function createSshLink(cluster: SshAccess, host: StackHost): HostLink {
  const way = wayTo(host);
  let current: Connection | undefined;

  async function connected(deadlineMs: number): Promise<{ connection: Connection; open: Dialled }> {
    if (current === undefined || current.isLost()) current = openConnection(way, loginOf(cluster), deadlineMs);
    const connection = current;
    try {
      return { connection, open: await connection.dialled };
    } catch (error) {
      if (current === connection) current = undefined;
      throw errorFrom(way, error);
    }
  }

  function drop(): void {
    current?.close();
    current = undefined;
  }

  async function request(wanted: AgentRequest): Promise<AgentResponse> {
    const tooLate = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      drop();
      const what = `did not answer ${wanted.method} ${wanted.path} within ${wanted.timeoutMs / 1000} s`;
      tooLate.reject(
        new HoldfastError("HF_HOST_UNREACHABLE", `${host.name} (${way.host}) ${what}.`, {
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
    const { connection, open } = await connected(wanted.timeoutMs);
    let stream: Duplex | undefined;
    try {
      stream = await openAgent(connection, open, way, cluster.agentSocket);
      return await requestOverStream(stream, wanted);
    } catch (error) {
      if (error instanceof SshFailure) throw errorFrom(way, error);
      throw new HoldfastError(
        "HF_AGENT_UNREACHABLE",
        `The agent on ${host.name} does not answer (${whyNoAgent(error)}).`,
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
    const { open } = await connected(connectDeadlineMs);
    return await exec(open.client, way, argv, options).catch((error: unknown) => {
      throw errorFrom(
        way,
        error instanceof SshFailure ? error : new SshFailure({ is: "unreachable", cause: error }, way),
      );
    });
  }

  return { host: host.name, request, run, close: drop };
}

/** The bridge runs on the Node that comes with the agent. */
function whyNoAgent(error: unknown): string {
  const reason = plainReason(error);
  return reason.includes(`${paths.node}: `) ? "holdfast was not deployed there" : reason;
}

interface Connection {
  readonly dialled: Promise<Dialled>;
  isLost(): boolean;
  close(): void;
  /** Whether its sshd opens the agent's socket itself. */
  forwards: boolean;
}

function openConnection(way: Way, login: Login, deadlineMs: number): Connection {
  const closing = new AbortController();
  let open: Dialled | undefined;
  let lost = false;
  const patience = { withinMs: deadlineMs, retryMs: Math.min(retryMs, deadlineMs - answerMs), signal: closing.signal };
  const dialled = dial(way, login, patience).then(
    (done) => {
      open = done;
      return done;
    },
    (error: unknown) => {
      lost = true;
      throw error;
    },
  );
  return {
    dialled,
    isLost: () => lost || open?.lost === true,
    close() {
      lost = true;
      closing.abort(new Error("the connection is not wanted any more"));
      open?.destroy();
    },
    // Not every login that may open it is root, but only root may enter its directory.
    forwards: way.user === "root",
  };
}

function loginOf({ sshAccess: { privateKey } }: SshAccess): Login {
  if (privateKey !== undefined) return { privateKey };
  const agentSocket = process.env.SSH_AUTH_SOCK;
  if (agentSocket !== undefined && agentSocket !== "") return { agentSocket };
  throw new HoldfastError("HF_HOST_UNREACHABLE", "The stack has no SSH private key, and no ssh-agent is running.", {
    next: "Load your key into an ssh-agent: eval $(ssh-agent) && ssh-add.",
  });
}

/**
 * A stream to the agent's socket. Root's sshd opens it, if it may (AllowStreamLocalForwarding, DisableForwarding); it
 * does not say why it does not. For all others a program on the host joins the two.
 */
async function openAgent(connection: Connection, open: Dialled, way: Way, socket: string): Promise<Duplex> {
  if (connection.forwards) {
    const stream = await forward(open, socket).catch(() => null);
    if (stream !== null) return stream;
  }
  const stream = await execStream(open.client, way, [paths.node, "-e", bridge, socket, bridgeReady], bridgeReady);
  connection.forwards = false;
  return stream;
}

function forward({ client }: Dialled, socket: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(socket, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
}
