/** What every command shares: the stack it works on, its links, colours, and the way to set the exit code. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { HoldfastError } from "../contract/errors.ts";
import type { StackOutputs } from "../contract/wire/stack-outputs.ts";
import type { ExitCode } from "./exit-codes.ts";
import { createHostLinks, type HostLinks } from "./hosts/host-links.ts";
import type { Ports, StackHost } from "./ports.ts";
import { createPaint, type Paint } from "./terminal/paint.ts";
import { withProgress } from "./terminal/progress.ts";

/** A cluster that a command works on. */
export interface ClusterSession {
  readonly cluster: StackOutputs;
  readonly links: HostLinks;
}

/** The exit code of an interactive ssh is the remote command's, so any number may come. */
export type CommandResult = Promise<ExitCode | number>;

export class CommandContext {
  readonly ports: Ports;
  /** Set by the command that ran. */
  exitCode: number | undefined;

  constructor(ports: Ports) {
    this.ports = ports;
  }

  /** Reads the stack of `--stack`, gives the hosts' links to `work`, and closes them whatever happens. */
  async withCluster<T>(command: Command, work: (session: ClusterSession) => Promise<T>): Promise<T> {
    const { terminal, clock } = this.ports;
    const stack = globalOptions(command).stack;
    const cluster = await withProgress(terminal, clock, "reading the stack", this.ports.readStack(stack));
    const links = createHostLinks(this.ports, cluster);
    try {
      return await work({ cluster, links });
    } finally {
      links.closeAll();
    }
  }

  paint(command: Command): Paint {
    return createPaint(this.ports.terminal.color && globalOptions(command).color);
  }

  print(text: string): void {
    this.ports.terminal.out(`${text}\n`);
  }

  printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  /** What ends a command's definition: runs it and keeps its exit code. */
  async finish(result: CommandResult): Promise<void> {
    this.exitCode = await result;
  }
}

export interface GlobalOptions {
  readonly stack: string | undefined;
  readonly color: boolean;
}

function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}

/** The option that most commands have. */
export const jsonOption = () => new Option("--json", "print JSON instead of text");

/** @throws HoldfastError HF_USAGE with the names that there are */
export function findHost(cluster: StackOutputs, name: string): StackHost {
  const host = cluster.hosts.find((candidate) => candidate.name === name);
  if (host !== undefined) return host;
  throw new HoldfastError("HF_USAGE", `The stack has no host ${name}.`, {
    next: `Name one of these: ${cluster.hosts.map((candidate) => candidate.name).join(", ")}.`,
  });
}

/** A host that is off answers nothing at all: the next one is asked as well then, for people wait. */
const patienceMs = 1000;

/**
 * Runs `attempt` on one host after the other until one answers; throws what each of them said when none does.
 * @param attempt may be under way on several hosts at once, so doing it twice must be as good as once
 */
export async function firstThatAnswers<T>(
  hosts: readonly StackHost[],
  attempt: (host: StackHost) => Promise<T>,
): Promise<T> {
  let isOver = false;
  let turn: Promise<unknown> = Promise.resolve();
  const answers = hosts.map((host) => {
    const mine = turn;
    const answer = mine.then(() => (isOver ? Promise.reject(new Error("not asked")) : answerOf(attempt(host))));
    turn = mine.then(() => Promise.race([answer.catch(() => {}), sleep(patienceMs, undefined, { ref: false })]));
    return answer;
  });
  const answer = await Promise.any(answers)
    .catch((none: AggregateError) => Promise.reject(noneAnswers(none.errors)))
    .finally(() => {
      isOver = true;
    });
  if ("refusal" in answer) throw answer.refusal;
  return answer.value;
}

/** Rejects only where there was no answer. */
async function answerOf<T>(asked: Promise<T>): Promise<{ value: T } | { refusal: unknown }> {
  try {
    return { value: await asked };
  } catch (error) {
    if (isNoAnswer(error)) throw error;
    return { refusal: error };
  }
}

function noneAnswers(said: readonly HoldfastError[]): HoldfastError {
  const [first, ...others] = said;
  if (first === undefined) return new HoldfastError("HF_REFUSED", "The stack has no host that could be asked.");
  if (others.length === 0) return first;
  return new HoldfastError(first.code, `No host answers.\n${said.map(({ message }) => `  * ${message}`).join("\n")}`, {
    next: "Check this machine's own network first, then one of them: holdfast ssh HOST.",
  });
}

function isNoAnswer(error: unknown): error is HoldfastError {
  const codes = ["HF_HOST_UNREACHABLE", "HF_HOST_KEY_MISMATCH", "HF_HOST_LOGIN", "HF_AGENT_UNREACHABLE"];
  return error instanceof HoldfastError && codes.includes(error.code);
}
