/**
 * Asks the agent on this host, over its Unix socket. Used by the converger (whose restarts must not hit
 * the active host) and by `holdfastd status`.
 */
import { request } from "node:http";
import * as z from "zod";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { paths } from "../contract/paths.ts";
import {
  type AgentRoleView,
  type AgentStatus,
  agentRoleViewShape,
  agentStatusShape,
  refusalSchema,
  type SwitchoverProgress,
  type SwitchoverRequest,
  switchoverAcceptedSchema,
  switchoverProgressSchema,
} from "../contract/wire/agent-status.ts";
import { readShape, type Shape } from "../contract/wire/format.ts";
import { type HistoryEntry, historyEntrySchema } from "../contract/wire/history.ts";

export interface AgentSocketOptions {
  /** Default: paths.socket. */
  readonly path?: string;
  /** For one answer. The agent answers from memory, or looks for 1.5 s before it refuses a switchover: this is long. */
  readonly timeoutMs?: number;
}

/** Every method throws HoldfastError HF_AGENT_UNREACHABLE when the agent gives no usable answer. */
export class AgentSocket {
  readonly #path: string;
  readonly #timeoutMs: number;

  constructor(options: AgentSocketOptions = {}) {
    this.#path = options.path ?? paths.socket;
    this.#timeoutMs = options.timeoutMs ?? 3000;
  }

  async status(): Promise<AgentStatus> {
    return this.#read(agentStatusShape, await this.#ask("GET", "/status"));
  }

  /** What every version says alike. */
  async roleView(): Promise<AgentRoleView> {
    return this.#read(agentRoleViewShape, await this.#ask("GET", "/status"));
  }

  /** Newest last. */
  async history(): Promise<HistoryEntry[]> {
    return this.#read(z.array(historyEntrySchema), await this.#ask("GET", "/history"));
  }

  /** Asks for a switchover; @returns its id. @throws HoldfastError HF_REFUSED when the agent refuses. */
  async switchover(wish: Partial<SwitchoverRequest>): Promise<string> {
    const answer = await this.#ask("POST", "/switchover", wish);
    if (answer.status === 409) {
      const { error, next } = this.#read(refusalSchema, answer, 409);
      throw new HoldfastError("HF_REFUSED", error, next ? { next } : {});
    }
    return this.#read(switchoverAcceptedSchema, answer, 202).id;
  }

  async switchoverProgress(id: string): Promise<SwitchoverProgress> {
    return this.#read(switchoverProgressSchema, await this.#ask("GET", `/switchover/${encodeURIComponent(id)}`));
  }

  #read<T>(expected: z.ZodType<T> | Shape<T>, answer: Answer, wanted = 200): T {
    const shape = "schema" in expected ? expected : { name: "the answer", format: 1, schema: expected };
    const value = answer.status === wanted ? readShape(shape, answer.body) : undefined;
    if (value?.is === "read") return value.value;
    throw this.#unreachable(`it answered ${answer.status} ${answer.body.slice(0, 200)}`);
  }

  #unreachable(why: string, cause?: unknown): HoldfastError {
    return new HoldfastError("HF_AGENT_UNREACHABLE", `The agent on this host gives no usable answer: ${why}.`, {
      next: "Look at systemctl status holdfastd and journalctl -u holdfastd on this host.",
      cause,
    });
  }

  async #ask(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const asked = request(
      {
        socketPath: this.#path,
        method,
        path,
        headers: { host: "localhost", "content-type": "application/json" },
        signal: AbortSignal.timeout(this.#timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
        );
        response.on("error", reject);
      },
    );
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    try {
      return await promise;
    } catch (error) {
      const why = (error as Error).name === "AbortError" ? `none within ${this.#timeoutMs} ms` : plainReason(error);
      throw this.#unreachable(why, error);
    }
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}
