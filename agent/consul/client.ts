/**
 * All that holdfast asks of Consul, in one module: the lock's transactions, sessions, keys, and the
 * cluster's health. It wraps the npm package `consul`, whose types reject options that its code
 * takes and which has no operator calls; hence the casts here and nowhere else, and zod on every
 * answer.
 *
 * Idea: one client for one server, `ConsulServers` for several. A request has a short timeout and is
 * never repeated here: whoever asks knows whether asking again is safe.
 * Awkward case: a write that timed out may still have happened, or may happen later. It is reported
 * as ConsulUnknown, never as refused.
 */
import { Agent } from "node:https";
import Consul from "consul";
import * as z from "zod";
import { ConsulRefused, classify, refusedForRight } from "./errors.ts";

/** One key as Consul has it. Indexes are Raft indexes, below 2^53 for any cluster that we will see. */
export interface KvEntry {
  readonly key: string;
  readonly value: string;
  readonly modifyIndex: number;
  /** Grows by one with every new acquisition. */
  readonly lockIndex: number;
  readonly session: string | null;
}

/** Result of a read: `index` is for the next blocking query. */
export interface KvRead {
  readonly index: number;
  readonly entries: readonly KvEntry[];
}

/** Operations of a transaction that we use (Consul API: /v1/txn). */
export type TxnOperation =
  | { readonly verb: "check-index"; readonly key: string; readonly index: number }
  | { readonly verb: "check-not-exists"; readonly key: string }
  | { readonly verb: "check-session"; readonly key: string; readonly session: string }
  | { readonly verb: "lock"; readonly key: string; readonly session: string; readonly value: string }
  | { readonly verb: "unlock"; readonly key: string; readonly session: string; readonly value: string };

export type TxnOutcome =
  | { readonly committed: true; readonly entries: readonly KvEntry[] }
  | { readonly committed: false; readonly because: string };

export interface ConsulConnection {
  /** `https://address:8501` */
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly token: string;
}

const index = z.number().int().nonnegative();
const rawEntry = z.object({
  Key: z.string(),
  Value: z.string().nullish(),
  ModifyIndex: index,
  LockIndex: index,
  Session: z.string().optional(),
});

function entryFrom(raw: z.infer<typeof rawEntry>): KvEntry {
  return {
    key: raw.Key,
    value: Buffer.from(raw.Value ?? "", "base64").toString("utf8"),
    modifyIndex: raw.ModifyIndex,
    lockIndex: raw.LockIndex,
    session: raw.Session ?? null,
  };
}

const txnResult = z.object({ Results: z.array(z.object({ KV: rawEntry.optional() })).nullish() });

const autopilotHealth = z.object({
  Healthy: z.boolean(),
  // Null for a moment after Consul has started.
  Servers: z
    .array(
      z.object({
        Name: z.string(),
        Address: z.string(),
        SerfStatus: z.string(),
        Leader: z.boolean(),
        Voter: z.boolean(),
        Healthy: z.boolean(),
        LastIndex: z.number(),
      }),
    )
    .nullish()
    .transform((servers) => servers ?? []),
});
export type AutopilotHealth = z.infer<typeof autopilotHealth>;

/** The untyped surface of the library that we rely on (consul 2.0.1, papi 1.1.2). */
interface Raw {
  _get(request: object, body: unknown): Promise<unknown>;
  _put(request: object, body: unknown): Promise<unknown>;
  _delete(request: object, body: unknown): Promise<unknown>;
  kv: { del(o: object): Promise<unknown> };
  session: { renew(o: object): Promise<unknown>; destroy(o: object): Promise<unknown> };
  transaction: { create(operations: object[], o: object): Promise<unknown> };
  status: { leader(o: object): Promise<unknown> };
}

const answerSchema = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.any()),
  body: z.unknown().optional(),
});
type Answer = z.infer<typeof answerSchema>;

/** One Consul server or client agent, over TLS in both directions. */
export class ConsulClient {
  readonly url: string;
  readonly #raw: Raw;
  readonly #agent: Agent;

