/**
 * The desired state of one concern of one host: what `holdfastd apply` is given, what the plan
 * makes, and what `pulumi preview --diff` shows. It never contains a secret: where a file or a
 * credential is secret, it names one of the secrets that come on stdin.
 */
import * as z from "zod";
import { isOwnConfig } from "../paths.ts";
import { hostNameSchema } from "../topology.ts";
import type { Shape } from "./format.ts";

/**
 * In this order on a host. `system`: users, limits, sysctls, firewall. `consul`: Consul itself.
 * `acl`: policies and tokens, once per cluster, on one host. `neard`: binary, configuration, unit.
 * `agent`: credentials, configuration, unit of holdfastd.
 */
export const concerns = ["system", "consul", "acl", "neard", "agent"] as const;
export type Concern = (typeof concerns)[number];

const mode = z.string().regex(/^0[0-7]{3}$/, 'four octal digits, such as "0644"');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const ownership = { mode, owner: z.string().default("root"), group: z.string().default("root") };

/** A host's bound on reaching `healthy`, where its spec says none. */
export const usualHealthyMs = 120_000;

export const hostSpecSchema = z.strictObject({
  format: z.literal(1).default(1),
  host: hostNameSchema,
  concern: z.enum(concerns),
  /** System users with a group of their own, no login. Made if absent, removed by `remove`. */
  users: z
    .array(z.strictObject({ name: z.string(), home: z.string(), groups: z.array(z.string()).default([]) }))
    .default([]),
  directories: z
    .array(
      z.strictObject({
        path: z.string(),
        ...ownership,
        /** `remove` deletes these with all they hold; without it only if empty. */
        owned: z.boolean().default(true),
        /** Must be on a tmpfs or ramfs. No apply makes it so: `check` says when it is not. */
        inMemory: z.boolean().default(false),
      }),
    )
    .default([]),
  /** Content as lines, so that a preview's diff shows the one that changed. A final newline is added. */
  files: z.array(z.strictObject({ path: z.string(), ...ownership, lines: z.array(z.string()) })).default([]),
  /** Content is a secret from stdin, written as it is. */
  secretFiles: z.array(z.strictObject({ path: z.string(), ...ownership, secret: z.string() })).default([]),
  /** Sealed with the host's own key, and for that name, into paths.credentials/<name>.cred; the clear text never meets the disk. */
  credentials: z.array(z.strictObject({ name: z.string(), secret: z.string() })).default([]),
  /** A program that CopyToRemote put at `upload` (gzip), unpacked to `path` if its sha256 differs. */
  artifacts: z
    .array(
      z.strictObject({
        name: z.string(),
        upload: z.string(),
        path: z.string(),
        mode,
        /** Of the unpacked file. */
        sha256,
      }),
    )
    .default([]),
  units: z
    .array(
      z.strictObject({
        /** The unit's own file is among `files`. */
        name: z.string(),
        /** Restarted when one of these paths (files, secretFiles, artifacts; credentials as their .cred path) or its unit file changed. */
        restartOn: z.array(z.string()).default([]),
        /** Reloaded instead when only these changed. */
        reloadOn: z.array(z.string()).default([]),
        /**
         * A restart disturbs the cluster: take the maintenance lock, give the key away first, wait until healthy. `agent`: take
         * the lock, so that it is one host at a time and the active one last; the key stays.
         */
        disturbs: z.enum(["nothing", "consul", "neard", "agent"]).default("nothing"),
        /** What it loads into the kernel. Reloaded when the kernel has other rules than `file`. */
        nftTable: z.strictObject({ table: z.string(), file: z.string() }).optional(),
      }),
    )
    .default([]),
  /**
   * Run after files and before units, only when one of `on` changed (e.g. `sysctl --system`), or when the kernel does not
   * have what the sysctl.d file `settings` says, as far as it can have it.
   */
  commands: z
    .array(
      z.strictObject({
        argv: z.array(z.string()).min(1),
        on: z.array(z.string()),
        settings: z.string().optional(),
      }),
    )
    .default([]),
  /** What must be true before apply reports success. */
  healthy: z.array(z.enum(["consul-voter", "consul-client", "neard-synced", "agent"])).default([]),
  /** Bound on reaching `healthy`. */
  healthyWithinMs: z.number().int().positive().default(usualHealthyMs),
  /** Only in the concern `acl`: policies, and tokens whose secret ids are secrets from stdin. */
  acl: z
    .strictObject({
      /** Name of the secret that holds the management token: Consul's ACLs are bootstrapped with it. */
      managementSecret: z.string(),
      policies: z.array(z.strictObject({ name: z.string(), rules: z.array(z.string()) })),
      tokens: z.array(
        z.strictObject({
          name: z.string(),
          accessorSecret: z.string(),
          secret: z.string(),
          policies: z.array(z.string()),
        }),
      ),
      /** Names of hosts that were given up: their tokens go though they may live. */
      gone: z.array(z.string()).default([]),
      autopilot: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    })
    .optional(),
});

/** As the plan writes it: defaults may be left out. */
export type HostSpecInput = z.input<typeof hostSpecSchema>;
export type HostSpec = z.output<typeof hostSpecSchema>;
export const hostSpecShape = { name: "a host's spec", format: 1, schema: hostSpecSchema } satisfies Shape<unknown>;

/**
 * As much of it as 0.1 knows, which reads what an apply left and refuses every field that it does not know. Whoever adds
 * a field takes it out here: a host can be downgraded as long as an older release understands what is on it.
 */
export function specFor01({ format: _, ...spec }: HostSpec): object {
  const { gone: _gone, ...acl } = spec.acl ?? {};
  return {
    ...spec,
    directories: spec.directories.map(({ inMemory: _, ...directory }) => directory),
    // It would take it away before it has restarted the agent that reads it.
    files: spec.files.filter(({ path }) => !isOwnConfig(path)),
    units: spec.units.map(({ nftTable: _, disturbs, ...unit }) => ({
      ...unit,
      disturbs: disturbs === "agent" ? "nothing" : disturbs,
    })),
    commands: spec.commands.map(({ settings: _, ...command }) => command),
    ...(spec.acl === undefined ? {} : { acl }),
  };
}

/** A spec that is too long for a command comes on stdin too, under this name; `--spec` then has this in place of a file. */
export const specOnStdin = { option: "-", name: "spec" } as const;

/** The stack's management token comes under this name; it is written nowhere on a host. */
export const managementTokenOnStdin = "management-token";

/** stdin of `apply`: one JSON object, secrets by name. */
export const secretsSchema = z.record(z.string(), z.string());
export type Secrets = z.infer<typeof secretsSchema>;

/** The last line of stdout of `apply`, `check` and `remove` with `--json`. */
export const convergeReportSchema = z.object({
  host: z.string(),
  concern: z.string(),
  changed: z.array(z.object({ what: z.string(), why: z.string() })),
  /** Of `check`: what is not holdfast's and no drift, such as a drop-in that somebody made on purpose. */
  notes: z.array(z.object({ what: z.string(), why: z.string() })).default([]),
  tookMs: z.number(),
});
export type ConvergeReport = z.infer<typeof convergeReportSchema>;
