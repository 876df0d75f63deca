/** The agent's client of one Consul server: the same calls and the same errors as host/consul/client.ts. */
import type { KvRead, TxnOperation, TxnOutcome } from "../../../host/consul/client.ts";
import { ConsulRefused, ConsulUnknown } from "../../../host/consul/errors.ts";
import type { LeaseConsul } from "../../../host/consul/servers.ts";
import type { AgentProcess } from "../agent-process.ts";
import type { ConsulCluster } from "./cluster.ts";
import type { Request } from "./leader.ts";

const defaultTimeoutMs = 2000;
/** What becomes of a request without the right: the servers look, and change nothing. */
const nothing: Request = { is: "read", after: undefined, waitMs: 0, stale: true };

/** Told of each transaction before it is committed or refused, with the true time of its sending; what it returns, after. */
export type OnTransact = (operations: readonly TxnOperation[], sentMs: number) => (outcome: TxnOutcome) => void;

export class SimulatedClient implements LeaseConsul {
  readonly #process: AgentProcess;
  readonly #host: number;
  readonly #by: number;
  readonly #consul: ConsulCluster;
  readonly #onTransact: OnTransact;

  constructor(options: {
    process: AgentProcess;
    host: number;
    by: number;
    consul: ConsulCluster;
    onTransact: OnTransact;
  }) {
    this.#process = options.process;
    this.#host = options.host;
    this.#by = options.by;
    this.#consul = options.consul;
    this.#onTransact = options.onTransact;
  }

  async readPrefix(
    _prefix: string,
    options: { index?: number; waitMs?: number; timeoutMs: number; stale?: boolean },
  ): Promise<KvRead> {
    const { index, waitMs, timeoutMs, stale } = options;
    const request = { is: "read", after: index, waitMs: waitMs ?? 1000, stale: stale === true } as const;
    return (await this.#ask(request, timeoutMs)) as KvRead;
  }

  async transact(operations: readonly TxnOperation[], timeoutMs = defaultTimeoutMs): Promise<TxnOutcome> {
    const sentMs = this.#process.trueMs;
    return (await this.#write((store, delays) => {
      const told = this.#onTransact(operations, sentMs);
      const outcome = store.transact(operations, delays);
      told(outcome);
      return outcome;
    }, timeoutMs)) as TxnOutcome;
  }

  async put(key: string, value: string, options: { cas?: number; timeoutMs?: number } = {}): Promise<boolean> {
    return (await this.#write((store) => {
      if (options.cas !== undefined && (store.entry(key)?.modifyIndex ?? 0) !== options.cas) return false;
      store.put(key, value);
      return true;
    }, options.timeoutMs)) as boolean;
  }

  async delete(key: string, timeoutMs?: number): Promise<void> {
    await this.#write((store) => store.delete(key), timeoutMs);
  }

  async createSession(options: { ttlMs: number; lockDelayMs: number; timeoutMs?: number }): Promise<string> {
    return (await this.#write((store) => {
      const session = this.#consul.newSession(options.ttlMs, options.lockDelayMs);
      store.addSession(session);
      this.#consul.memory.watchSession(session);
      return session.id;
    }, options.timeoutMs)) as string;
  }

  async renewSession(id: string, timeoutMs?: number): Promise<boolean> {
    return (await this.#ask({ is: "renew-session", id }, timeoutMs)) as boolean;
  }

  async destroySession(id: string, timeoutMs?: number): Promise<void> {
    await this.#write((store, delays) => store.endSession(id, delays), timeoutMs);
  }

  async #write(commit: Extract<Request, { is: "write" }>["commit"], timeoutMs?: number): Promise<unknown> {
    return await this.#ask({ is: "write", commit }, timeoutMs);
  }

  /** The process may stand still before it sends, before it hears the answer, and in between. */
  async #ask(request: Request, timeoutMs = defaultTimeoutMs): Promise<unknown> {
    return await this.#process.edge<unknown>((resolve, reject) => {
      this.#process.after(timeoutMs, () => reject(new ConsulUnknown("no answer in time")));
      const isDenied = this.#consul.isDenied(this.#host);
      this.#consul.send(this.#host, this.#by, isDenied ? nothing : request, (reply) =>
        this.#process.whenAwake(() => {
          if (isDenied) reject(new ConsulRefused(403, "Permission denied"));
          else if ("error" in reply) reject(new ConsulUnknown(reply.error));
          else resolve(reply.ok);
        }),
      );
    });
  }
}
