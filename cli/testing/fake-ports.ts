/** Ports for tests of the command line: a terminal that keeps what was written, a clock that does not wait, hosts that answer as told. */
import { HoldfastError } from "../../contract/errors.ts";
import type { StackOutputs } from "../../contract/stack-outputs.ts";
import type { AgentRequest, AgentResponse, HostLink, Ports, RunOptions, RunResult, StackHost } from "../ports.ts";
import { runProgram } from "../program.ts";
import { testOutputs } from "./cluster.ts";

/** What one host answers: by `METHOD /path` for its agent, and to programs. */
export interface FakeHost {
  request?: (request: AgentRequest) => unknown;
  run?: (argv: readonly string[], options: RunOptions) => RunResult | Promise<RunResult>;
}

export interface FakeWorld {
  readonly ports: Ports;
  readonly interrupt: AbortController;
  readonly stdout: string[];
  readonly stderr: string[];
  /** `host METHOD /path body` in the order of asking. */
  readonly asked: string[];
  readonly questions: string[];
  /** Hosts whose link is open now. */
  readonly open: Set<string>;
  readonly shells: { host: string; command: readonly string[] }[];
  readonly stacks: (string | undefined)[];
}

export interface FakeOptions {
  hosts?: Record<string, FakeHost>;
  readStack?: () => StackOutputs;
  checkout?: Ports["checkout"];
  pulumi?: Ports["pulumi"];
  /** Instead of the link by name: for one with another host key. */
  linkTo?: (host: StackHost) => FakeHost;
  terminal?: Partial<Ports["terminal"]>;
  /** The answer to every question. */
  confirm?: boolean;
  input?: string;
}

/** An agent's refusal or another answer than 200. */
export class FakeAnswer {
  readonly status: number;
  readonly body: unknown;
  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}

export function fakeWorld(options: FakeOptions = {}): FakeWorld {
  const interrupt = new AbortController();
  const world = {
    interrupt,
    stdout: [] as string[],
    stderr: [] as string[],
    asked: [] as string[],
    questions: [] as string[],
    open: new Set<string>(),
    shells: [] as FakeWorld["shells"],
    stacks: [] as FakeWorld["stacks"],
  };
  let nowMs = 0;
  const ports: Ports = {
    interrupted: interrupt.signal,
    terminal: {
      out: (text) => void world.stdout.push(text),
      err: (text) => void world.stderr.push(text),
      outIsTty: false,
      errIsTty: false,
      interactive: false,
      columns: undefined,
      color: false,
      readInput: async () => options.input ?? "",
      async confirm(question) {
        world.questions.push(question);
        return options.confirm ?? false;
      },
      ...options.terminal,
    },
    clock: {
      monotonicMs: () => nowMs,
      wallMs: () => Date.parse("2026-01-31T11:05:00Z") + nowMs,
      async sleep(ms) {
        nowMs += ms;
        await new Promise((resolve) => setImmediate(resolve));
      },
    },
    async readStack(name) {
      world.stacks.push(name);
      return (options.readStack ?? testOutputs)();
    },
    checkout: options.checkout ?? noCheckout,
    pulumi: options.pulumi ?? (async () => 1),
    selectedStack: () => "localnet",
    link(_cluster, host) {
      world.open.add(host.name);
      return fakeLink(host.name, options.linkTo?.(host) ?? options.hosts?.[host.name] ?? {}, world);
    },
    async openShell(_cluster, host, command) {
      world.shells.push({ host: host.name, command });
      return 7;
    },
  };
  return { ports, ...world };
}

const noCheckout: Ports["checkout"] = {
  commitOf: async (ref) => Promise.reject(new HoldfastError("HF_USAGE", `git knows no commit ${ref} here.`)),
  read: async () => null,
  differing: async () => [],
};

function fakeLink(name: string, host: FakeHost, world: Pick<FakeWorld, "asked" | "open">): HostLink {
  const unreachable = () => new HoldfastError("HF_HOST_UNREACHABLE", `${name} cannot be reached.`);
  return {
    host: name,
    async request(request): Promise<AgentResponse> {
      const body = request.body === undefined ? "" : ` ${JSON.stringify(request.body)}`;
      world.asked.push(`${name} ${request.method} ${request.path}${body}`);
      if (host.request === undefined) throw unreachable();
      const answer = await host.request(request);
      if (answer instanceof FakeAnswer) return { status: answer.status, body: JSON.stringify(answer.body) };
      return { status: 200, body: JSON.stringify(answer) };
    },
    async run(argv, options = {}) {
      if (host.run === undefined) throw unreachable();
      return host.run(argv, options);
    },
    close: () => void world.open.delete(name),
  };
}

/** Runs the command line in `world`. */
export async function holdfast(world: FakeWorld, ...argv: string[]) {
  const code = await runProgram(argv, "0.0.0-test", world.ports);
  return { code, out: world.stdout.join(""), err: world.stderr.join("") };
}