  constructor(connection: ConsulConnection) {
    this.url = connection.url;
    this.#agent = new Agent({
      keepAlive: true,
      keepAliveMsecs: 1000,
      maxSockets: 16,
      ca: connection.ca,
      cert: connection.cert,
      key: connection.key,
    });
    this.#raw = new Consul({
      baseUrl: `${connection.url}/v1`,
      agent: this.#agent,
      defaults: { token: connection.token },
    } as never) as unknown as Raw;
    // The library applies `defaults.token` only in its own methods; our direct calls name it.
    this.#token = connection.token;
  }

  readonly #token: string;

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * Reads all keys below `prefix`, by default consistently (the leader asks the quorum). With `index`
   * it blocks until something below the prefix changed, or for `waitMs` (plus up to a sixteenth).
   * @throws ConsulRefused also when Consul left out what the token may not see
   */
  async readPrefix(
    prefix: string,
    options: { index?: number; waitMs?: number; timeoutMs: number; stale?: boolean },
  ): Promise<KvRead> {
    const { index: after, waitMs, timeoutMs, stale } = options;
    const blocking = after === undefined ? {} : { index: String(Math.max(1, after)), wait: `${waitMs ?? 1000}ms` };
    const { statusCode, headers, body } = await this.#call("_get", "/kv/{key}", {
      params: { key: prefix },
      query: { recurse: "true", ...(stale ? { stale: "1" } : { consistent: "1" }), ...blocking },
      timeoutMs,
      accept: 404,
    });
    // As if those keys did not exist, and with status 404 if it may see none (seen on 1.20.6 and 1.22.6).
    if (headers["x-consul-results-filtered-by-acls"] === "true")
      throw new ConsulRefused(403, `Permission denied: this host's token may not read all below ${prefix}`);
    const entries = statusCode === 404 ? [] : z.array(rawEntry).parse(body);
    return {
      index: z.coerce.number().int().parse(headers["x-consul-index"]),
      entries: entries.map((raw) => entryFrom(raw)),
    };
  }

  /** Writes a key; with `cas` only if its ModifyIndex is still that (0: must not exist). False: it was not. */
  async put(key: string, value: string, options: { cas?: number; timeoutMs?: number } = {}): Promise<boolean> {
    const query = options.cas === undefined ? {} : { cas: String(options.cas) };
    return await this.#set(key, value, query, options.timeoutMs);
  }

  /** Locks a key with a session; true also when the session has it already. A Raft write. */
  async acquire(key: string, session: string, value: string, timeoutMs?: number): Promise<boolean> {
    return await this.#set(key, value, { acquire: session }, timeoutMs);
  }

  /** Unlocks a key that the session has; false when it has not. */
  async release(key: string, session: string, value: string, timeoutMs?: number): Promise<boolean> {
    return await this.#set(key, value, { release: session }, timeoutMs);
  }

  // Not the library's kv.set: it loses the answer `false`.
  async #set(key: string, value: string, query: object, timeoutMs = 2000): Promise<boolean> {
    const answer = await this.#call("_put", "/kv/{key}", {
      params: { key },
      query,
      text: value,
      timeoutMs,
    });
    return z.boolean().parse(answer.body);
  }

  /** Deletes a key. Never used on the lock: deleting restarts its LockIndex. */
  async delete(key: string, timeoutMs = 2000): Promise<void> {
    await this.#wait(this.#raw.kv.del({ key, timeout: timeoutMs }));
  }

  /**
   * All operations or none, in one Raft entry. `committed: false` means that Consul refused it (a
   * check failed), which is certain; a timeout is ConsulUnknown.
   * @throws ConsulRefused 403 when the token may not: Consul has not looked at the keys then, and says nothing of them
   */
  async transact(operations: readonly TxnOperation[], timeoutMs = 2000): Promise<TxnOutcome> {
    try {
      const body = await this.#wait(this.#raw.transaction.create(operations.map(rawOperation), { timeout: timeoutMs }));
      const results = txnResult.parse(body).Results ?? [];
      return { committed: true, entries: results.flatMap((r) => (r.KV === undefined ? [] : [entryFrom(r.KV)])) };
    } catch (error) {
      if (!(error instanceof ConsulRefused) || error.status !== 409) throw error;
      // Consul answers a missing right as it answers a check that failed.
      if (refusedForRight(error.message)) throw new ConsulRefused(403, error.message);
      return { committed: false, because: error.message };
    }
  }

  /** A session of `node` with no health checks: it ends by TTL, by destroy, or with its node, never by gossip. */
  async createSession(options: {
    node: string;
    name: string;
    ttlMs: number;
    lockDelayMs: number;
    timeoutMs?: number;
  }): Promise<string> {
    // The library's session.create drops NodeChecks, and Consul's default for it is serfHealth.
    const body = {
      Node: options.node,
      Name: options.name,
      NodeChecks: [],
      Behavior: "release",
      TTL: `${options.ttlMs}ms`,
      LockDelay: `${options.lockDelayMs}ms`,
    };
    const answer = await this.#call("_put", "/session/create", { body, timeoutMs: options.timeoutMs ?? 2000 });
    return z.object({ ID: z.guid() }).parse(answer.body).ID;
  }

  /** Renews the session's TTL. False when there is no such session any more. */
  async renewSession(id: string, timeoutMs = 2000): Promise<boolean> {
    try {
      await this.#wait(this.#raw.session.renew({ id, timeout: timeoutMs }));
      return true;
    } catch (error) {
      if (error instanceof ConsulRefused && error.status === 404) return false;
      throw error;
    }
  }

  async destroySession(id: string, timeoutMs = 2000): Promise<void> {
    await this.#wait(this.#raw.session.destroy({ id, timeout: timeoutMs }));
  }

  /** `address:port` of the Raft leader; null when there is none. */
  async leader(timeoutMs = 2000): Promise<string | null> {
    const leader = z.string().parse(await this.#wait(this.#raw.status.leader({ timeout: timeoutMs })));
    return leader === "" ? null : leader;
  }

  /** Autopilot's view of all servers. Consul answers 429 with the same body when one is unhealthy. */
  async health(timeoutMs = 2000): Promise<AutopilotHealth> {
    const answer = await this.#call("_get", "/operator/autopilot/health", { timeoutMs, accept: 429 });
    return autopilotHealth.parse(answer.body);
  }

  /** Any other endpoint, for the converger's set-up calls; `path` without `/v1`. */
  async request(method: "get" | "put" | "delete", path: string, body?: unknown, timeoutMs = 5000): Promise<unknown> {
    return (await this.#call(`_${method}`, path, { body, timeoutMs })).body;
  }

  /** Calls through the library's own middleware, for what its methods cannot say; `accept`: a status that is no error. */
  async #call(
    verb: "_get" | "_put" | "_delete",
    path: string,
    options: { params?: object; query?: object; body?: unknown; text?: string; timeoutMs: number; accept?: number },
  ): Promise<Answer> {
    const request = {
      path,
      params: options.params ?? {},
      query: options.query ?? {},
      headers: { "x-consul-token": this.#token },
      timeout: options.timeoutMs,
      ...(options.body === undefined ? {} : { type: "json", body: options.body }),
      ...(options.text === undefined ? {} : { type: "text", body: options.text }),
    };
    // papi calls this with the finished request; `next(false, error, value)` settles the call.
    const settle = (
      done: { err?: { statusCode?: number }; res?: Answer },
      next: (go: false, error?: unknown, value?: unknown) => void,
    ) =>
      done.err !== undefined && (options.accept === undefined || done.err.statusCode !== options.accept)
        ? next(false, done.err)
        : next(false, undefined, done.res);
    return answerSchema.parse(await this.#wait(this.#raw[verb](request, settle)));
  }

  async #wait<T>(pending: Promise<T>): Promise<T> {
    try {
      return await pending;
    } catch (error) {
      throw classify(error, this.url);
    }
  }
}

function rawOperation(operation: TxnOperation): object {
  switch (operation.verb) {
    case "check-index":
      return { KV: { Verb: "check-index", Key: operation.key, Index: operation.index } };
    case "check-not-exists":
      return { KV: { Verb: "check-not-exists", Key: operation.key } };
    case "check-session":
      return { KV: { Verb: "check-session", Key: operation.key, Session: operation.session } };
    case "lock":
    case "unlock":
      return {
        KV: {
          Verb: operation.verb,
          Key: operation.key,
          Session: operation.session,
          Value: Buffer.from(operation.value).toString("base64"),
        },
      };
  }
}
