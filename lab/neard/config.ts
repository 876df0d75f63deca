/**
 * config.json as neard reads it: shape first, then the checks across fields that nearcore makes
 * (nearcore/src/config_validate.rs). Pure. Fields that the lab has no use for are let through.
 */
import * as z from "zod";
import { parseJsonWithComments } from "../../contract/json-with-comments.ts";

const account = z.string().min(2).max(64);

export const trackedShardsConfigSchema = z.union([
  z.enum(["NoShards", "AllShards"]),
  z.strictObject({ Shards: z.array(z.unknown()) }),
  z.strictObject({ ShadowValidator: account }),
  z.strictObject({ Accounts: z.array(account) }),
  z.strictObject({ Schedule: z.array(z.array(z.unknown())) }),
]);

/** nearcore writes durations so. */
const duration = z.object({ secs: z.number().int().nonnegative(), nanos: z.number().int().nonnegative() });
const socketAddress = z.string().regex(/^.+:\d{1,5}$/, "is not address:port");
/** What `init` writes and nearcore takes where the section is absent. */
export const defaultRpc = {
  addr: "0.0.0.0:3030",
  cors_allowed_origins: ["*"],
  polling_config: {
    polling_interval: { secs: 0, nanos: 500_000_000 },
    polling_timeout: { secs: 10, nanos: 0 },
  },
};
export const defaultNetwork = {
  addr: "0.0.0.0:24567",
  boot_nodes: "",
  public_addrs: [] as string[],
  ban_window: { secs: 10_800, nanos: 0 },
};
const bootNode = /^ed25519:[1-9A-HJ-NP-Za-km-z]{40,44}@[^@\s]+:\d{1,5}$/;

export const neardConfigSchema = z.looseObject({
  genesis_file: z.string().default("genesis.json"),
  validator_key_file: z.string().default("validator_key.json"),
  node_key_file: z.string().default("node_key.json"),
  /** nearcore has defaults for a section that is absent, and for some fields none in one that is there. */
  rpc: z
    .looseObject({
      addr: socketAddress.default("0.0.0.0:3030"),
      cors_allowed_origins: z.array(z.string()),
      polling_config: z.looseObject({ polling_interval: duration, polling_timeout: duration }),
    })
    .prefault(defaultRpc),
  network: z
    .looseObject({
      addr: socketAddress.default("0.0.0.0:24567"),
      ban_window: duration,
      /** One string: `ed25519:<base58>@host:port`, comma-separated. */
      boot_nodes: z
        .string()
        .default("")
        .refine(
          (text) => text === "" || text.split(",").every((one) => bootNode.test(one)),
          "has a malformed boot node",
        ),
      public_addrs: z.array(z.string()).default([]),
      tier1: z
        .looseObject({ enable_inbound: z.boolean().default(true), enable_outbound: z.boolean().default(true) })
        .prefault({}),
    })
    .prefault(defaultNetwork),
  /** In part it is fatal: these have no defaults of their own. */
  consensus: z
    .looseObject({
      min_num_peers: z.number().int(),
      block_production_tracking_delay: duration,
      min_block_production_delay: duration,
      max_block_production_delay: duration,
      max_block_wait_delay: duration,
      produce_empty_blocks: z.boolean(),
      block_header_fetch_horizon: z.number().int(),
      catchup_step_period: duration,
      chunk_request_retry_period: duration,
      header_sync_expected_height_per_second: z.number().optional(),
    })
    .optional(),
  tracked_shards_config: trackedShardsConfigSchema.optional(),
  tracked_shards: z.array(z.number()).optional(),
  tracked_accounts: z.array(account).optional(),
  tracked_shadow_validator: account.optional(),
  tracked_shard_schedule: z.array(z.array(z.number())).optional(),
  archive: z.boolean().default(false),
  save_trie_changes: z.boolean().nullish(),
  cold_store: z.unknown().optional(),
  tx_routing_height_horizon: z.number().int().default(4),
  expected_shutdown: z.number().int().nullish(),
  gc_blocks_limit: z.number().int().default(2),
  gc_fork_clean_step: z.number().int().default(100),
  gc_num_epochs_to_keep: z.number().int().default(5),
  store: z.looseObject({ load_mem_tries_for_tracked_shards: z.boolean().default(false) }).prefault({}),
});
export type NeardConfig = z.infer<typeof neardConfigSchema>;

