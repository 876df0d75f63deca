/**
 * The notes in Consul by which agents and applies tell each other how they are. None of them is sealed: what each may do to a
 * reader is in docs/decisions/0017-who-cannot-seal-can-only-make-others-wait.md.
 */
import * as z from "zod";
import { hostNameSchema } from "../topology.ts";
import type { Shape } from "./format.ts";

/** A sealed answer to another host's roll call (agent/lease/roll-call.ts): this host holds nothing. `to`: the question. */
export const rollCallAnswerSchema = z.object({ to: z.string().max(64), seal: z.array(z.string().max(64)).max(4) });
export type RollCallAnswer = z.infer<typeof rollCallAnswerSchema>;

/** `hosts/<name>`: what a neard host says of itself, every 10 s at least. */
export const hostNoteShape = {
  name: "a host's note",
  format: 1,
  schema: z
    .object({
      ready: z.boolean(),
      /** Why it is not; a clause. */
      because: z.string(),
      /** Id of the switchover for which it stands ready. */
      ack: z.string().nullable(),
      /** It will not stand ready for one in so many seconds yet, rounded up to ten; null: not while the lock is as it sees it. */
      acksInS: z.number().int().nullable().default(0),
      active: z.boolean().optional(),
      /** A question to all others, before a host is powered off. */
      asks: z.string().max(64).nullable().default(null),
      answers: z.array(rollCallAnswerSchema).max(64).default([]),
      /** The host whose power it is cutting. */
      fencing: z.string().nullable().default(null),
    })
    // An agent of 0.1 says it in words alone.
    .transform(({ active, ...note }) => ({ ...note, isActive: active ?? note.because === "is active" })),
} satisfies Shape<unknown>;

export type ReadHostNote = z.infer<typeof hostNoteShape.schema>;

/** What a host's core says there; its questions are numbers until roll-call.ts seals them. `beat`: seconds, for Consul moves no index for a value that is the same. */
export interface HostNote {
  readonly ready: boolean;
  readonly because: string;
  readonly ack: string | null;
  readonly acksInS: number | null;
  readonly active: boolean;
  readonly asks: number | null;
  readonly clear: readonly string[];
  readonly fencing: string | null;
}

/** `switchover`: the holder asks `to` to stand ready. */
export const switchoverNoteShape = {
  name: "the switchover's note",
  format: 1,
  schema: z.object({ id: z.string(), from: z.string(), to: z.string() }),
} satisfies Shape<unknown>;

/** `pause`: take-overs are paused while it is there, whatever it holds. For people. */
export const pauseNoteShape = {
  name: "the pause's note",
  format: 1,
  schema: z.object({ by: z.string(), reason: z.string(), at: z.string() }),
} satisfies Shape<unknown>;

/** `maintenance/lock`: who is being changed, or was last. */
export const maintenanceNoteShape = {
  name: "the maintenance lock's note",
  format: 1,
  schema: z.object({
    host: hostNameSchema,
    /** `working` still there after the session is gone: the apply died without a word. */
    state: z.enum(["working", "done"]),
    /** ISO 8601; for people only. */
    at: z.string(),
  }),
} satisfies Shape<unknown>;
export type MaintenanceNote = z.infer<typeof maintenanceNoteShape.schema>;

/** `maintenance/failure`: who failed last while being changed. That it is there stops those who wait, whatever it holds. */
export const failureNoteShape = {
  name: "the note of a failed apply",
  format: 1,
  schema: z.object({ host: hostNameSchema, error: z.string(), at: z.string() }),
} satisfies Shape<unknown>;
export type FailureNote = z.infer<typeof failureNoteShape.schema>;

/** A connection of neard's, as the host that has it writes it down: its own port, and the far end. */
export const connectionSchema = z.object({ port: z.number().int(), address: z.string(), peerPort: z.number().int() });
export type Connection = z.infer<typeof connectionSchema>;

/** `holdfast-connections/…/<name>`: what an active host says of its neard's connections. */
export const connectionsNoteShape = {
  name: "the note of a host's connections",
  format: 1,
  schema: z.object({ connections: z.array(connectionSchema) }),
} satisfies Shape<unknown>;
