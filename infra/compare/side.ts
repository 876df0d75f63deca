/** One of the two states that are compared: a stack's file and what goes to the hosts with it → its plan. Pure. */
import { createHash } from "node:crypto";
import { checkConfiguration } from "../config/check-configuration.ts";
import type { Fault } from "../config/faults.ts";
import type { SettingName } from "../config/read-settings.ts";
import type { Settings } from "../config/schema.ts";
import { type Host, hasRole, type Topology, topologyFrom } from "../config/topology.ts";
import { type ArtifactsByArch, type Plan, planDeployment } from "../plan/deployment.ts";
import { clusterSecrets, type HostSecret, hostSecret } from "../plan/secret-names.ts";
import type { Artifact, HostArtifacts } from "../plan/uploads.ts";
import { type StackFile, sealedSettings } from "./stack-file.ts";

/** What the checkout brings besides the settings: texts that differ where what reaches the hosts may differ. */
export interface Programs {
  readonly holdfastd: string;
  readonly node: string;
  readonly consul: string;
}

export interface Side {
  readonly file: StackFile;
  readonly topology: Topology;
  readonly plan: Plan;
  /** By name, as the plan's specs have them: texts that differ where the secret does. */
  readonly secrets: Readonly<Record<string, string>>;
}

export type MadeSide =
  | { readonly side: Side; readonly faults: readonly []; readonly warnings: readonly string[] }
  | { readonly side: null; readonly faults: readonly Fault[]; readonly warnings: readonly string[] };

export function makeSide(file: StackFile, programs: Programs): MadeSide {
  const unseen = sealedSettings.filter((name) => file.sealed.has(name));
  const { settings, faults, warnings } = checkConfiguration(
    file.config,
    (name) => file.secret.has(name),
    new Set<SettingName>(unseen),
  );
  if (settings === null) return { side: null, faults, warnings };
  const next = file.config["holdfast:nextValidatorKey"] === undefined ? null : "unseen-next-key";
  const topology = topologyFrom(settings, "unseen-key", next);
  const plan = planDeployment(topology, artifactsOf(settings, programs));
  return { side: { file, topology, plan, secrets: secretsOf(file, topology) }, faults: [], warnings };
}

/** Under the checksum that is pinned, or one that stands for where it comes from. */
function artifactsOf({ neard, consul, network }: Settings, programs: Programs): ArtifactsByArch {
  const artifact = (name: string, sha256: string | undefined, ...origin: (string | undefined)[]): Artifact => ({
    name,
    sha256: sha256 ?? createHash("sha256").update(JSON.stringify(origin)).digest("hex"),
  });
  const all: HostArtifacts = {
    node: artifact("node", undefined, programs.node),
    holdfastd: artifact("holdfastd", undefined, programs.holdfastd),
    consul: artifact("consul", consul.artifact?.sha256, consul.artifact?.source ?? programs.consul),
    neard: artifact("neard", neard.artifact.sha256, network, neard.version, neard.artifact.source),
    ...(neard.genesis === undefined
      ? {}
      : { genesis: artifact("genesis", neard.genesis.sha256, neard.genesis.source) }),
  };
  return { x64: all, arm64: all };
}

/** As infra/secrets/cluster-secrets.ts makes them: once, but for a certificate, which is for an address and a role. */
function secretsOf({ sealed, config }: StackFile, { hosts }: Topology): Record<string, string> {
  const keyMark = (name: (typeof sealedSettings)[number]) => sealed.get(name) ?? config[`holdfast:${name}`] ?? "";
  const ofHost = (host: Host): [string, string][] => {
    const role = hasRole("consul")(host) ? "server" : "client";
    const values: Record<HostSecret, string> = {
      certificate: `${role} ${host.address}`,
      "tls-key": `${role} ${host.address}`,
      "consul-secrets": role,
      "consul-token": "kept",
      "consul-accessor": "kept",
      "node-key": "kept",
    };
    return Object.entries(values).map(([name, value]) => [hostSecret(host.name, name as HostSecret), value]);
  };
  return Object.fromEntries([
    [clusterSecrets.caCertificate, "kept"],
    [clusterSecrets.managementToken, "kept"],
    [clusterSecrets.validatorKey, keyMark("validatorKey")],
    [clusterSecrets.nextValidatorKey, keyMark("nextValidatorKey")],
    [clusterSecrets.fencingToken, keyMark("fencingToken")],
    [clusterSecrets.fencingSecret, keyMark("fencingSecret")],
    ...hosts.flatMap(ofHost),
  ]);
}
