/**
 * All that holdfast asks of Consul, in one module: the lock's transactions, sessions, keys, and the
 * cluster's health. It asks through the npm package `consul` where a public method of that says what
 * is meant and gives the whole answer, and through Node's https otherwise (exchange.ts); zod on every
 * answer (docs/decisions/0004-npm-consul-behind-one-module.md).
 *
 * Idea: one client for one server, `ConsulServers` for several. A request has a short timeout and is
 * never repeated here: whoever asks knows whether asking again is safe.
 * Awkward case: a write that timed out may still have happened, or may happen later. It is reported
 * as ConsulUnknown, never as refused.
 */
import { type IncomingHttpHeaders, STATUS_CODES } from "node:http";
import { Agent, type RequestOptions } from "node:https";
import Consul from "consul";
import * as z from "zod";
import { fromUrl } from "../../contract/address.ts";
import { ConsulRefused, ConsulUnknown, classify, refusedForRight } from "./errors.ts";
import { exchange } from "./exchange.ts";

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

/** An answer that Node's https has brought. */
interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Null: there was more than `maxBytes`. */
  readonly text: string | null;
}

interface Question {
  readonly query?: Readonly<Record<string, string>>;
  /** Goes as JSON; `text` goes as it is. */
  readonly body?: unknown;
  readonly text?: string;
  readonly timeoutMs: number;
  /** A status that is no error. */
  readonly accept?: number;
  readonly maxBytes?: number;
}

