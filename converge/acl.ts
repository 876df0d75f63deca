/**
 * Consul's policies, tokens and autopilot settings: what is there and what the spec wants → the calls that
 * make one into the other. Pure; `acl-consul.ts` asks and does.
 *
 * Idea: what we make carries our mark in its description, so what left the spec can be told from what
 * an operator made by hand. Policies go in before the tokens that name them, and come out after.
 * Awkward case: a host that leaves. Pulumi changes the ACLs before it removes what has left, and that host
 * may be active, and needs its token to hand over and to leave Consul. So a token goes only when its
 * host is no living member any more: revoke.ts sees to that once the host is clean. One that was given up
 * (`gone`) loses its token here, living or not: nobody can clean it, and its lease ends by itself.
 * Another one: a stack that adopted its hosts knows their tokens, but not the public ids under which Consul keeps them.
 * A token is known by its secret as well.
 * And a host's other secret: Consul and agent of that host have the old one until theirs is applied, which comes after this. So
 * the new token is made here, beside the old one, and that goes when all hosts have theirs: retire.ts.
 */

import { aclName } from "../contract/topology.ts";
import type { HostSpec, Secrets } from "../contract/wire/host-spec.ts";

export type AclSpec = NonNullable<HostSpec["acl"]>;

/** Leads the description of everything that we make. */
export const aclMark = "made by holdfast: ";

export interface AclFacts {
  readonly policies: readonly {
    readonly id: string;
    readonly name: string;
    readonly description: string;
    readonly rules: string;
  }[];
  readonly tokens: readonly {
    readonly accessor: string;
    readonly secret: string;
    readonly description: string;
    readonly policies: readonly string[];
  }[];
  /** Names of Consul's living members. */
  readonly members: readonly string[];
  /** Names of those that it has lost sight of: neither living nor gone with a goodbye. */
  readonly failed: readonly string[];
  /** As Consul's API names them: CleanupDeadServers, MinQuorum, ... */
  readonly autopilot: Readonly<Record<string, unknown>>;
}

export type AclStep = (
  | { readonly kind: "policy"; readonly id: string | null; readonly name: string; readonly rules: string }
  | {
      readonly kind: "token";
      readonly exists: boolean;
      readonly name: string;
      /** Null: whatever Consul makes of it. */
      readonly accessor: string | null;
      readonly secret: string;
      readonly policies: readonly string[];
    }
  | { readonly kind: "autopilot"; readonly settings: Readonly<Record<string, unknown>> }
  | { readonly kind: "force-leave"; readonly name: string }
  | { readonly kind: "delete-token"; readonly accessor: string; readonly name: string }
  | { readonly kind: "delete-policy"; readonly id: string; readonly name: string }
) & { readonly why: string };

/** What an ACL step changes, for the report; never a secret. */
export function aclSubject(step: AclStep): string {
  switch (step.kind) {
    case "policy":
    case "delete-policy":
      return `consul policy ${step.name}`;
    case "token":
    case "delete-token":
      return `consul token ${step.name}`;
    case "autopilot":
      return "consul autopilot";
    case "force-leave":
      return `consul member ${step.name}`;
  }
}

/** @param secrets holds every secret that the spec names; see `missingSecrets`. */
export function planAcl(spec: AclSpec, secrets: Secrets, facts: AclFacts): AclStep[] {
  return [
    ...autopilotSteps(spec, facts),
    ...policySteps(spec, facts),
    ...tokenSteps(spec, secrets, facts),
    ...lostSteps(spec, facts),
    ...obsoleteSteps(spec, secrets, facts),
    ...supersededSteps(spec, secrets, facts),
  ];
}

/** How Consul itself calls the token that a bootstrap makes, and the one that its configuration makes. */
const madeByConsul = ["Bootstrap Token (Global Management)", "Initial Management Token"];

/** Management tokens of before a reset: whoever has a copy of a lost stack's state can do nothing with it from then on. */
function supersededSteps(spec: AclSpec, secrets: Secrets, facts: AclFacts): AclStep[] {
  return facts.tokens
    .filter(({ description }) => madeByConsul.includes(description))
    .filter(({ secret }) => secret !== secrets[spec.managementSecret])
    .map(({ accessor }): AclStep => ({ kind: "delete-token", accessor, name: "management", why: "an earlier one" }));
}

