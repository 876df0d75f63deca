/** What we ask neard's RPC (facts: nearcore's /status, /metrics, JSON-RPC). Every answer is checked. */
import { Agent, request } from "node:http";
import * as z from "zod";

const statusSchema = z.object({
  version: z.object({ version: z.string(), build: z.string().optional() }),
  chain_id: z.string(),
  protocol_version: z.number().int(),
  latest_protocol_version: z.number().int(),
  sync_info: z.object({
    latest_block_height: z.number().int(),
    latest_block_time: z.string(),
    syncing: z.boolean(),
  }),
  validator_account_id: z.string().nullable(),
  validator_public_key: z.string().nullable(),
  /** By the wall clock, so a step of that shows in it. */
  uptime_sec: z.number().int().optional(),
});
export type NeardStatus = z.infer<typeof statusSchema>;

const windowsSchema = z.array(
  z.union([
    z.object({ start: z.number().int(), end: z.number().int() }),
    z.tuple([z.number().int(), z.number().int()]).transform(([start, end]) => ({ start, end })),
  ]),
);
/** Heights without block or chunk duty; `end` is exclusive. */
export type MaintenanceWindow = { readonly start: number; readonly end: number };

const count = z.number().int().nonnegative();
export const validatorsSchema = z.object({
  current_validators: z.array(
    z.object({
      account_id: z.string(),
      public_key: z.string(),
      num_produced_blocks: count,
      num_expected_blocks: count,
      num_produced_chunks: count,
      num_expected_chunks: count,
      // Absent in answers from before there was that duty.
      num_produced_endorsements: count.default(0),
      num_expected_endorsements: count.default(0),
    }),
  ),
  next_validators: z.array(z.object({ account_id: z.string(), public_key: z.string() })),
  epoch_height: z.number().int(),
  epoch_start_height: z.number().int(),
});
/** The validators of the present NEAR epoch with what they did in it, up to the head, and the next one's. */
export type NeardValidators = z.infer<typeof validatorsSchema>;

const protocolConfigSchema = z.object({ epoch_length: z.number().int().positive() });

const rpcError = z.object({ error: z.object({ message: z.string().optional(), data: z.unknown().optional() }) });

/** Enough for any answer we ask for; a longer one is not neard's. */
const maxAnswerBytes = 4 * 1024 * 1024;

export class NeardRpc {
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 });

  constructor(url: string) {
    this.#url = new URL(url);
  }

  async status(timeoutMs: number): Promise<NeardStatus> {
    const { code, text } = await this.#send("GET", "/status", undefined, timeoutMs);
    if (code !== 200) throw new Error(`neard answers /status with ${code}`);
    return statusSchema.parse(JSON.parse(text));
  }

  /** `near_config_correct`; null when neard does not say. */
  async configCorrect(timeoutMs: number): Promise<boolean | null> {
    const { text } = await this.#send("GET", "/metrics", undefined, timeoutMs);
    const match = /^near_config_correct(?:\{[^}]*\})? (\d+)/m.exec(text);
    return match === null ? null : match[1] === "1";
  }

  /** From the head to the end of this NEAR epoch. Before nearcore 2.10 the call had another name. */
  async maintenanceWindows(account: string, timeoutMs: number): Promise<MaintenanceWindow[]> {
    for (const method of ["maintenance_windows", "EXPERIMENTAL_maintenance_windows"]) {
      const answer = await this.#call(method, { account_id: account }, timeoutMs);
      if (answer !== undefined) return windowsSchema.parse(answer);
    }
    throw new Error("neard knows no maintenance_windows");
  }

  async validators(timeoutMs: number): Promise<NeardValidators> {
    return validatorsSchema.parse(await this.#call("validators", [null], timeoutMs));
  }

  /** Blocks in a NEAR epoch, at least. */
  async epochLength(timeoutMs: number): Promise<number> {
    const answer = await this.#call("EXPERIMENTAL_protocol_config", { finality: "final" }, timeoutMs);
    return protocolConfigSchema.parse(answer).epoch_length;
  }

  /** The result of a JSON-RPC call; undefined when neard does not know the method. */
  async #call(method: string, params: object, timeoutMs: number): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: "holdfast", method, params });
    const answer: unknown = JSON.parse((await this.#send("POST", "/", body, timeoutMs)).text);
    const error = rpcError.safeParse(answer);
    if (!error.success) return z.object({ result: z.unknown() }).parse(answer).result;
    const text = JSON.stringify(error.data.error);
    if (/method.?not.?found/i.test(text)) return undefined;
    throw new Error(`neard answers ${method} with ${text}`);
  }

  async #send(
    method: string,
    path: string,
    body: string | undefined,
    timeoutMs: number,
  ): Promise<{ code: number; text: string }> {
    return await new Promise((resolve, reject) => {
      const headers =
        body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request(new URL(path, this.#url), { method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxAnswerBytes) sent.destroy(new Error(`neard's answer to ${path} is too long`));
          else chunks.push(chunk);
        });
        response.on("end", () =>
          resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
        );
        response.on("error", reject);
      });
      const late = () => sent.destroy(new Error(`neard did not answer ${path} within ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      sent.on("error", reject);
      sent.on("close", () => clearTimeout(timer));
      sent.end(body);
    });
  }
}
