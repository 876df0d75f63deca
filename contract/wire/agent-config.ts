/**
 * /etc/holdfast/agent.json, and the agent's own copy of it: what the agent on one host knows. Written by the plan, read by
 * `holdfastd run`. No secret in it; those come as systemd credentials.
 */
import * as z from "zod";
import { agentFencingSchema } from "../fencing.ts";
import { paths } from "../paths.ts";
import { leaseTimingSchema, timingFaults } from "../timing.ts";
import { accountSchema, hostNameSchema, networkSchema, roleSchema } from "../topology.ts";
import type { Shape } from "./format.ts";

const movable = {
  host: hostNameSchema,
  address: z.union([z.ipv4(), z.ipv6()]),
  /** Where its neard listens for peers. */
  neardPort: z.number().int(),
  /** Where the other hosts reach it, be `address` another one. */
  hostAddress: z.union([z.ipv4(), z.ipv6()]),
};

/** How the address of a host that is dark is moved to its successor; see agent/address/. */
export const takeoverAddressSchema = z.discriminatedUnion("mover", [
  /** Same layer 2: taken, and announced, by the successor's host itself. */
  z.strictObject({ ...movable, address: z.ipv4(), mover: z.literal("arp") }),
  /** By a program of the operator's: an absolute path on the hosts. */
  z.strictObject({ ...movable, mover: z.literal("command"), command: z.string().startsWith("/") }),
]);
export type TakeoverAddress = z.infer<typeof takeoverAddressSchema>;

export const agentConfigSchema = z.strictObject({
  format: z.literal(1).default(1),
  network: networkSchema,
  account: accountSchema,
  host: hostNameSchema,
  roles: z.array(roleSchema).min(1),
  /** Higher is preferred among the standbys that are ready; ties go by name. */
  priority: z.number().int().min(0).max(1000),
  lease: leaseTimingSchema.refine((t) => timingFaults(t).length === 0, {
    error: (issue) => timingFaults(issue.input as never).join("; "),
  }),
  /** Every neard host of the cluster, this one included: names with their priorities. */
  peers: z.array(z.strictObject({ host: hostNameSchema, priority: z.number().int() })),
  consul: z.strictObject({
    datacenter: z.string(),
    /** HTTPS addresses: this host's own Consul first, then the servers that are asked when it does not answer; `https://address:8501`. */
    urls: z.array(z.url()).min(1),
    /** Addresses of the other servers, which are not asked: arbiters, whose word an agent can do without. */
    unasked: z.array(z.union([z.ipv4(), z.ipv6()])).default([]),
    /** PEM files; the private key comes as the credential `tls-key`. */
    caFile: z.string(),
    certFile: z.string(),
  }),
  http: z.strictObject({
    /** Read-only endpoints for monitoring: health, status, metrics. */
    address: z.string(),
    port: z.number().int(),
  }),
  /** Absent on an arbiter. */
  neard: z
    .strictObject({
      unit: z.string(),
      user: z.string(),
      rpcUrl: z.url(),
      chainId: z.string(),
      /** `ed25519:<base58>`: the key that must be live when this host is active. */
      publicKey: z.string(),
      /** The key that the account is going over to; absent: it is not being changed. */
      nextPublicKey: z.string().optional(),
      /** Where neard looks for its validator key; on tmpfs. */
      keyFile: z.string(),
      /** How old neard's head may be for the host to count as synced. */
      maxHeadAgeMs: z.number().int().positive(),
      /** After this long without an answer an active neard counts as hung: the holder gives way. */
      hungMs: z.number().int().positive(),
      /**
       * Hosts whose address their successor may answer for when they are dark. This host's own entry has it write down
       * its neard's connections while it is active.
       */
      takeoverAddresses: z.array(takeoverAddressSchema).default([]),
      /** Absent: no fencing. */
      fencing: agentFencingSchema.optional(),
    })
    .optional(),
});

export type AgentConfig = z.infer<typeof agentConfigSchema>;
export const agentConfigShape = {
  name: paths.agentConfig,
  format: 1,
  schema: agentConfigSchema,
} satisfies Shape<unknown>;
