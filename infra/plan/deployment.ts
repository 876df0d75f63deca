/**
 * Topology and artifacts in, plan out: everything that the hosts shall be, as data. No Pulumi, no disk,
 * no network, no secret (only their names).
 */

import { stamped } from "../../contract/wire/format.ts";
import { type HostSpecInput, hostSpecSchema, hostSpecShape } from "../../contract/wire/host-spec.ts";
import type { HostArch } from "../config/schema.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { aclSpec } from "./acl.ts";
import { agentSpec } from "./agent.ts";
import { consulSpec } from "./consul.ts";
import { neardSpec } from "./neard.ts";
import { clusterSecrets, secretNamesIn } from "./secret-names.ts";
import { systemSpec } from "./system.ts";
import type { Artifact, HostArtifacts } from "./uploads.ts";

export type ArtifactsByArch = Readonly<Partial<Record<HostArch, HostArtifacts>>>;

export interface ConcernPlan {
  readonly spec: HostSpecInput;
  /** Names of the secrets that come with it. */
  readonly secrets: readonly string[];
}

export interface HostPlan {
  readonly host: Host;
  /** Node and the bundle: what runs `apply`, so it comes first. */
  readonly runtime: { readonly node: Artifact; readonly holdfastd: Artifact };
  /** Everything else that is copied to the host. */
  readonly uploads: readonly Artifact[];
  readonly system: ConcernPlan;
  readonly consul: ConcernPlan;
  /** Absent on an arbiter. */
  readonly neard?: ConcernPlan;
  readonly agent: ConcernPlan;
}

export interface Plan {
  readonly topology: Topology;
  /** By name. */
  readonly hosts: readonly HostPlan[];
  readonly acl: ConcernPlan;
  /**
   * Who has his agent changed before whom: arbiters first, so that a bad build shows itself where it can do no harm. Within a
   * wave the hosts settle it among themselves: one at a time, and the active one last.
   */
  readonly agentWaves: readonly (readonly string[])[];
}

/** @param artifacts for every architecture that a host has. @param leftOut hosts that cannot be worked with now */
export function planDeployment(
  topology: Topology,
  artifacts: ArtifactsByArch,
  leftOut: ReadonlySet<string> = new Set(),
): Plan {
  const arbiters = topology.hosts.filter((host) => !hasRole("neard")(host));
  return {
    topology,
    hosts: topology.hosts.map((host) => planHost(topology, host, artifacts)),
    acl: concern(aclSpec(topology, leftOut)),
    agentWaves: [arbiters, topology.hosts.filter(hasRole("neard"))].map((hosts) => hosts.map(({ name }) => name)),
  };
}

function planHost(topology: Topology, host: Host, byArch: ArtifactsByArch): HostPlan {
  const artifacts = byArch[host.arch];
  if (artifacts === undefined) throw new TypeError(`no artifacts for ${host.arch}, the architecture of ${host.name}`);
  const { node, holdfastd, consul, neard, genesis } = artifacts;
  const validates = hasRole("neard")(host);
  return {
    host,
    runtime: { node, holdfastd },
    uploads: [consul, ...(validates ? [neard, ...(genesis === undefined ? [] : [genesis])] : [])],
    system: concern(systemSpec(topology, host)),
    // A server that starts without data asks the others about the one that it replaces (converge/first-start.ts).
    consul: concern(
      consulSpec(topology, host, artifacts),
      hasRole("consul")(host) ? [clusterSecrets.managementToken] : [],
    ),
    ...(validates ? { neard: concern(neardSpec(topology, host, artifacts)) } : {}),
    agent: concern(agentSpec(topology, host, artifacts)),
  };
}

/** Also proves that the converger will accept the spec. */
function concern(planned: HostSpecInput, besides: readonly string[] = []): ConcernPlan {
  const spec = stamped(hostSpecShape, planned) as HostSpecInput;
  hostSpecSchema.parse(spec);
  return { spec, secrets: [...secretNamesIn(spec), ...besides].toSorted() };
}
