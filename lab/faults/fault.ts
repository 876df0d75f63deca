/** What a fault is. The kinds are in kinds.ts, one file per family; engine.ts injects and heals. */
import * as z from "zod";
import { hostNameSchema } from "../../contract/topology.ts";
import type { Lab, LabHost } from "../hosts/description.ts";

/** A fault that is on, as kept in the lab's state. */
export const activeFaultSchema = z.strictObject({
  id: z.string(),
  kind: z.string(),
  host: hostNameSchema,
  /** The other host, of a fault between two. */
  peer: hostNameSchema.optional(),
  /** Wall clock of this machine, in ms since 1970. */
  sinceMs: z.number(),
  /** When it heals by itself; null: when told to. */
  untilMs: z.number().nullable(),
});
export type ActiveFault = z.infer<typeof activeFaultSchema>;

export interface Target {
  readonly lab: Lab;
  readonly host: LabHost;
  /** Every fault that shall be on afterwards: with this one when it is injected, without it when it heals. */
  readonly active: readonly ActiveFault[];
}

export interface Injection extends Target {
  /** To be called at the moment of the effect, where inject() goes on after it. */
  readonly tookEffect: () => void;
}

export interface FaultKind {
  readonly name: string;
  /** One sentence: what happens to the host. */
  readonly sentence: string;
  /** What it takes, beyond a host that is on; null: nothing. */
  readonly needs: string | null;
  /** False: it is over in an instant, so there is nothing to heal and `--for` means nothing. */
  readonly lasting: boolean;
  /** Resolves when the fault has taken effect. @throws HoldfastError HF_LAB where it cannot */
  readonly inject: (target: Injection) => Promise<void>;
  /** Undoes it; right also when the host was rebooted or removed its traces in the meantime. */
  readonly heal: (target: Target) => Promise<void>;
}

/** For the kinds that are over in an instant. */
export const nothingToHeal = async (): Promise<void> => {};

/** `needs` of the kinds that are between two hosts. */
export const needsPeer = "--peer HOST";
