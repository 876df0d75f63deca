/**
 * The question of an apply, without the answer: what differs between the host and a spec. Drift detection.
 * Without secrets at hand, what is secret is only checked for being there, readable, and rightly owned.
 */
import { HoldfastError } from "../../contract/errors.ts";
import type { Concern, HostSpec, Secrets } from "../../contract/host-spec.ts";
import { aclSubject, planAcl } from "./acl.ts";
import { AclConsul } from "./acl-consul.ts";
import type { Change } from "./converge.ts";
import { planSteps } from "./plan-steps.ts";
import type { Progress } from "./progress.ts";
import { readFacts } from "./read-facts.ts";
import type { SpecStore } from "./spec-store.ts";
import { subject } from "./steps.ts";

/** @param secrets null when only the stored spec is at hand. */
export async function checkSpec(
  spec: HostSpec,
  secrets: Secrets | null,
  store: SpecStore,
  progress: Progress,
): Promise<Change[]> {
  const facts = await readFacts(spec, store);
  const changes = planSteps(spec, secrets, facts).map((step) => ({ what: subject(step), why: step.why }));
  if (facts.pending !== null) changes.push({ what: spec.concern, why: "an earlier apply was cut short" });
  if (spec.acl === undefined || secrets === null) return changes;
  const consul = await AclConsul.open(secrets[spec.acl.managementSecret] ?? "");
  try {
    const aclFacts = await consul.readFacts(10_000, progress);
    return [
      ...changes,
      ...planAcl(spec.acl, secrets, aclFacts).map((step) => ({ what: aclSubject(step), why: step.why })),
    ];
  } finally {
    consul.close();
  }
}

/** The spec of the last apply that went through. @throws HoldfastError HF_USAGE when there was none. */
export async function storedSpec(concern: Concern, store: SpecStore): Promise<HostSpec> {
  const spec = await store.readSpec(concern);
  if (spec !== null) return spec;
  throw new HoldfastError("HF_USAGE", `No apply of ${concern} has gone through on this host.`, {
    next: "Give the spec to compare with: holdfastd check --concern NAME --spec FILE.",
  });
}
