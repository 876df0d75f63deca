/** Whose a host is, as it lies on the host, and as whoever deploys says it. What follows from it is in contract/deployment.ts. */
import * as z from "zod";
import { hostNameSchema } from "../topology.ts";
import type { Shape } from "./format.ts";

/** `hf-` and 16 hexadecimal digits: never a number to a YAML file, and easy to search for. */
export const deploymentIdSchema = z
  .string()
  .regex(/^hf-[0-9a-f]{16}$/, 'must be the id of a deployment, such as "hf-0123456789abcdef"');

/** Who deploys: on stdin of `holdfastd apply`, under `claimName`. */
export const claimSchema = z.object({
  id: deploymentIdSchema,
  /** `organization/project/stack`: for people, it may change. */
  stack: z.string(),
  network: z.string(),
  account: z.string(),
  /** The deployment whose hosts are taken over on purpose. */
  adopt: deploymentIdSchema.optional(),
});
export type Claim = z.infer<typeof claimSchema>;

/** Beside the secrets on stdin of `apply`; it is none. */
export const claimName = "deployment";

/** What was on a host before its first deployment: `remove` leaves it there. */
export const beforeSchema = z.object({
  users: z.array(z.string()),
  /** In neard's home: what holdfast has its own of is set aside there, see `asideOf`. */
  files: z.array(z.string()),
  directories: z.array(
    z.object({
      path: z.string(),
      /** Something was in it, be it no more than a forgotten `data`. */
      used: z.boolean(),
      mode: z.string(),
      uid: z.number().int(),
      gid: z.number().int(),
    }),
  ),
});
export type Before = z.infer<typeof beforeSchema>;

export const nothingBefore: Before = { users: [], files: [], directories: [] };

/** paths.deployment: whose this host is. No secret in it. */
export const identitySchema = claimSchema.omit({ adopt: true }).extend({
  /** The host's name in that deployment. */
  host: hostNameSchema,
  /** ISO 8601: the first deployment. */
  since: z.string(),
  /** Deployments that this one adopted the host from, latest last. */
  adopted: z.array(deploymentIdSchema).default([]),
  before: beforeSchema.default(nothingBefore),
});
export type Identity = z.infer<typeof identitySchema>;
export const identityShape = { name: "a host's identity", format: 1, schema: identitySchema } satisfies Shape<unknown>;
