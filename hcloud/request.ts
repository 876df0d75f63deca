/**
 * One call of the API: sent, repeated where the API says that this helps, bounded, and its failures in words.
 *
 * Idea: only what the API itself calls passing is repeated: `conflict`, `rate_limit_exceeded`, `bad_gateway`, `timeout`,
 * and HTTP 502 and 504, at most five times, after 1 s doubling to 60 s with jitter, as Hetzner's own clients do. A
 * wait that would pass the deadline is not begun: the caller gets the API's answer while there is time to act on it.
 * Awkward case: no answer says nothing. A request that was sent may be carried out, now or later; such a failure is
 * `unreachable` or `late`, never `refused`.
 */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { plainReason } from "../contract/errors.ts";
import { HcloudError, type HcloudFailure } from "./errors.ts";
import { errorSchema } from "./schemas.ts";
import { tokenFault } from "./token.ts";

export const publicEndpoint = "https://api.hetzner.cloud/v1";

/** What calls need of time and chance; a test has its own. */
export interface HcloudClock {
  /** Milliseconds on a clock that is never stepped. */
  monotonicMs(): number;
  /** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to below 1. */
  random(): number;
}

const systemClock: HcloudClock = {
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => await sleep(ms, undefined, { signal }).catch(() => {}),
  random: () => randomInt(2 ** 32) / 2 ** 32,
};

export interface HcloudOptions {
  /** Secret. */
  readonly token: string;
  /** URL with the version, without a slash at its end; default: the public API. */
  readonly endpoint?: string | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly clock?: HcloudClock | undefined;
}

/** How long a call may take, its repetitions included. */
export interface Bounds {
  /** Default: 60 s. */
  readonly withinMs?: number | undefined;
  /** Ends the call early. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Repeat, once a second until the deadline, what is refused with `locked` (another action runs on the server).
   * Hetzner's clients do not; a fence wants it.
   */
  readonly retryLocked?: boolean | undefined;
}

export interface Call {
  readonly method: "GET" | "POST";
  /** Below the endpoint, with a slash first. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** For messages: `server 42 cannot be powered off`. */
  readonly fails: string;
}

/** Of the project, as the last answer had it; one request is regained per second. */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  /** When all of it is regained, in seconds since 1970. */
  readonly resetAt: number;
}

const defaultWithinMs = 60_000;
const mostRetries = 5;
const baseMs = 1000;
const capMs = 60_000;
/** What somebody else's action takes is not known: often seconds. */
const lockedWaitMs = 1000;
const passing = new Set(["conflict", "rate_limit_exceeded", "bad_gateway", "timeout", "http_502", "http_504"]);

/** The wait before repetition `retry` (from 0): between 1 s and twice as long each time. */
function backoffMs(retry: number, random: number): number {
  const most = Math.min(capMs, baseMs * 2 ** retry);
  return baseMs + (most - baseMs) * random;
}

/** Sends calls with one token to one endpoint. */
export class Sender {
  readonly #token: string;
  readonly #endpoint: string;
  readonly #fetch: typeof globalThis.fetch;
  readonly clock: HcloudClock;
  /** Null: no answer had it yet. */
  rateLimit: RateLimit | null = null;

