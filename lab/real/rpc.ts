/** What the witness asks a neard of the network. Answers are checked; only what is needed is read. */
import * as z from "zod";
import { type Counts, noCounts } from "./counts.ts";

const withinMs = 3000;

const statusSchema = z.object({
  sync_info: z.object({ latest_block_height: z.number().int(), syncing: z.boolean() }),
  validator_public_key: z.string().nullable(),
});
export type Status = z.infer<typeof statusSchema>;

const blockSchema = z.object({
  author: z.string(),
  header: z.object({
    height: z.number().int(),
    prev_height: z.number().int().nullable(),
    hash: z.string(),
    prev_hash: z.string(),
    epoch_id: z.string(),
    timestamp_nanosec: z.string(),
    approvals: z.array(z.string().nullable()),
    signature: z.string(),
  }),
});
export type RpcBlock = z.infer<typeof blockSchema>;

const count = z.number().int().nonnegative();
const validatorsSchema = z.object({
  epoch_height: z.number().int(),
  current_validators: z.array(
    z.object({
      account_id: z.string(),
      num_produced_blocks: count,
      num_expected_blocks: count,
      num_produced_chunks: count,
      num_expected_chunks: count,
      num_produced_endorsements: count.default(0),
      num_expected_endorsements: count.default(0),
    }),
  ),
});

const orderedSchema = z.array(z.object({ account_id: z.string() }));

/** @throws Error when it does not answer in time, or not as neard does */
async function get(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return await response.text();
}

export async function readStatus(url: string): Promise<Status> {
  return statusSchema.parse(JSON.parse(await get(`${url}/status`)));
}

/** The value of a metric without labels, or the sum over its labels; null where there is none. Pure. */
export function metricIn(text: string, name: string): number | null {
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].map(([, value]) =>
    Number(value),
  );
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}

export const readMetrics = async (url: string): Promise<string> => await get(`${url}/metrics`);

/**
 * The result of a JSON-RPC call; null where neard says that there is no such thing.
 * @throws Error when it does not answer in time
 */
export async function call(url: string, method: string, params: unknown, timeoutMs = withinMs): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: "witness", method, params }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return z.object({ result: z.unknown().default(null) }).parse(await response.json()).result ?? null;
}

/** By height or hash; null: there is none at that height, or it is not known. */
export async function readBlock(url: string, id: number | string): Promise<RpcBlock | null> {
  const found = await call(url, "block", { block_id: id });
  return found === null ? null : blockSchema.parse(found);
}

/** The account's counts in the present NEAR epoch, or in the one whose last block is given. Null: not known. */
export async function readCounts(
  url: string,
  account: string,
  lastBlock: string | null = null,
): Promise<{ nearEpoch: number; counts: Counts } | null> {
  const found = await call(url, "validators", [lastBlock]);
  if (found === null) return null;
  const { epoch_height: nearEpoch, current_validators } = validatorsSchema.parse(found);
  const ours = current_validators.find(({ account_id }) => account_id === account);
  if (ours === undefined) return { nearEpoch, counts: noCounts };
  return {
    nearEpoch,
    counts: {
      blocks: ours.num_produced_blocks,
      expectedBlocks: ours.num_expected_blocks,
      chunks: ours.num_produced_chunks,
      expectedChunks: ours.num_expected_chunks,
      endorsements: ours.num_produced_endorsements,
      expectedEndorsements: ours.num_expected_endorsements,
    },
  };
}

/** The account's place among those whose approvals a block lists; null where it has none. */
export async function readApprovalPlace(url: string, account: string, block: string): Promise<number | null> {
  const ordered = orderedSchema.parse(await call(url, "EXPERIMENTAL_validators_ordered", { block_id: block }));
  const place = ordered.findIndex(({ account_id }) => account_id === account);
  return place === -1 ? null : place;
}
