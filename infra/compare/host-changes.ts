/**
 * What an apply would do on one host: the converger's own plan (converge/plan-steps.ts), asked with a host that is
 * exactly what the base says. So what is told here and what is done there are one piece of code. Pure.
 */

import { isOwnConfig } from "../../contract/paths.ts";
import type { HostRole } from "../../contract/topology.ts";
import { type Concern, concerns, type HostSpec, hostSpecSchema, type Secrets } from "../../contract/wire/host-spec.ts";
import { nothingBefore } from "../../contract/wire/identity.ts";
import { emptyInventory } from "../../contract/wire/pending.ts";
import type { HostFacts, PathFact, UnitFact } from "../../converge/facts.ts";
import { nothingInForce } from "../../converge/in-force.ts";
import { inventoryOf, union } from "../../converge/inventory.ts";
import { credentialAttributes, fileText, planSteps, sha256 } from "../../converge/plan-steps.ts";
import { disturbances, losesNeard, type Step, subject } from "../../converge/steps.ts";
import { shownLine } from "../config/shown.ts";
import type { HostPlan } from "../plan/deployment.ts";
import { credentialPath } from "../plan/spec-parts.ts";
import { lineChanges } from "./line-changes.ts";
import type { MachineChange } from "./machine-changes.ts";
import type { Side } from "./side.ts";

export interface Change {
  /** A path, a unit, a user. */
  readonly what: string;
  readonly why: string;
  /** Of a file in clear: the lines that differ, each with `-` or `+` before it. */
  readonly lines: readonly string[];
}

export interface ConcernChange {
  readonly concern: Concern;
  readonly changes: readonly Change[];
  readonly restarts: readonly string[];
  readonly reloads: readonly string[];
  /** What the cluster loses on this host for a moment. */
  readonly disturbs: readonly ("consul" | "neard")[];
}

export interface HostChange {
  readonly name: string;
  /**
   *   same      nothing is to be done
   *   changes   something is
   *   new       was not there
   *   replaced  another machine under this name: its SSH host key is another, or a cloud makes it now and did not, or the other way round
   *   leaves    is cleaned up, for it is no host of the cluster any more
   *   gone      died; nobody tries to clean it up
   */
  readonly state: "same" | "changes" | "new" | "replaced" | "leaves" | "gone";
  readonly roles: readonly HostRole[];
  readonly address: string;
  readonly zone: string | null;
  /** Of the machine itself, at a cloud. */
  readonly machine: readonly MachineChange[];
  /** Of holdfast's own programs on the host, before anything else. */
  readonly runtime: boolean;
  readonly concerns: readonly ConcernChange[];
}

/** Its server is powered off, and on again. */
export const isPoweredOff = (host: HostChange): boolean => host.machine.some(({ powersOff }) => powersOff);

/** The specs of a host by concern; those of the ACLs, which are the cluster's, are with the host that carries them out. */
export function specsOf(side: Side, { host, system, consul, neard, agent }: HostPlan): Map<Concern, HostSpec> {
  const acl = side.plan.acl.spec.host === host.name ? side.plan.acl : undefined;
  const all = [system, consul, acl, neard, agent].flatMap((concern) => concern ?? []);
  return new Map(all.map(({ spec }) => [spec.concern, hostSpecSchema.parse(spec)]));
}

/**
 * In the order in which they are done on a host.
 * @param before of the host as it is; empty: it is a new one
 */
export function concernChanges(
  before: ReadonlyMap<Concern, HostSpec>,
  after: ReadonlyMap<Concern, HostSpec>,
  secrets: { readonly before: Secrets; readonly after: Secrets },
): ConcernChange[] {
  return concerns.flatMap((concern): ConcernChange[] => {
    const spec = after.get(concern);
    const stored = before.get(concern) ?? null;
    if (spec === undefined) return stored === null ? [] : [removal(stored)];
    const facts = asDeployed(stored, before, after, secrets.before);
    const steps = planSteps(spec, secrets.after, facts).filter(({ kind }) => kind !== "daemon-reload");
    const acl = concern === "acl" ? aclChanges(stored, spec) : [];
    if (steps.length === 0 && acl.length === 0) return [];
    return [
      {
        concern,
        changes: [...steps.map((step) => changeOf(step, stored, spec)), ...acl],
        // A unit that is not there yet is started; the converger has its reasons to call that a restart.
        restarts: unitsWith(steps, "restart").filter((unit) => facts.units.has(unit)),
        reloads: unitsWith(steps, "reload"),
        disturbs: [...new Set([...disturbances(steps), ...(losesNeard(stored, spec) ? (["neard"] as const) : [])])],
      },
    ];
  });
}

