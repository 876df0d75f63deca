/**
 * What the agent on one host says of itself: `GET /status` on its Unix socket and its HTTP port.
 * `holdfast status` puts those of all hosts together.
 */
import * as z from "zod";
import { fencingStatusSchema } from "../fencing.ts";
import { hostNameSchema, networkSchema, roleSchema } from "../topology.ts";
import type { Shape } from "./format.ts";

/**
 * The agent's role now.
 *   starting   has not confirmed the lock by a consistent read yet
 *   standby    no key; watches the lock
 *   taking     holds the lease, brings the key to neard (not active yet)
 *   active     holds the lease, neard has the key; also while a switchover waits for its successor or for a window
 *   handing    planned switchover: fence shut, taking the key away
 *   demoting   lost the lease or its neard: fence shut, killing neard, erasing the key
 *   arbiter    votes only
 */
export const agentRoles = ["starting", "standby", "taking", "active", "handing", "demoting", "arbiter"] as const;
export const agentRoleSchema = z.enum(agentRoles);
export type AgentRole = z.infer<typeof agentRoleSchema>;

const countSchema = z.object({ produced: z.number().int(), expected: z.number().int() });

/** Whether the chain takes what this host's neard signs; see agent/role/heard.ts. */
export const heardSchema = z.object({
  /**
   *   unknown     too little fell due yet, or neard does not say
   *   idle        the account does not validate in this NEAR epoch
   *   heard       the chain takes it
   *   not-heard   it takes less than a validator must do
   */
  state: z.enum(["unknown", "idle", "heard", "not-heard"]),
  /** A sentence's end: "host-a is active, not heard for 44 s: 12 of 14 endorsements missed". */
  because: z.string(),
  /** 0 unless it is not heard. */
  notHeardMs: z.number(),
  /** From when neard got the key until anything, and until a block, of ours was seen counted; null: not yet. */
  firstMs: z.number().nullable(),
  firstBlockMs: z.number().nullable(),
  /** Since neard got the key; for a restarted agent, since it looked first. */
  duties: z.object({ blocks: countSchema, chunks: countSchema, endorsements: countSchema }),
});
export type HeardStatus = z.infer<typeof heardSchema>;

export const agentStatusSchema = z.object({
  version: z.string(),
  network: networkSchema,
  account: z.string(),
  host: hostNameSchema,
  roles: z.array(roleSchema),
  role: agentRoleSchema,
  /** One sentence: why the role is what it is. The log and the metrics carry the same one. */
  because: z.string(),
  /** Whether this standby could take over now, or why it could not. */
  ready: z.boolean(),
  notReadyBecause: z.string().nullable(),
  /** Consul's LockIndex at the last acquisition that this host saw; null when it saw none yet. */
  epoch: z.number().int().nullable(),
  /** Which host holds the lock as this host last saw it. */
  holder: hostNameSchema.nullable(),
  /** Which host is active, as this host last saw it: the holder once its neard has the key. Null: none, or an older agent. */
  active: hostNameSchema.nullable().default(null),
  /** When this host got its present role (ISO 8601). */
  since: z.string(),
  /** This host's own lease: only on a holder. */
  lease: z.object({ remainingMs: z.number() }).nullable(),
  paused: z.boolean(),
  /** A switchover under way, as this host sees it. */
  switchover: z.object({ id: z.string(), to: z.string().nullable() }).nullable(),
  /** Told to keep still, by the operator's command; null: not, or the agent is of an older version. */
  standDown: z.object({ id: z.string(), remainingMs: z.number() }).nullable().default(null),
  /** Whether the lock is as the cluster's own hosts leave it; null: an arbiter, or an agent of an older version. */
  lock: z
    .object({
      /** Of the record as this host saw it last; see agent/lease/lock-record.ts. Null: it saw none. */
      seal: z.enum(["right", "missing", "wrong", "misplaced", "newer", "unchecked"]).nullable(),
      /** Signs of somebody who tampers with it; null: none since the agent's start. */
      tampering: z.object({ count: z.number().int(), lastAgoMs: z.number(), because: z.string() }).nullable(),
      /** Something was wrong with it, and no holder has been watched in office since for so long that nobody else can be. */
      doubted: z.boolean().default(false),
      /**
       * In how long this standby could believe that the holder has let go, and so stand ready for a switchover; 0: before a
       * holder that asks for it gives up; null: not while the lock is as it is.
       */
      acksInMs: z.number().nullable().default(0),
      /** Why an agent that is restarted now would not know whether it is doubted; null: it would. */
      doubtFault: z.string().nullable().default(null),
    })
    .nullable()
    .default(null),
  /** Power-off fencing; null: an arbiter, or an agent of an older version. */
  fencing: fencingStatusSchema.nullable().default(null),
  /** Why this deployment does not activate for the first time; null: it did, or nothing is against it. */
  guard: z
    .object({
      /** `refusing`: somebody else was seen signing for the account. */
      state: z.enum(["watching", "refusing"]),
      because: z.string(),
      next: z.string().nullable(),
    })
    .nullable()
    .default(null),
  /** Only of a host that validates; null: it does not, or the agent is of an older version. */
  heard: heardSchema.nullable().default(null),
  fence: z.object({
    /** Armed: neard's packets leave only while the lease lives. */
    armed: z.boolean(),
    open: z.boolean(),
  }),
  key: z.object({
    /** The encrypted credential is readable and is the right one. */
    available: z.boolean(),
    /** neard's own word: its live signer is our key. */
    loaded: z.boolean(),
    /** What the chain has for the account, by this host's neard; null: not known, or an older agent. */
    onChain: z
      .object({
        nearEpoch: z.number().int(),
        /** Public keys of this NEAR epoch and the next; null: the account does not validate in it. */
        now: z.string().nullable(),
        next: z.string().nullable(),
      })
      .nullable()
      .default(null),
    /** Why none of this host's sealed keys counts now, and from the next NEAR epoch on; null: nothing is known against them. */
    fault: z.string().nullable().default(null),
    nextFault: z.string().nullable().default(null),
    /** Why a key could not be put where neard finds it; null: nothing is known against it, or an older agent. */
    placeFault: z.string().nullable().default(null),
  }),
  neard: z
    .object({
      running: z.boolean(),
      synced: z.boolean(),
      height: z.number().int().nullable(),
      version: z.string().nullable(),
      protocolVersion: z.number().int().nullable(),
      validatorKey: z.string().nullable(),
      restarts: z.number().int(),
    })
    .nullable(),
  consul: z.object({
    reachable: z.boolean(),
    /** Raft address or node name of the leader, as this host sees it. */
    leader: z.string().nullable(),
    isLeader: z.boolean(),
    voter: z.boolean(),
    healthy: z.boolean(),
  }),
  uptimeMs: z.number(),
});