/** A host that died and left the configuration counts in no quorum any more: said on its behalf. */
function lostSteps(spec: AclSpec, facts: AclFacts): AclStep[] {
  const wanted = new Set(spec.policies.map(({ name }) => name));
  const ours = new Set(
    facts.policies.filter(({ description }) => description.startsWith(aclMark)).map(({ name }) => name),
  );
  return facts.failed
    .filter((member) => ours.has(aclName(member)) && !wanted.has(aclName(member)))
    .map((name): AclStep => ({ kind: "force-leave", name, why: "failed, and not in the spec any more" }));
}

/** @param facts what any host's token may ask for, the management token's besides */
export function autopilotSteps(spec: AclSpec, facts: Pick<AclFacts, "autopilot">): AclStep[] {
  const differing = Object.entries(spec.autopilot).filter(([name, value]) => facts.autopilot[name] !== value);
  if (differing.length === 0) return [];
  // The API replaces all settings at once: those not in the spec stay as they are.
  const settings = { ...facts.autopilot, ...spec.autopilot };
  return [{ kind: "autopilot", settings, why: differing.map(([name]) => name).join(", ") }];
}

function policySteps(spec: AclSpec, facts: AclFacts): AclStep[] {
  return spec.policies.flatMap((policy): AclStep[] => {
    const fact = facts.policies.find(({ name }) => name === policy.name);
    const rules = policy.rules.join("\n");
    const step = { kind: "policy", id: fact?.id ?? null, name: policy.name, rules } as const;
    if (fact === undefined) return [{ ...step, why: "absent" }];
    return fact.rules === rules && fact.description === describe(policy.name) ? [] : [{ ...step, why: "rules" }];
  });
}

/** Consul never changes a token's secret: another one is another token, under an id of Consul's choice, for two cannot have one id. */
function tokenSteps(spec: AclSpec, secrets: Secrets, facts: AclFacts): AclStep[] {
  return spec.tokens.flatMap((token): AclStep[] => {
    const { name, policies } = token;
    const [accessor, secret] = [secrets[token.accessorSecret] ?? "", secrets[token.secret] ?? ""];
    const fact = facts.tokens.find((other) => other.secret === secret);
    const isTaken = facts.tokens.some((other) => other.accessor === accessor);
    const make = { kind: "token", name, secret, policies } as const;
    if (fact === undefined)
      return isTaken
        ? [{ ...make, exists: false, accessor: null, why: "secret" }]
        : [{ ...make, exists: false, accessor, why: "absent" }];
    const same = (a: readonly string[], b: readonly string[]) => a.toSorted().join() === b.toSorted().join();
    const faults = [
      ...(same(fact.policies, policies) ? [] : ["policies"]),
      ...(fact.description === describe(name) ? [] : ["description"]),
    ];
    if (faults.length === 0) return [];
    return [{ ...make, exists: true, accessor: fact.accessor, why: faults.join(", ") }];
  });
}

function obsoleteSteps(spec: AclSpec, secrets: Secrets, facts: AclFacts): AclStep[] {
  const why = "not in the spec any more";
  const accessors = new Set(spec.tokens.map((token) => secrets[token.accessorSecret]));
  const known = new Set(spec.tokens.map((token) => secrets[token.secret]));
  const names = new Set(spec.policies.map(({ name }) => name));
  const staying = facts.members.filter((member) => !spec.gone.includes(member));
  const living = new Set(staying.map((member) => describe(aclName(member))));
  const ours = ({ description }: { description: string }) =>
    description.startsWith(aclMark) && !living.has(description);
  return [
    ...facts.tokens
      .filter((token) => ours(token) && !accessors.has(token.accessor) && !known.has(token.secret))
      .map(
        ({ accessor, description }): AclStep => ({
          kind: "delete-token",
          accessor,
          name: description.slice(aclMark.length),
          why,
        }),
      ),
    ...facts.policies
      .filter((policy) => ours(policy) && !names.has(policy.name))
      .map(({ id, name }): AclStep => ({ kind: "delete-policy", id, name, why })),
  ];
}

/** The description that marks a policy or token as ours. */
export function describe(name: string): string {
  return `${aclMark}${name}`;
}
