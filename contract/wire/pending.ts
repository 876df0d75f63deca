/** What an apply has on a host, and owes it: noted before it changes the first thing. Nothing secret in it. */
import * as z from "zod";
import type { Shape } from "./format.ts";

export const inventorySchema = z.strictObject({
  users: z.array(z.string()),
  directories: z.array(z.strictObject({ path: z.string(), owned: z.boolean() })),
  /** Files, secret files, sealed credentials, artifacts. */
  files: z.array(z.string()),
  units: z.array(z.string()),
});
export type Inventory = z.infer<typeof inventorySchema>;

export const emptyInventory: Inventory = { users: [], directories: [], files: [], units: [] };

/** Restarts, reloads and commands that an apply began to owe and has not done yet. */
export const dueSchema = z.strictObject({
  restart: z.array(z.string()),
  reload: z.array(z.string()),
  /** argv of each, as JSON. */
  commands: z.array(z.string()),
});
export type Due = z.infer<typeof dueSchema>;

export const nothingDue: Due = { restart: [], reload: [], commands: [] };

/**
 * Written before an apply changes the first thing, deleted after it has stored the spec: what an apply
 * that failed or was killed leaves to the next one, and to `remove`.
 */
export const pendingSchema = z.strictObject({
  inventory: inventorySchema,
  due: dueSchema,
  /** What it disturbed: whoever goes on with it does so with the maintenance lock, until all is healthy. */
  disturbs: z.array(z.enum(["consul", "neard"])),
});
export type Pending = z.infer<typeof pendingSchema>;
/** Written without its number: 0.1 refuses what it does not know. */
export const pendingShape = {
  name: "the note of an apply under way",
  format: 1,
  schema: pendingSchema,
} satisfies Shape<unknown>;