function removal(stored: HostSpec): ConcernChange {
  const why = "the host has no such role any more";
  return {
    concern: stored.concern,
    changes: stored.units.map(({ name }) => ({ what: name, why, lines: [] })),
    restarts: [],
    reloads: [],
    disturbs: stored.units.flatMap(({ disturbs }) => (disturbs === "consul" || disturbs === "neard" ? [disturbs] : [])),
  };
}

const unitsWith = (steps: readonly Step[], action: string) =>
  steps.flatMap((step) => (step.kind === "unit" && step.action === action ? [step.unit] : []));

function changeOf(step: Step, stored: HostSpec | null, spec: HostSpec): Change {
  const linesAt = (of: HostSpec | null) => of?.files.find(({ path }) => path === subject(step))?.lines;
  // The agent's own copy says nothing that agent.json does not.
  const isText = (step.kind === "file" || step.kind === "delete-file") && !isOwnConfig(subject(step));
  const lines = isText && stored !== null ? lineChanges(linesAt(stored) ?? [], linesAt(spec) ?? []).map(shownLine) : [];
  const why = step.kind === "unit" || step.why !== "content" ? step.why : "other content";
  return { what: subject(step), why, lines };
}

/** The acl concern has no files: its policies and tokens are compared as such. */
function aclChanges(stored: HostSpec | null, spec: HostSpec): Change[] {
  const by = (of: HostSpec | null) => new Map((of?.acl?.policies ?? []).map(({ name, rules }) => [name, rules]));
  const [before, after] = [by(stored), by(spec)];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name) => {
    const lines = lineChanges(before.get(name) ?? [], after.get(name) ?? []);
    if (lines.length === 0) return [];
    const why = !before.has(name) ? "new" : !after.has(name) ? "not wanted any more: its token dies" : "other rules";
    const isOther = before.has(name) && after.has(name);
    return [{ what: `Consul's policy and token ${name}`, why, lines: isOther ? lines : [] }];
  });
}

/** What `planSteps` would see on a host that is what `stored` says. */
function asDeployed(
  stored: HostSpec | null,
  before: ReadonlyMap<Concern, HostSpec>,
  after: ReadonlyMap<Concern, HostSpec>,
  secrets: Secrets,
): HostFacts {
  const there = [...before.values()];
  const file = (path: string, { mode, owner, group }: { mode: string; owner: string; group: string }, text: string) =>
    [path, { kind: "file", mode, owner, group, sha256: text }] as const;
  const root = { owner: "root", group: "root" };
  const secretText = (name: string) => sha256(secrets[name] ?? "");
  const pathsOf = (spec: HostSpec): (readonly [string, PathFact])[] => [
    ...spec.directories.map(
      (d) => [d.path, { kind: "directory", mode: d.mode, owner: d.owner, group: d.group }] as const,
    ),
    ...spec.files.map((one) => file(one.path, one, sha256(fileText(one.lines)))),
    ...spec.secretFiles.map((one) => file(one.path, one, secretText(one.secret))),
    ...spec.artifacts.map((one) => file(one.path, { ...root, mode: one.mode }, one.sha256)),
    ...spec.credentials.map((one) => file(credentialPath(one.name), credentialAttributes, "sealed")),
  ];
  const running: UnitFact = {
    state: "running",
    failed: false,
    restarts: 0,
    loaded: true,
    enabled: true,
    needsDaemonReload: false,
    fragment: "",
    dropIns: [],
    mainPid: 0,
  };
  const elsewhere = [...after.values()].filter(({ concern }) => concern !== stored?.concern);
  return {
    users: new Map(there.flatMap(({ users }) => users).map(({ name, home, groups }) => [name, { home, groups }])),
    paths: new Map(there.flatMap(pathsOf)),
    credentials: new Map(
      there.flatMap(({ credentials }) => credentials).map(({ name, secret }) => [name, secretText(secret)]),
    ),
    units: new Map(there.flatMap(({ units }) => units).map(({ name }) => [name, running])),
    stored,
    pending: null,
    elsewhere: union(emptyInventory, ...elsewhere.map(inventoryOf)),
    inForce: nothingInForce,
    before: nothingBefore,
  };
}
