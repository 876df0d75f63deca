/**
 * What we read of the answers of Hetzner Cloud's API; what else is in them is passed over. The names are the API's own
 * (https://docs.hetzner.cloud), so that a reader finds them there.
 */
import * as z from "zod";

/** 64-bit at the API; they are far below 2^53. */
const id = z.number().int().positive();
const labels = z.record(z.string(), z.string()).default({});
/** A word of a list that grows: one that we do not know is `unknown`, and never taken for one that we do. */
const word = <const Word extends string>(words: readonly Word[]) =>
  z.string().transform((text): Word | "unknown" => words.find((one) => one === text) ?? "unknown");

/** Of a type or an image: nobody shall begin with it, and at `unavailable_after` nobody can. Both ISO 8601. */
const deprecation = z.object({ announced: z.string(), unavailable_after: z.string() }).nullish();

const locationSchema = z.object({
  id,
  /** `fsn1` */
  name: z.string(),
  /** Networks are within one: `eu-central`. */
  network_zone: z.string(),
  city: z.string().default(""),
  country: z.string().default(""),
});
export type Location = z.infer<typeof locationSchema>;

const serverTypeSchema = z.object({
  id,
  /** `cx23` */
  name: z.string(),
  /** Cores, memory and disk in GB. */
  cores: z.number(),
  memory: z.number(),
  disk: z.number(),
  architecture: word(["x86", "arm"]),
  deprecation,
  /** Of each location, in the account's currency, before taxes: `6.4900000000`. */
  prices: z.array(z.object({ location: z.string(), price_monthly: z.object({ net: z.string() }) })).default([]),
  locations: z
    .array(z.object({ name: z.string(), available: z.boolean(), recommended: z.boolean().default(false), deprecation }))
    .default([]),
});
export type ServerType = z.infer<typeof serverTypeSchema>;

const imageSchema = z.object({
  id,
  /** Null for a snapshot. */
  name: z.string().nullable(),
  description: z.string().default(""),
  type: z.string(),
  status: z.string(),
  os_flavor: z.string().default(""),
  architecture: word(["x86", "arm"]),
  /** When it was deprecated, ISO 8601. */
  deprecated: z.string().nullish(),
  labels,
});
export type Image = z.infer<typeof imageSchema>;

const serverSchema = z.object({
  id,
  name: z.string(),
  /** Only `off` says that it has no power; nothing else does, `unknown` least of all. */
  status: word(["running", "initializing", "starting", "stopping", "off", "deleting", "migrating", "rebuilding"]),
  /** Another action runs on it. */
  locked: z.boolean().default(false),
  created: z.string(),
  server_type: z.object({ id, name: z.string() }),
  location: z.object({ name: z.string() }),
  image: z.object({ id, name: z.string().nullable() }).nullish(),
  public_net: z.object({
    ipv4: z.object({ id: z.number().nullish(), ip: z.string() }).nullable(),
    ipv6: z.object({ id: z.number().nullish(), ip: z.string() }).nullable(),
    firewalls: z.array(z.object({ id, status: z.string() })).default([]),
  }),
  private_net: z.array(z.object({ network: id, ip: z.string(), mac_address: z.string() })).default([]),
  protection: z.object({ delete: z.boolean(), rebuild: z.boolean() }),
  placement_group: z.object({ id }).nullish(),
  /** In GB: what it began with, whatever its type has now. */
  primary_disk_size: z.number().optional(),
  labels,
});
export type Server = z.infer<typeof serverSchema>;

const networkSchema = z.object({
  id,
  name: z.string(),
  ip_range: z.string(),
  subnets: z.array(z.object({ type: z.string(), ip_range: z.string(), network_zone: z.string() })).default([]),
  servers: z.array(id).default([]),
  protection: z.object({ delete: z.boolean() }),
  labels,
});
export type Network = z.infer<typeof networkSchema>;

const placementGroupSchema = z.object({
  id,
  name: z.string(),
  type: z.string(),
  servers: z.array(id).default([]),
  labels,
});
export type PlacementGroup = z.infer<typeof placementGroupSchema>;

const firewallSchema = z.object({ id, name: z.string(), labels });
export type Firewall = z.infer<typeof firewallSchema>;

const sshKeySchema = z.object({ id, name: z.string(), fingerprint: z.string(), public_key: z.string(), labels });
export type SshKey = z.infer<typeof sshKeySchema>;

const primaryIpSchema = z.object({
  id,
  name: z.string(),
  ip: z.string(),
  type: z.string(),
  /** The server that has it; null: nobody. */
  assignee_id: id.nullish(),
  auto_delete: z.boolean(),
  protection: z.object({ delete: z.boolean() }),
  location: z.object({ name: z.string() }),
  labels,
});
export type PrimaryIp = z.infer<typeof primaryIpSchema>;

/** Work that the API has begun. A status that we do not know is not an end. */
export const actionSchema = z.object({
  id,
  /** `start_server` */
  command: z.string(),
  status: word(["running", "success", "error"]),
  /** 0 to 100. */
  progress: z.number(),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
});
export type Action = z.infer<typeof actionSchema>;

/** Collections, by their path; `one` is what an answer calls a single thing of it. */
export const collections = {
  servers: { one: "server", schema: serverSchema },
  server_types: { one: "server_type", schema: serverTypeSchema },
  locations: { one: "location", schema: locationSchema },
  images: { one: "image", schema: imageSchema },
  networks: { one: "network", schema: networkSchema },
  placement_groups: { one: "placement_group", schema: placementGroupSchema },
  firewalls: { one: "firewall", schema: firewallSchema },
  ssh_keys: { one: "ssh_key", schema: sshKeySchema },
  primary_ips: { one: "primary_ip", schema: primaryIpSchema },
  actions: { one: "action", schema: actionSchema },
} as const;
export type Collection = keyof typeof collections;
export type Item<Name extends Collection> = z.output<(typeof collections)[Name]["schema"]>;

/** Null after the last page. */
export const pageSchema = z.object({
  meta: z.object({ pagination: z.object({ next_page: z.number().int().nullish() }) }).optional(),
});

/** `details` is there with every `invalid_input`, and names the fields. */
export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string().default(""),
    details: z
      .object({ fields: z.array(z.object({ name: z.string(), messages: z.array(z.string()).default([]) })) })
      .nullish()
      .catch(null),
  }),
});
