/**
 * Power-off fencing, in the words that settings, agent and command line share: whether a successor makes sure that the
 * old host is off, and by which device. See docs/operate/fencing.md.
 */
import * as z from "zod";
import { hostNameSchema } from "./topology.ts";

/**
 *   off         the lease rule alone
 *   bestEffort  tried within bounds before a take-over; it comes in any case
 *   required    no take-over before it is proven that the old host is off, or that it holds nothing
 */
export const fencingModes = ["off", "bestEffort", "required"] as const;
export const fencingModeSchema = z.enum(fencingModes);
export type FencingMode = z.infer<typeof fencingModeSchema>;

/** How long one try to power a host off may take where nothing else is set, in milliseconds. */
export const defaultPowerMs = 30_000;

const common = {
  /** Whose power it is. */
  host: hostNameSchema,
  /** One try may take so long, all of it. */
  timeoutMs: z.number().int().min(1000).max(300_000),
};

/** A power device as an agent knows it. No secret in it: those are credentials. */
export const powerDeviceSchema = z.discriminatedUnion("device", [
  z.strictObject({
    ...common,
    device: z.literal("hcloud"),
    /** The server's name at Hetzner Cloud. */
    server: z.string(),
    /** Its id, where it is known: a server of that name with another one is not it. */
    serverId: z.number().int().positive().optional(),
    /** The host's addresses: the server must have one of them. */
    addresses: z.array(z.string()).min(1),
    /** Default: the public API. */
    endpoint: z.url().optional(),
  }),
  z.strictObject({
    ...common,
    device: z.literal("command"),
    /** systemd template unit that runs the operator's program; its instance is the action. */
    unit: z.string(),
  }),
]);
export type PowerDeviceConfig = z.infer<typeof powerDeviceSchema>;

export const agentFencingSchema = z.strictObject({
  mode: fencingModeSchema,
  /** A host that its device shows off is not waited for besides. */
  skipWait: z.boolean(),
  /** Of every neard host, this one included. */
  devices: z.array(powerDeviceSchema),
});
export type AgentFencing = z.infer<typeof agentFencingSchema>;

/** What a device, or an operator, said of a host's power. */
export const powerProofSchema = z.object({
  host: hostNameSchema,
  /** `hcloud`, `command`; `operator`: somebody swore that it is off (`holdfast fence confirm`). */
  device: z.string(),
  /**
   *   off        the device showed it off, after the lock's record was read
   *   confirmed  an operator says so
   *   unproven   tried, and not shown (only with bestEffort)
   */
  outcome: z.enum(["off", "confirmed", "unproven"]),
  /** A clause: how it is known, or why not. */
  because: z.string(),
  /** ISO 8601, wall clock of the host that asked. */
  at: z.string(),
  /** From the first question to this answer. */
  tookMs: z.number(),
});
export type PowerProof = z.infer<typeof powerProofSchema>;

/** `POST /fence/test`, `/fence/off`, `/fence/on` and `/fence/confirm` take this. */
export const fenceRequestSchema = z.strictObject({ host: hostNameSchema });
export type FenceRequest = z.infer<typeof fenceRequestSchema>;

/** What one agent read of one host's device. `POST /fence/test`, `/fence/off` and `/fence/on` answer with it. */
export const powerReadingSchema = z.object({
  host: hostNameSchema,
  device: z.string(),
  /** Null: it could not be read, or it is another machine's. */
  state: z.enum(["on", "off"]).nullable(),
  /** What the device calls the machine, and how it was told to be the right one; where it could not be read, why. */
  because: z.string(),
  tookMs: z.number(),
});
export type PowerReading = z.infer<typeof powerReadingSchema>;

/** What an agent says of fencing in its status. */
export const fencingStatusSchema = z.object({
  mode: fencingModeSchema,
  skipWait: z.boolean(),
  /** The host that has to be off, or to say that it holds nothing, before this one takes over; null: none, now. */
  target: hostNameSchema.nullable(),
  /**
   *   idle      nothing is to be done
   *   running   its power is being cut, for the first time
   *   unproven  it could not be shown to be off, and is tried again and again: nobody takes over (required)
   *   off       it was shown to be off
   */
  state: z.enum(["idle", "running", "unproven", "off"]),
  because: z.string().nullable(),
  /** Tries for the present term of the lock. */
  tries: z.number().int(),
  /** What this agent did last, since its start. */
  last: powerProofSchema.nullable(),
  /** Each other host's device, as this agent read it last; see agent/power/power-watch.ts. */
  devices: z.array(powerReadingSchema.extend({ agoMs: z.number() })),
});
export type FencingStatus = z.infer<typeof fencingStatusSchema>;
