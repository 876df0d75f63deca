/** Settings of power-off fencing: shapes and ranges. What depends on several settings is in fencing-checks.ts. */
import * as z from "zod";
import { defaultPowerMs, fencingModeSchema } from "../../contract/fencing.ts";

const line = z.string().regex(/^\P{Cc}*$/u, "must be one line without control characters");

/** `hosts[].fence` */
export const fenceSchema = z.strictObject({
  device: z
    .enum(["hcloud", "command"])
    .describe("hcloud: the host is a server at Hetzner Cloud. command: a program of yours (IPMI, Redfish, a PDU)"),
  server: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, "must be the name of a server at Hetzner Cloud")
    .optional()
    .describe(
      "For device hcloud: the server's name there; default: the host's name. It must have one of the host's addresses",
    ),
  serverId: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("For device hcloud: the server's id; one of that name with another id is not powered off"),
  command: z
    .array(line.min(1))
    .min(1, "must name a program")
    .max(32)
    .optional()
    .describe(
      "For device command: absolute path of the program on the neard hosts, and arguments; called with status HOST, off HOST and on HOST behind them",
    ),
  timeoutMs: z
    .number()
    .int()
    .min(2000)
    .max(120_000)
    .default(defaultPowerMs)
    .describe(
      "How long one try to power this host off may take, all of it, in milliseconds; with bestEffort at most 10000",
    ),
});

export const fencingSettings = {
  fencing: fencingModeSchema
    .default("off")
    .describe(
      "Before another host takes over from one that may still run, its power is cut. required: no take-over unless it was shown to be off, or says itself that it holds nothing. bestEffort: tried for 10 s at most. See docs/operate/fencing.md",
    ),
  fencingSkipsWait: z
    .boolean()
    .default(false)
    .describe(
      "A host that its device shows off is not waited for besides: seconds sooner, and then safety is no more than the device's word",
    ),
  fencingToken: z
    .string()
    .optional()
    .describe(
      "Secret: for device hcloud, the token by which the neard hosts power each other off (pulumi config set --secret fencingToken < TOKENFILE)",
    ),
  fencingSecret: z
    .string()
    .optional()
    .describe(
      "Secret: for device command, what the program finds in the file $CREDENTIALS_DIRECTORY/fencing-secret, such as a password",
    ),
} as const;

export type FenceSettings = z.output<typeof fenceSchema>;
