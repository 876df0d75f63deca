/**
 * What the stack tells those who come after it: `pulumi stack output --json --show-secrets`. Written by
 * infra/index.ts, read by the operator's command and by the lab.
 */
import * as z from "zod";
import { accountSchema, hostNameSchema, networkSchema, roleSchema } from "./topology.ts";

const sshEnd = {
  user: z.string(),
  port: z.number().int(),
  /** As in known_hosts without the name: `ssh-ed25519 AAAA…`. */
  hostKey: z.string(),
};

export const stackOutputsSchema = z.object({
  network: networkSchema,
  account: accountSchema,
  /** `ed25519:<base58>`: the validator's public key. */
  publicKey: z.string(),
  /** In the order of the configuration. */
  hosts: z
    .array(
      z.object({
        name: hostNameSchema,
        address: z.string(),
        roles: z.array(roleSchema).min(1),
        zone: z.string().nullable(),
        ssh: z.object({
          ...sshEnd,
          /** Where the operator reaches it. Absent (brought up by an older version): at its address. */
          host: z.string().optional(),
          /** The jump host on the way. */
          proxy: z.object({ ...sshEnd, host: z.string() }).nullish(),
        }),
        /** How a cloud makes it; null: it exists by itself. */
        cloud: z
          .object({
            provider: z.literal("hcloud"),
            serverName: z.string(),
            serverType: z.string(),
            location: z.string(),
            image: z.string(),
            protect: z.boolean(),
          })
          .nullish(),
      }),
    )
    .min(1),
  /** Host name to address: for people and shell scripts. */
  addresses: z.record(hostNameSchema, z.string()),
  /** The agent's Unix socket, the same on every host. */
  agentSocket: z.string(),
  /** What to type to see how the cluster is. */
  statusCommand: z.string(),
  /** Secret. How to log in to every host. */
  sshAccess: z.object({
    /** PEM or OpenSSH private key; absent: the keys of the ssh-agent. */
    privateKey: z.string().optional(),
  }),
  /** Secret. Absent: the stack was brought up by a version that did not tell. */
  consulAccess: z
    .object({
      /** Consul's initial management token: snapshots need it, and nothing else of the operator's commands. */
      managementToken: z.string(),
    })
    .optional(),
  /** Secret. Absent: nothing is at Hetzner Cloud. */
  hcloudAccess: z
    .object({
      token: z.string(),
      /** Null: the public API. */
      endpoint: z.string().nullable(),
    })
    .optional(),
});

export type StackOutputs = z.infer<typeof stackOutputsSchema>;
