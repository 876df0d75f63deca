/**
 * The question of an apply, without the answer: what differs between the host and a spec. Drift detection.
 * Without secrets at hand, what is secret is only checked for being there, readable, and rightly owned.
 * One thing no apply changes: what others have added to our units (foreign-units.ts). It is told apart, so that who asks
 * whether an apply would mend the host, as every `pulumi up` does, is not sent in circles.
 */
import { HoldfastError, plainReason } from "../contract/errors.ts";
import type { Concern, HostSpec, Secrets } from "../contract/wire/host-spec.ts";
import { tokenUnknown } from "../host/consul/errors.ts";
import { aclSubject, autopilotSteps, planAcl } from "./acl.ts";
import { AclConsul, readAutopilot } from "./acl-consul.ts";
import type { Change } from "./converge.ts";
import { foreignUnits } from "./foreign-units.ts";
import { beyondApply } from "./in-force.ts";
import type { Look } from "./look.ts";
import { planSteps } from "./plan-steps.ts";
import type { Progress } from "./progress.ts";
import { readFacts } from "./read-facts.ts";
import type { SpecStore } from "./spec-store.ts";
import { subject } from "./steps.ts";

const cutShort = "an earlier apply was cut short";

export interface Differences {
  /** What an apply would do. */
  readonly changes: readonly Change[];
  /** What somebody else did, and no apply takes back. */
  readonly foreign: readonly Change[];
  /** No difference, but worth a word. */
  readonly notes: readonly Change[];
}

/** @param secrets null when only the stored spec is at hand. @param look when others are looked at besides. */
export async function check(
  { concern, spec }: Question,
  secrets: Secrets | null,
  store: SpecStore,
  progress: Progress,
  look?: Look,
): Promise<Differences> {
  if (spec === null) return { changes: [{ what: concern, why: cutShort }], foreign: [], notes: [] };
  const facts = await readFacts(spec, store, look);
  const others = [foreignUnits(spec, facts), beyondApply(spec, facts.inForce)];
  const foreign = others.flatMap(({ drift }) => drift);
  const notes = others.flatMap((one) => one.notes);
  const changes = planSteps(spec, secrets, facts).map((step) => ({ what: subject(step), why: step.why }));
  if (facts.pending !== null) changes.push({ what: concern, why: cutShort });
  if (spec.acl === undefined) return { changes, foreign, notes };
  if (secrets === null) return { ...(await withAutopilot(spec.acl, { changes, notes })), foreign };
  const consul = await AclConsul.open(secrets[spec.acl.managementSecret] ?? "");
  try {
    if (!(await consul.knowsToken())) return { changes: [...changes, unknownToManagement], foreign, notes };
    const aclFacts = await consul.readFacts(10_000, progress);
    const acl = planAcl(spec.acl, secrets, aclFacts).map((step) => ({ what: aclSubject(step), why: step.why }));
    return { changes: [...changes, ...acl], foreign, notes };
  } finally {
    consul.close();
  }
}

const notKnown = "Consul does not know it";
const unknownToManagement: Change = { what: "consul management token", why: notKnown };

/**
 * Without the management token: of what is kept in Consul, autopilot's settings alone can be compared, and whether Consul
 * knows this host at all. Exported for its test alone.
 */
export async function withAutopilot(
  spec: NonNullable<HostSpec["acl"]>,
  { changes, notes }: Pick<Differences, "changes" | "notes">,
  read: typeof readAutopilot = readAutopilot,
): Promise<Pick<Differences, "changes" | "notes">> {
  try {
    const autopilot = await read();
    const steps = autopilot === null ? [] : autopilotSteps(spec, { autopilot });
    return { changes: [...changes, ...steps.map((step) => ({ what: aclSubject(step), why: step.why }))], notes };
  } catch (error) {
    // Consul has lost its ACLs: the next apply sets them up anew.
    if (tokenUnknown(error))
      return { changes: [...changes, { what: "consul token of this host", why: notKnown }], notes };
    // Whatever else is amiss with Consul, or with this host's way to it: the rest was compared all the same.
    return {
      changes,
      notes: [...notes, { what: "consul autopilot", why: `could not be asked for: ${plainReason(error)}` }],
    };
  }
}

/** One concern to check; without a spec when an apply has begun there and none has gone through. */
export interface Question {
  readonly concern: Concern;
  readonly spec: HostSpec | null;
}

/** Of every concern of which this host knows anything. */
export async function allQuestions(store: SpecStore): Promise<Question[]> {
  const known = await store.known();
  return await Promise.all(known.map(async (concern) => ({ concern, spec: await store.readSpec(concern) })));
}

/** @throws HoldfastError HF_USAGE when nothing is known of the concern. */
export async function questionOf(concern: Concern, store: SpecStore): Promise<Question> {
  const question = (await allQuestions(store)).find((known) => known.concern === concern);
  if (question !== undefined) return question;
  throw new HoldfastError("HF_USAGE", `${concern} was never applied on this host.`, {
    next: "Give the spec to compare with: holdfastd check --spec FILE.",
  });
}
