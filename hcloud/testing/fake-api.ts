/** Answers for the client's tests, one after the other, in virtual time: it passes where everybody waits. */
import { setImmediate as turn } from "node:timers/promises";
import { HcloudClient } from "../client.ts";
import type { HcloudClock } from "../request.ts";

export const token = "k".repeat(64);

/** What is said to one request; `hang`: nothing; an error: what fetch throws. */
export type Said =
  | {
      readonly status?: number;
      readonly json?: unknown;
      readonly text?: string;
      readonly headers?: Record<string, string>;
    }
  | "hang"
  | Error;

export interface Asked {
  readonly method: string | undefined;
  readonly url: string;
  readonly headers: unknown;
  readonly body: unknown;
}

export class FakeApi {
  readonly asked: Asked[] = [];
  /** How long somebody waited in vain, or between two requests. */
  readonly slept: number[] = [];
  nowMs = 0;
  readonly #answers: Said[];

  constructor(answers: readonly Said[]) {
    this.#answers = [...answers];
  }

  client({ random = 0 }: { readonly random?: number } = {}): HcloudClient {
    const clock: HcloudClock = {
      monotonicMs: () => this.nowMs,
      sleep: async (ms, signal) => await this.#sleep(ms, signal),
      random: () => random,
    };
    return new HcloudClient({ token, clock, fetch: async (url, init) => await this.#answer(String(url), init ?? {}) });
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    // An answer that is on its way comes first.
    for (let turns = 0; turns < 3; turns++) await turn();
    if (signal.aborted) return;
    this.slept.push(ms);
    this.nowMs += ms;
  }

  async #answer(url: string, { method, headers, body, signal }: RequestInit): Promise<Response> {
    this.asked.push({ method, url, headers, body });
    const said = this.#answers.shift();
    if (said === undefined) throw new Error(`nobody thought of this request: ${url}`);
    if (said instanceof Error) throw said;
    if (said === "hang")
      return await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    const text = said.text ?? JSON.stringify(said.json);
    return new Response(text, { status: said.status ?? 200, headers: said.headers ?? {} });
  }
}