  /** @throws TypeError for a token or an endpoint that the configuration should have refused */
  constructor({ token, endpoint = publicEndpoint, fetch = globalThis.fetch, clock = systemClock }: HcloudOptions) {
    const fault = tokenFault(token);
    // Also because fetch would show a header that it does not take.
    if (fault !== null) throw new TypeError(`the token for Hetzner Cloud ${fault}`);
    if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? "")) throw new TypeError("the endpoint is no URL");
    this.#token = token;
    this.#endpoint = endpoint.replace(/\/+$/, "");
    this.#fetch = fetch;
    this.clock = clock;
  }

  /** @returns the answer's JSON; null where it has none. @throws HcloudError */
  async send(call: Call, bounds: Bounds = {}): Promise<unknown> {
    const { withinMs = defaultWithinMs, signal, retryLocked = false } = bounds;
    const deadlineMs = this.clock.monotonicMs() + withinMs;
    for (let retry = 0; ; ) {
      try {
        return await this.#once(call, deadlineMs - this.clock.monotonicMs(), signal);
      } catch (error) {
        if (!(error instanceof HcloudError)) throw error;
        const locked = retryLocked && error.apiCode === "locked";
        if (!locked && (!passing.has(error.apiCode) || retry >= mostRetries)) throw error;
        const waitMs = locked ? lockedWaitMs : backoffMs(retry++, this.clock.random());
        if (this.clock.monotonicMs() + waitMs >= deadlineMs) throw error;
        await this.clock.sleep(waitMs, signal ?? never);
        if (signal?.aborted) throw this.failure(call, "it was broken off", noAnswer("aborted"));
      }
    }
  }

  /** An error about `call`, without the token, whoever put it into `why`. */
  failure(call: Pick<Call, "fails">, why: string, failure: HcloudFailure): HcloudError {
    const text = `Hetzner Cloud: ${call.fails}: ${why.replace(/\.$/, "")}`;
    return new HcloudError(text.replaceAll(this.#token, "(token)"), failure);
  }

  async #once(call: Call, leftMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal?.aborted) throw this.failure(call, "it was broken off", noAnswer("aborted"));
    const ended = new AbortController();
    const late = new AbortController();
    const bound = AbortSignal.any([late.signal, ended.signal, ...(signal === undefined ? [] : [signal])]);
    void this.clock.sleep(Math.max(0, leftMs), ended.signal).then(() => ended.signal.aborted || late.abort());
    try {
      const response = await this.#fetch(this.#url(call), { ...this.#init(call), signal: bound });
      const text = await response.text();
      this.#note(response.headers);
      return this.#read(call, response, text);
    } catch (error) {
      if (error instanceof HcloudError) throw error;
      if (signal?.aborted) throw this.failure(call, "it was broken off", noAnswer("aborted"));
      if (late.signal.aborted) throw this.failure(call, "there was no answer in time", noAnswer("late"));
      throw this.failure(call, plainReason(error), noAnswer("unreachable"));
    } finally {
      ended.abort();
    }
  }

  #url({ path, query = {} }: Call): string {
    const parameters = new URLSearchParams(query).toString();
    return `${this.#endpoint}${path}${parameters === "" ? "" : `?${parameters}`}`;
  }

  #init({ method, body }: Call): RequestInit {
    return {
      method,
      // Nobody else is to get the token.
      redirect: "error",
      headers: {
        authorization: `Bearer ${this.#token}`,
        accept: "application/json",
        "user-agent": "holdfast",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
  }

  #read(call: Call, response: Response, text: string): unknown {
    const correlationId = shownId(response.headers.get("x-correlation-id"));
    const { status } = response;
    const json = parsed(text);
    if (response.ok) {
      if (text === "") return null;
      if (json !== undefined) return json;
      throw this.failure(call, "its answer is no JSON", { is: "malformed", apiCode: "", status, correlationId });
    }
    const { data } = errorSchema.safeParse(json);
    const apiCode = data?.error.code || `http_${status}`;
    const said = data === undefined ? `HTTP ${status}` : `${inWords(data.error)} (${apiCode})`;
    throw this.failure(call, said, { is: "refused", apiCode, status, correlationId });
  }

  #note(headers: Headers): void {
    const [limit, remaining, resetAt] = ["limit", "remaining", "reset"].map((name) =>
      Number(headers.get(`ratelimit-${name}`) ?? Number.NaN),
    ) as [number, number, number];
    if (Number.isFinite(limit) && Number.isFinite(remaining)) this.rateLimit = { limit, remaining, resetAt };
  }
}

/** For a wait that nobody ends. */
const never = new AbortController().signal;

const noAnswer = (is: HcloudFailure["is"]): HcloudFailure => ({ is, apiCode: "", status: null, correlationId: null });

/** The API's id is a short word; anything else is no id to show. */
function shownId(id: string | null): string | null {
  return id !== null && /^[\w.:-]{1,64}$/.test(id) ? id : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type ApiError = ReturnType<typeof errorSchema.parse>["error"];

/** One line, also where a proxy or a stranger answers. */
function inWords({ code, message, details }: ApiError): string {
  const fields = (details?.fields ?? []).map(({ name, messages }) => `${name}: ${messages.join(", ")}`);
  const text = [message || code, ...fields].join("; ").replaceAll(/\p{Cc}+/gu, " ");
  return text.length <= 300 ? text : `${text.slice(0, 299)}…`;
}
