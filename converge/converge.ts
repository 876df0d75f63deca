/**
 * Makes a host what a spec says. The order of the whole, over a narrow port, so that it can be cut in the
 * middle in a test; the host behind the port is in `this-host.ts`.
 *
 * Idea: plan, ask whether it would be accepted, note on disk what the plan owes, do it step by step, wait until healthy, store the spec,
 * forget the note. Whatever cuts it, the next apply finds either the old facts or the note.
 */
import { isDeepStrictEqual } from "node:util";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { isMistake, keepInLog, unforeseen } from "../contract/unforeseen.ts";
import type { ConvergeReport, HostSpec, Secrets } from "../contract/wire/host-spec.ts";
import type { Due, Pending } from "../contract/wire/pending.ts";
import { emptyInventory } from "../contract/wire/pending.ts";
import type { HostFacts } from "./facts.ts";
import { inventoryOf, union } from "./inventory.ts";
import { dueOf, planSteps, settle } from "./plan-steps.ts";
import { disturbances, losesNeard, restartsAgent, type Step, subject } from "./steps.ts";

export type Change = ConvergeReport["changed"][number];

/** The host, as a converge needs it. */
export interface ConvergeHost {
  readFacts(spec: HostSpec): Promise<HostFacts>;
  /** Asks whether what the steps would bring is accepted, before the first is done. Throws when it is not. */
  validate(spec: HostSpec, steps: readonly Step[]): Promise<void>;
  perform(step: Step): Promise<void>;
  writePending(pending: Pending): Promise<void>;
  /** Stores the spec, then forgets what was pending. */
  complete(spec: HostSpec): Promise<void>;
  /** Runs `work` as the only host of the cluster that is being changed. `disturbs` empty: its agent alone is restarted, the key stays. */
  alone(spec: HostSpec, disturbs: ReadonlySet<"consul" | "neard">, work: () => Promise<void>): Promise<void>;
  /** @param disturbed a running part of the cluster was restarted. */
  waitHealthy(spec: HostSpec, disturbed: boolean): Promise<void>;
  /** Policies, tokens, autopilot; calls `done` after each change. */
  convergeAcl(spec: HostSpec, secrets: Secrets, done: (change: Change) => void): Promise<void>;
}

/** @param done called after each change. @throws HoldfastError HF_APPLY_FAILED and those of the parts. */
export async function converge(
  host: ConvergeHost,
  spec: HostSpec,
  secrets: Secrets,
  done: (change: Change) => void,
): Promise<void> {
  const facts = await host.readFacts(spec);
  const steps = planSteps(spec, secrets, facts);
  // Before anybody is asked to give way for it.
  await host.validate(spec, steps);
  const disturbed = disturbedBy(spec, facts, steps);
  if (disturbed.size === 0 && !restartsAgent(steps)) return await carryOut(host, spec, secrets, facts, done, false);
  await host.alone(spec, disturbed, async () => {
    // The wait may have been long: what was true before it need not be any more.
    await carryOut(host, spec, secrets, await host.readFacts(spec), done, disturbed.size > 0);
  });
}

/** By these steps, by those of an apply that was cut short, and by the loss of a role. */
function disturbedBy(spec: HostSpec, facts: HostFacts, steps: readonly Step[]): ReadonlySet<"consul" | "neard"> {
  const lost = losesNeard(facts.stored, spec) ? (["neard"] as const) : [];
  return new Set([...disturbances(steps), ...lost, ...(facts.pending?.disturbs ?? [])]);
}

async function carryOut(
  host: ConvergeHost,
  spec: HostSpec,
  secrets: Secrets,
  facts: HostFacts,
  done: (change: Change) => void,
  disturbed: boolean,
): Promise<void> {
  const steps = planSteps(spec, secrets, facts);
  const finishing = facts.pending !== null;
  if (steps.length > 0) await carryOutSteps(host, spec, facts, steps, done);
  if (steps.some((step) => step.kind === "unit") || finishing) await host.waitHealthy(spec, disturbed);
  if (spec.acl !== undefined) await host.convergeAcl(spec, secrets, done);
  if (steps.length > 0 || finishing || !isDeepStrictEqual(facts.stored, spec)) await host.complete(spec);
}

async function carryOutSteps(
  host: ConvergeHost,
  spec: HostSpec,
  facts: HostFacts,
  steps: readonly Step[],
  done: (change: Change) => void,
): Promise<void> {
  const inventory = union(
    facts.stored === null ? emptyInventory : inventoryOf(facts.stored),
    facts.pending?.inventory ?? emptyInventory,
    inventoryOf(spec),
  );
  const disturbs = [...disturbedBy(spec, facts, steps)];
  let due: Due = dueOf(steps);
  await host.writePending({ inventory, due, disturbs });
  for (const [position, step] of steps.entries()) {
    try {
      await host.perform(step);
    } catch (error) {
      throw failedAt(spec, step, `step ${position + 1} of ${steps.length}`, error);
    }
    done({ what: subject(step), why: step.why });
    const left = settle(due, step);
    if (left === due) continue;
    due = left;
    await host.writePending({ inventory, due, disturbs });
  }
}

function failedAt(spec: HostSpec, step: Step, where: string, cause: unknown): HoldfastError {
  const doing = `${spec.host} ${spec.concern}: ${where}, ${subject(step)} (${step.why}),`;
  if (isMistake(cause)) return unforeseen(doing, cause, keepInLog);
  const known = cause instanceof HoldfastError ? cause : undefined;
  const message = known?.message ?? plainReason(cause);
  return new HoldfastError(known?.code ?? "HF_APPLY_FAILED", `${doing} failed: ${message}`, {
    next: known?.next ?? "Mend the cause and run pulumi up again: it goes on from here.",
    cause,
  });
}
