/**
 * What the commands need from the world: the terminal, the clock, the stack's outputs and the hosts.
 * `main.ts` gives them the real ones, the tests fakes from `testing/`.
 */
import type { StackOutputs } from "../contract/stack-outputs.ts";

/** One host as the stack's outputs have it: how to reach it, and what for. */
export type StackHost = StackOutputs["hosts"][number];

export interface AgentRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Bound on connecting and answering together. */
  readonly timeoutMs: number;
}

export interface AgentResponse {
  readonly status: number;
  readonly body: string;
}

export interface RunOptions {
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string) => void;
  /** Ends the command on the host. */
  readonly signal?: AbortSignal;
}

export interface RunResult {
  /** null when the connection broke or a signal ended it. */
  readonly code: number | null;
  /** Empty where `onStdout` was given; stderr likewise. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A host over SSH. Connects when first used and again when the connection was lost. */
export interface HostLink {
  readonly host: string;
  /**
   * One HTTP request to the agent's Unix socket.
   * @throws HoldfastError HF_HOST_UNREACHABLE, HF_HOST_KEY_MISMATCH, HF_HOST_LOGIN, HF_AGENT_UNREACHABLE
   */
  request(request: AgentRequest): Promise<AgentResponse>;
  /**
   * Runs a program as root.
   * @throws HoldfastError HF_HOST_UNREACHABLE, HF_HOST_KEY_MISMATCH, HF_HOST_LOGIN
   */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  close(): void;
}

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** A person can be asked. */
  readonly interactive: boolean;
  /** Width of the output; undefined on a pipe. */
  readonly columns: number | undefined;
  /** Whether the environment allows colours on the output. */
  readonly color: boolean;
  /** All of the standard input. */
  readInput(): Promise<string>;
  /** Asks for yes or no; no is the default. */
  confirm(question: string): Promise<boolean>;
}

export interface Clock {
  /** For durations and deadlines. */
  monotonicMs(): number;
  /** For ages of moments that a host wrote with its own wall clock; for people only. */
  wallMs(): number;
  /** Returns early when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The checkout of the operator's repository, other versions included. Read only. */
export interface Checkout {
  /** The full id. @throws HoldfastError HF_USAGE */
  commitOf(ref: string): Promise<string>;
  /** A file's text at a commit, or (null) on disk; null where it is not there. */
  read(commit: string | null, path: string): Promise<string | null>;
  /** Files below `paths` that are not the same at `base` and at `head` (null: on disk). @throws HoldfastError HF_USAGE */
  differing(base: string, head: string | null, paths: readonly string[]): Promise<string[]>;
}

export interface Ports {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Aborts on Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** @throws HoldfastError HF_STACK_UNAVAILABLE, HF_PASSPHRASE, HF_TOOLCHAIN */
  readStack(name: string | undefined): Promise<StackOutputs>;
  /**
   * Runs Pulumi on this terminal, in the checkout, with the environment of the stack. Ctrl-C is for Pulumi.
   * @param arguments_ without the stack
   * @returns its exit code
   * @throws HoldfastError HF_TOOLCHAIN
   */
  pulumi(stack: string | undefined, arguments_: readonly string[]): Promise<number>;
  readonly checkout: Checkout;
  /** The stack that was selected last; undefined: none. */
  selectedStack(): string | undefined;
  link(cluster: StackOutputs, host: StackHost): HostLink;
  /** The system's ssh with this terminal; an empty command is a login shell. Returns ssh's exit code. */
  openShell(cluster: StackOutputs, host: StackHost, command: readonly string[]): Promise<number>;
}