export type AgentStatus = z.infer<typeof agentStatusSchema>;
export const agentStatusShape = {
  name: "the agent's status",
  format: 1,
  schema: agentStatusSchema,
} satisfies Shape<unknown>;

/** As much of it as whoever changes a host needs, whatever version the agent there is of. */
export const agentRoleViewShape = {
  ...agentStatusShape,
  schema: agentStatusSchema.pick({ role: true, active: true }),
} satisfies Shape<unknown>;
export type AgentRoleView = z.infer<typeof agentRoleViewShape.schema>;

/** `POST /switchover` takes this and answers 202 with `{id}`, or 409 with `{error, next}`. */
export const switchoverRequestSchema = z.strictObject({
  /** The host that shall take over; absent: the best one that is ready. */
  to: hostNameSchema.optional(),
  /** Wait for a stretch in which our validator has no block or chunk to produce. */
  window: z.boolean().default(false),
});
export type SwitchoverRequest = z.infer<typeof switchoverRequestSchema>;
export const switchoverAcceptedSchema = z.object({ id: z.string() });

/** What comes with every answer that is not 2xx: why not, and what to do next. 409: the agent refuses. */
export const refusalSchema = z.object({ error: z.string(), next: z.string().nullish() });

/**
 * `POST /stand-down`: give up the lease, if any, and neither hold nor take over for so long or until
 * `POST /stand-up` with the same id. It is done when `/status` shows a standby whose fence is not armed.
 */
export const standDownRequestSchema = z.strictObject({
  id: z.string().min(1).max(64),
  seconds: z.number().int().min(1).max(600),
  because: z.string().max(500),
});
export type StandDownRequest = z.infer<typeof standDownRequestSchema>;
export const standUpRequestSchema = z.strictObject({ id: z.string() });

/** `POST /snapshot/save`: a Consul snapshot; the token needs `acl = "write"` and is kept nowhere. */
export const snapshotSaveSchema = z.strictObject({ token: z.string().min(1) });
/** `POST /snapshot/restore`: only on a host that stands down. `snapshot`: base64. */
export const snapshotRestoreSchema = z.strictObject({ token: z.string().min(1), snapshot: z.string().min(1) });
export const snapshotSchema = z.object({ snapshot: z.string() });

/** `GET /switchover/<id>`: how far it is. */
export const switchoverProgressSchema = z.object({
  id: z.string(),
  state: z.enum(["waiting", "running", "done", "failed"]),
  from: hostNameSchema,
  to: hostNameSchema,
  because: z.string(),
});
export type SwitchoverProgress = z.infer<typeof switchoverProgressSchema>;