/**
 * Parses and validates config.json.
 * @throws Error that lists every fault
 */
export function parseConfig(text: string): NeardConfig {
  const parsed = neardConfigSchema.safeParse(parseJsonWithComments(text));
  if (!parsed.success)
    throw new Error(
      parsed.error.issues.map((issue) => `config.json: ${issue.path.join(".")} ${issue.message}`).join("\n"),
    );
  const faults = semanticFaults(parsed.data);
  if (faults.length > 0) throw new Error(faults.map((fault) => `config.json semantic issue: ${fault}`).join("\n"));
  return parsed.data;
}

/** Where two fields contradict each other, in nearcore's words. */
export function semanticFaults(config: NeardConfig): string[] {
  const faults: string[] = [];
  const older = ["tracked_shards", "tracked_accounts", "tracked_shadow_validator", "tracked_shard_schedule"] as const;
  if (config.tracked_shards_config !== undefined)
    for (const field of older)
      if (config[field] !== undefined)
        faults.push(
          `'config.${field}' and 'config.tracked_shards_config' cannot be both set. Please use 'config.tracked_shards_config' only.`,
        );
  const { consensus } = config;
  if (consensus !== undefined) {
    const least = toMs(consensus.min_block_production_delay);
    if (least > toMs(consensus.max_block_production_delay))
      faults.push("min_block_production_delay is greater than max_block_production_delay");
    if (least > toMs(consensus.max_block_wait_delay))
      faults.push("min_block_production_delay is greater than max_block_wait_delay");
  }
  if (consensus?.header_sync_expected_height_per_second === 0)
    faults.push("consensus.header_sync_expected_height_per_second should not be 0");
  if (config.gc_blocks_limit === 0 || config.gc_fork_clean_step === 0 || config.gc_num_epochs_to_keep === 0)
    faults.push("gc config values should all be greater than 0");
  const horizon = config.tx_routing_height_horizon;
  if (horizon < 2) faults.push(`'config.tx_routing_height_horizon' needs to be at least 2, got ${horizon}.`);
  if (horizon > 100)
    faults.push(
      `'config.tx_routing_height_horizon' can't be too high to avoid spamming the network. Keep it below 100. Got ${horizon}.`,
    );
  if (!config.archive && config.save_trie_changes === false)
    faults.push("Configuration with archive = false and save_trie_changes = false is not supported");
  if (!config.archive && config.cold_store != null) faults.push("`archive` is false, but `cold_store` is configured.");
  return faults;
}

/** Whether the node follows all shards: what makes a current validator panic on a public network. */
export function tracksAllShards(config: NeardConfig): boolean {
  return config.tracked_shards_config === "AllShards" || (config.tracked_shards ?? []).length > 0;
}

function toMs({ secs, nanos }: z.infer<typeof duration>): number {
  return secs * 1000 + nanos / 1e6;
}

/** Addresses of the boot nodes: `ed25519:<base58>@host:port`, comma-separated. @throws Error */
export function parseBootNodes(text: string): { host: string; port: number }[] {
  if (text === "") return [];
  return text.split(",").map((one) => {
    if (!bootNode.test(one)) throw new Error(`Failed to parse PeerInfo: ${one}`);
    return parseAddress(one.slice(one.indexOf("@") + 1));
  });
}

/** Splits `address:port`; brackets around an IPv6 address are taken off. */
export function parseAddress(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
}
