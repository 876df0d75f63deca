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
import { Agent, type RequestOptions, request } from "node:https";
import Consul from "consul";
import * as z from "zod";
import { fromUrl } from "../../contract/address.ts";
import { ConsulRefused, ConsulUnknown, classify, refusedForRight } from "./errors.ts";

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

const rawEntries = z.array(rawEntry);
const indexHeader = z.coerce.number().int();

const txnResult = z.object({ Results: z.array(z.object({ KV: rawEntry.optional() })).nullish() });

const autopilotHealth = z.object({
  Healthy: z.boolean(),
  // Null for a moment after Consul has started.
  Servers: z
    .array(
      z.object({
        /** Raft's name for it. */
        ID: z.string(),
        Name: z.string(),
        Version: z.string(),
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

/** What one server says of itself; see `ownWord` of ConsulClient. */
export interface ServerWord {
  /** Up to here it has applied the changes of our keys. */
  readonly index: number;
  readonly knowsLeader: boolean;
  /** Since when it has heard nothing from the leader; 0 on the leader itself. */
  readonly lastContactMs: number;
}

/** Above all keys of ours. What a token may not read is left out of the answer, and its index holds all the same. */
const everyKey = "holdfast/";

const wordHeaders = z.object({
  "x-consul-index": z.coerce.number().int(),
  "x-consul-knownleader": z.enum(["true", "false"]).transform((known) => known === "true"),
  "x-consul-lastcontact": z.coerce.number(),
});

/** The untyped surface of the library that we rely on (consul 2.0.1, papi 1.1.2). */
interface Raw {
  _get(request: object, body: unknown): Promise<unknown>;
  _put(request: object, body: unknown): Promise<unknown>;
  _post(request: object, body: unknown): Promise<unknown>;
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

/** The library hands over `[::1]` with the URL's brackets: no resolver and no certificate knows that name. */
class AddressAgent extends Agent {
  override createConnection(...[options, done]: Parameters<Agent["createConnection"]>) {
    const { host } = options as RequestOptions;
    return super.createConnection({ ...options, host: fromUrl(host ?? "") } as RequestOptions, done);
  }
}

/** One Consul server or client agent, over TLS in both directions. */
export class ConsulClient {
  readonly url: string;
  readonly #raw: Raw;
  readonly #agent: Agent;

  constructor(connection: ConsulConnection) {
    this.url = connection.url;
    this.#agent = new AddressAgent({
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
    const entries = statusCode === 404 ? [] : this.#shaped(rawEntries, body);
    return {
      index: this.#shaped(indexHeader, headers["x-consul-index"]),
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
    return this.#shaped(z.boolean(), answer.body);
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
      const results = this.#shaped(txnResult, body).Results ?? [];
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
    return this.#shaped(z.object({ ID: z.guid() }), answer.body).ID;
  }

  /** Writes something that leaves nothing behind. @returns its Raft index: who has that one was alive after this was called. */
  async mark(node: string): Promise<number> {
    const id = await this.createSession({ node, name: "holdfast mark", ttlMs: 10_000, lockDelayMs: 0 });
    try {
      const { body } = await this.#call("_get", "/session/info/{id}", { params: { id }, timeoutMs: 2000 });
      const [session] = this.#shaped(z.tuple([z.object({ CreateIndex: index })]), body);
      return session.CreateIndex;
    } finally {
      await this.destroySession(id);
    }
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

  /** How many sessions there are: none in a cluster that is being taken down, and whose agents are gone. */
  async countSessions(timeoutMs = 2000): Promise<number> {
    const { body } = await this.#call("_get", "/session/list", { timeoutMs });
    return this.#shaped(z.array(z.unknown()), body).length;
  }

  /** `address:port` of the Raft leader; null when there is none. */
  async leader(timeoutMs = 2000): Promise<string | null> {
    const leader = this.#shaped(z.string(), await this.#wait(this.#raw.status.leader({ timeout: timeoutMs })));
    return leader === "" ? null : leader;
  }

  /**
   * The leader's view of all servers (autopilot). When one is unhealthy Consul answers 429, with the same JSON, but calls
   * it text. Awkward case: a server that was killed looks healthy here for 7 to 9 s; whoever disturbs one asks the
   * others themselves (voters.ts).
   */
  async health(timeoutMs = 2000): Promise<AutopilotHealth> {
    const { body } = await this.#call("_get", "/operator/autopilot/health", { timeoutMs, accept: 429 });
    return this.#shaped(autopilotHealth, Buffer.isBuffer(body) || typeof body === "string" ? fromJson(body) : body);
  }

  /** Has Raft's leader hand over to the server with this id. It needs `operator = "write"`. @throws ConsulUnknown when it could not */
  async transferLeadership(id: string, timeoutMs = 5000): Promise<void> {
    await this.#call("_post", "/operator/raft/transfer-leader", { query: { id }, timeoutMs });
  }

  /** What this very server knows, nobody else being asked: a stale read, of which only the headers count. */
  async ownWord(timeoutMs = 1500): Promise<ServerWord> {
    return await this.#word({ stale: "1" }, timeoutMs);
  }

  /** The same as the leader knows it, confirmed by the quorum. */
  async leadersWord(timeoutMs = 2000): Promise<ServerWord> {
    return await this.#word({ consistent: "1" }, timeoutMs);
  }

  async #word(mode: object, timeoutMs: number): Promise<ServerWord> {
    const { headers } = await this.#call("_get", "/kv/{key}", {
      params: { key: everyKey },
      query: { keys: "true", ...mode },
      timeoutMs,
      accept: 404,
    });
    const word = this.#shaped(wordHeaders, headers);
    return {
      index: word["x-consul-index"],
      knowsLeader: word["x-consul-knownleader"],
      lastContactMs: word["x-consul-lastcontact"],
    };
  }

  /**
   * Names of all keys below `prefix`, as this server knows them; null when the answer would be above `maxBytes`. It is not
   * read any further then: whoever asks chooses what fits into memory. Not through the library, which reads to the end.
   */
  async keyNames(prefix: string, maxBytes: number, timeoutMs = 3000): Promise<string[] | null> {
    const path = prefix.split("/").map(encodeURIComponent).join("/");
    const options = {
      agent: this.#agent,
      headers: { "x-consul-token": this.#token },
      signal: AbortSignal.timeout(timeoutMs),
    };
    const unknown = (error: Error) => new ConsulUnknown(`${this.url}: ${error.message}`);
    return await new Promise((resolve, reject) => {
      const sent = request(`${this.url}/v1/kv/${path}?keys&stale`, options, (response) => {
        textUpTo(response, maxBytes)
          .then((text) => {
            const { statusCode = 0 } = response;
            if (text === null) sent.destroy();
            if (statusCode === 404) resolve([]);
            else if (statusCode === 200) resolve(text === null ? null : z.array(z.string()).parse(JSON.parse(text)));
            else reject(classify({ response: { statusCode, body: text ?? "" } }, this.url));
          })
          .catch((error: Error) => reject(unknown(error)));
      });
      sent.on("error", (error) => reject(unknown(error)));
      sent.end();
    });
  }

  /** Any other endpoint, for the converger's set-up calls; `path` without `/v1`. */
  async request(method: "get" | "put" | "delete", path: string, body?: unknown, timeoutMs = 5000): Promise<unknown> {
    return (await this.#call(`_${method}`, path, { body, timeoutMs })).body;
  }

  /** Calls through the library's own middleware, for what its methods cannot say; `accept`: a status that is no error. */
  async #call(
    verb: "_get" | "_put" | "_post" | "_delete",
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
    return this.#shaped(answerSchema, await this.#wait(this.#raw[verb](request, settle)));
  }

  /** An answer that is not as Consul's API says is no yes and no no. @throws ConsulUnknown */
  #shaped<T>(schema: z.ZodType<T>, answer: unknown): T {
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const { path = [], message = "" } = parsed.error.issues[0] ?? {};
    const where = path.length === 0 ? "" : `${path.join(".")}: `;
    throw new ConsulUnknown(`${this.url}: its answer has another form than Consul's API says (${where}${message})`, {
      cause: parsed.error,
    });
  }

  async #wait<T>(pending: Promise<T>): Promise<T> {
    try {
      return await pending;
    } catch (error) {
      throw classify(error, this.url);
    }
  }
}

/** Null: there is more. */
async function textUpTo(response: AsyncIterable<Buffer>, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Undefined, which fits no schema, when it is none. */
function fromJson(text: string | Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
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