/** An option that every method of the library takes and its types do not know. */
const within = (timeout: number) => ({ timeout });

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
  readonly #token: string;
  readonly #agent: Agent;
  readonly #consul: Consul;

  constructor({ url, ca, cert, key, token }: ConsulConnection) {
    this.url = url;
    this.#token = token;
    this.#agent = new AddressAgent({ keepAlive: true, keepAliveMsecs: 1000, maxSockets: 16, ca, cert, key });
    const { hostname, port } = new URL(url);
    this.#consul = new Consul({
      host: hostname,
      port: Number(port || 443),
      secure: true,
      agent: this.#agent,
      defaults: { token },
    });
  }

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
    // Not the library's kv.get: it gives no headers, and so no index.
    const answer = await this.#send("GET", keyPath(prefix), {
      query: { recurse: "true", ...(stale ? { stale: "1" } : { consistent: "1" }), ...blocking },
      timeoutMs,
      accept: 404,
    });
    const { status, headers } = answer;
    // As if those keys did not exist, and with status 404 if it may see none (seen on 1.20.6 and 1.22.6).
    if (headers["x-consul-results-filtered-by-acls"] === "true")
      throw new ConsulRefused(403, `Permission denied: this host's token may not read all below ${prefix}`);
    const entries = status === 404 ? [] : this.#shaped(rawEntries, bodyOf(answer));
    return {
      index: this.#shaped(indexHeader, headers["x-consul-index"]),
      entries: entries.map((raw) => entryFrom(raw)),
    };
  }

  /** Writes a key; with `cas` only if its ModifyIndex is still that (0: must not exist). False: it was not. */
  async put(key: string, value: string, options: { cas?: number; timeoutMs?: number } = {}): Promise<boolean> {
    const query: Record<string, string> = options.cas === undefined ? {} : { cas: String(options.cas) };
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
  async #set(key: string, value: string, query: Record<string, string>, timeoutMs = 2000): Promise<boolean> {
    const answer = await this.#send("PUT", keyPath(key), { query, text: value, timeoutMs });
    return this.#shaped(z.boolean(), bodyOf(answer));
  }

  /** Deletes a key. Never used on the lock: deleting restarts its LockIndex. */
  async delete(key: string, timeoutMs = 2000): Promise<void> {
    await this.#wait(this.#consul.kv.del({ key, ...within(timeoutMs) }));
  }

  /**
   * All operations or none, in one Raft entry. `committed: false` means that Consul refused it (a
   * check failed), which is certain; a timeout is ConsulUnknown.
   * @throws ConsulRefused 403 when the token may not: Consul has not looked at the keys then, and says nothing of them
   */
  async transact(operations: readonly TxnOperation[], timeoutMs = 2000): Promise<TxnOutcome> {
    try {
      // Its types want operations in another form than Consul and its own code do, and twice.
      const raw = operations.map(rawOperation) as never[];
      const body = await this.#wait(this.#consul.transaction.create(raw, { operations: raw, ...within(timeoutMs) }));
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
    const answer = await this.#send("PUT", "/session/create", { body, timeoutMs: options.timeoutMs ?? 2000 });
    return this.#shaped(z.object({ ID: z.guid() }), bodyOf(answer)).ID;
  }

  /** Writes something that leaves nothing behind. @returns its Raft index: who has that one was alive after this was called. */
  async mark(node: string): Promise<number> {
    const id = await this.createSession({ node, name: "holdfast mark", ttlMs: 10_000, lockDelayMs: 0 });
    try {
      const session = await this.#wait(this.#consul.session.info({ id, ...within(2000) }));
      return this.#shaped(z.object({ CreateIndex: index }), session).CreateIndex;
    } finally {
      await this.destroySession(id);
    }
  }

  /** Renews the session's TTL. False when there is no such session any more. */
  async renewSession(id: string, timeoutMs = 2000): Promise<boolean> {
    try {
      await this.#wait(this.#consul.session.renew({ id, ...within(timeoutMs) }));
      return true;
    } catch (error) {
      if (error instanceof ConsulRefused && error.status === 404) return false;
      throw error;
    }
  }

  async destroySession(id: string, timeoutMs = 2000): Promise<void> {
    await this.#wait(this.#consul.session.destroy({ id, ...within(timeoutMs) }));
  }

  /** How many sessions there are: none in a cluster that is being taken down, and whose agents are gone. */
  async countSessions(timeoutMs = 2000): Promise<number> {
    const sessions = await this.#wait(this.#consul.session.list(within(timeoutMs) as object));
    return this.#shaped(z.array(z.unknown()), sessions).length;
  }

  /** `address:port` of the Raft leader; null when there is none. */
  async leader(timeoutMs = 2000): Promise<string | null> {
    // Not the library's status.leader: it loses the answer `""`.
    const answer = await this.#send("GET", "/status/leader", { timeoutMs });
    return this.#shaped(z.string(), bodyOf(answer)) || null;
  }

  /** Has this server greet the one at `address`, `host` or `host:port` of its gossip, as it does when it starts. */
  async join(address: string, timeoutMs = 3000): Promise<void> {
    await this.#send("PUT", `/agent/join/${encodeURIComponent(address)}`, { timeoutMs });
  }

  /**
   * The leader's view of all servers (autopilot). When one is unhealthy Consul answers 429, with the same JSON, but calls
   * it text. Awkward case: a server that was killed looks healthy here for 7 to 9 s; whoever disturbs one asks the
   * others themselves (voters.ts).
   */
  async health(timeoutMs = 2000): Promise<AutopilotHealth> {
    const { text } = await this.#send("GET", "/operator/autopilot/health", { timeoutMs, accept: 429 });
    return this.#shaped(autopilotHealth, fromJson(text));
  }

  /** Has Raft's leader hand over to the server with this id. It needs `operator = "write"`. @throws ConsulUnknown when it could not */
  async transferLeadership(id: string, timeoutMs = 5000): Promise<void> {
    await this.#send("POST", "/operator/raft/transfer-leader", { query: { id }, timeoutMs });
  }

  /** What this very server knows, nobody else being asked: a stale read, of which only the headers count. */
  async ownWord(timeoutMs = 1500): Promise<ServerWord> {
    return await this.#word({ stale: "1" }, timeoutMs);
  }

  /** The same as the leader knows it, confirmed by the quorum. */
  async leadersWord(timeoutMs = 2000): Promise<ServerWord> {
    return await this.#word({ consistent: "1" }, timeoutMs);
  }

  async #word(mode: Record<string, string>, timeoutMs: number): Promise<ServerWord> {
    const query = { keys: "true", ...mode };
    const { headers } = await this.#send("GET", keyPath(everyKey), { query, timeoutMs, accept: 404 });
    const word = this.#shaped(wordHeaders, headers);
    return {
      index: word["x-consul-index"],
      knowsLeader: word["x-consul-knownleader"],
      lastContactMs: word["x-consul-lastcontact"],
    };
  }

  /**
   * Names of all keys below `prefix`, as this server knows them; null when the answer would be above `maxBytes`. It is not
   * read any further then: whoever asks chooses what fits into memory.
   */
  async keyNames(prefix: string, maxBytes: number, timeoutMs = 3000): Promise<string[] | null> {
    const query = { keys: "true", stale: "1" };
    const answer = await this.#send("GET", keyPath(prefix), { query, timeoutMs, accept: 404, maxBytes });
    if (answer.status === 404) return [];
    return answer.text === null ? null : this.#shaped(z.array(z.string()), bodyOf(answer));
  }

  /** Any other endpoint, for the converger's set-up calls; `path` without `/v1`. */
  async request(method: "get" | "put" | "delete", path: string, body?: unknown, timeoutMs = 5000): Promise<unknown> {
    return bodyOf(await this.#send(method.toUpperCase(), path, { body, timeoutMs }));
  }

  /** Asks without the library, for what its methods cannot say or do not give back. */
  async #send(method: string, path: string, question: Question): Promise<Answer> {
    const { query = {}, body, text = body === undefined ? undefined : JSON.stringify(body) } = question;
    const parameters = new URLSearchParams(query).toString();
    const { status, headers, content } = await exchange(
      `${this.url}/v1${path}${parameters === "" ? "" : `?${parameters}`}`,
      {
        method,
        agent: this.#agent,
        headers: {
          "x-consul-token": this.#token,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
      },
      { content: text, withinMs: question.timeoutMs, maxBytes: question.maxBytes },
    );
    const answer = { status, headers, text: content?.toString("utf8") ?? null };
    if (Math.floor(status / 100) !== 2 && status !== question.accept)
      throw classify(
        { response: { statusCode: status, body: bodyOf(answer) }, message: STATUS_CODES[status] },
        this.url,
      );
    return answer;
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

/** A key is one part of the path, slashes and all. */
const keyPath = (key: string): string => `/kv/${encodeURIComponent(key)}`;

/** JSON that calls itself so, else the text. */
function bodyOf({ headers, text }: Answer): unknown {
  return headers["content-type"]?.startsWith("application/json") ? fromJson(text) : text;
}

/** Undefined, which fits no schema, when it is none. */
function fromJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "");
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
