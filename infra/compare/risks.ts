/** What somebody should know before saying yes to a change: each risk has a name, that scripts may rely on. Pure. */

import { fencingModes } from "../../contract/fencing.ts";
import { spareOf } from "../../contract/quorum.ts";
import { narrowTimings } from "../../contract/timing-margins.ts";
import { type Host, hasRole, isAtCloud } from "../config/topology.ts";
import { zoneRisks } from "../config/zone-checks.ts";
import { type HostChange, isPoweredOff } from "./host-changes.ts";
import type { Side } from "./side.ts";

export const riskNames = [
  /** Another deployment: other lock, other history; it would not know of the old one. */
  "other-deployment",
  /** More of the Consul servers leave or are replaced at once than a majority can spare. */
  "quorum-lost",
  /** Fewer Consul servers may be lost at once afterwards than before. */
  "quorum-falls",
  /** No host that stands by now would still be there. */
  "no-standby-left",
  /** A host that may be active leaves, or becomes another machine. */
  "active-replaced",
  /** Servers lose their power for a minute or two; more than one in one run is refused. */
  "powered-off",
  /** What kept Pulumi from deleting or replacing a server does so no more. */
  "protection-removed",
  /** Hosts that one event can take together. */
  "zone",
  /** All that could validate is at one provider's. */
  "provider",
  /** The lease's numbers are sound, with next to nothing to spare. */
  "lease-edge",
  /** Another validator key, or one set anew: the cipher text does not say which. */
  "validator-key-set",
  /** What the secrets are encrypted with is another passphrase or key. */
  "encryption-changed",
  /** Who may reach SSH is another set of addresses. */
  "ssh-narrowed",
  /** A take-over asks for less proof than before that the old host is off. */
  "fencing-weakened",
] as const;
export type RiskName = (typeof riskNames)[number];

export interface Risk {
  readonly name: RiskName;
  /** `danger`: the cluster may stop signing, or be locked out. `note`: worth a look. */
  readonly weight: "danger" | "note";
  /** One sentence without its full stop. */
  readonly message: string;
}

export function risksOf(base: Side | null, head: Side, hosts: readonly HostChange[]): Risk[] {
  return [
    ...(base === null
      ? []
      : [...deploymentRisks(base, head), ...quorumRisks(base, head, hosts), ...standbyRisks(base, hosts)]),
    ...(base === null ? [] : [...powerRisks(hosts), ...protectionRisks(base, head)]),
    ...(base === null ? [] : [...keyRisks(base, head), ...sshRisks(base, head), ...fencingRisks(base, head)]),
    ...zoneRisks(head.topology.hosts).map(risk("zone", "note")),
    ...providerRisks(head.topology.hosts).map(risk("provider", "note")),
    ...narrowTimings(head.topology.lease).map(risk("lease-edge", "note")),
  ];
}

const risk =
  (name: RiskName, weight: Risk["weight"]) =>
  (message: string): Risk => ({ name, weight, message });
const named = (hosts: readonly { readonly name: string }[]) => hosts.map(({ name }) => name).join(", ");

function deploymentRisks({ topology: was }: Side, { topology: is }: Side): Risk[] {
  const words: [string, string, string][] = [
    ["network", was.network, is.network],
    ["validator.account", was.account, is.account],
    ["neard.chainId", was.neard.chainId, is.neard.chainId],
    ["consul.datacenter", was.consul.datacenter, is.consul.datacenter],
  ];
  return words
    .filter(([, before, after]) => before !== after)
    .map(
      ([setting, before, after]) =>
        `${setting} becomes ${after}, from ${before}: that is another deployment, not a change of this one`,
    )
    .map(risk("other-deployment", "danger"));
}

function fencingRisks({ topology: { fencing: was } }: Side, { topology: { fencing: is } }: Side): Risk[] {
  const rank = (mode: (typeof fencingModes)[number]) => fencingModes.indexOf(mode);
  return [
    ...(rank(is.mode) < rank(was.mode)
      ? [`fencing becomes ${is.mode}, from ${was.mode}: a paused virtual machine may sign beside its successor`]
      : []),
    ...(is.skipWait && !was.skipWait
      ? ["fencingSkipsWait is set: a power device that says off of a host that runs lets two hosts sign at once"]
      : []),
  ].map(risk("fencing-weakened", "note"));
}

/** A server that leaves or is another machine takes its data with it. */
function quorumRisks(base: Side, head: Side, hosts: readonly HostChange[]): Risk[] {
  const servers = base.topology.hosts.filter(hasRole("consul"));
  const after = head.topology.hosts.filter(hasRole("consul"));
  const stays = (host: Host) => {
    const now = after.find(({ name }) => name === host.name);
    const state = hosts.find(({ name }) => name === host.name)?.state;
    return now !== undefined && now.address === host.address && state !== "replaced";
  };
  const lost = servers.filter((host) => !stays(host));
  const spare = (of: readonly Host[]) => spareOf(of.length);
  const risks: Risk[] = [];
  if (lost.length > spare(servers))
    risks.push(
      risk(
        "quorum-lost",
        "danger",
      )(
        `${lost.length} of ${servers.length} Consul servers leave, move or are other machines at once (${named(lost)}); a majority can spare ${spare(servers)}: change one, wait until it votes, then the next`,
      ),
    );
  if (spare(after) < spare(servers))
    risks.push(
      risk(
        "quorum-falls",
        "note",
      )(
        `Consul survives the loss of ${spare(after)} of ${after.length} servers afterwards; now it is ${spare(servers)} of ${servers.length}`,
      ),
    );
  return risks;
}

function standbyRisks(base: Side, hosts: readonly HostChange[]): Risk[] {
  const neards = base.topology.hosts.filter(hasRole("neard"));
  const now = (host: Host) => hosts.find(({ name }) => name === host.name);
  const leaves = neards.filter((host) => {
    const change = now(host);
    return (
      change === undefined || ["replaced", "leaves", "gone"].includes(change.state) || !change.roles.includes("neard")
    );
  });
  if (leaves.length === 0) return [];
  if (leaves.length === neards.length)
    return [
      risk(
        "no-standby-left",
        "danger",
      )(
        `all hosts with neard (${named(neards)}) leave or are other machines: nobody is left who follows the chain, and a new host syncs for hours`,
      ),
    ];
  return [
    risk(
      "active-replaced",
      "note",
    )(
      `${named(leaves)} may be the active host, and would not be there any more: see holdfast status, and switch over first`,
    ),
  ];
}

/** Three servers that change their type in one run lose their power together. */
function powerRisks(hosts: readonly HostChange[]): Risk[] {
  const off = hosts.filter(isPoweredOff);
  const words = off.map(({ name, machine }) => `${name}: ${machine.map(({ what }) => what).join(", ")}`).join("; ");
  if (off.length > 1)
    return [
      risk(
        "powered-off",
        "danger",
      )(
        `${off.length} servers would lose their power in one run (${words}): pulumi up refuses that; change one at a time, the active one last`,
      ),
    ];
  return off.map(({ name }) =>
    risk(
      "powered-off",
      "note",
    )(
      `${name} loses its power for a minute or two (${words}): not while it is active; see holdfast status, and switch over first`,
    ),
  );
}

function protectionRisks({ topology: was }: Side, { topology: is }: Side): Risk[] {
  const bared = is.hosts.filter(({ name, cloud }) => {
    const before = was.hosts.find((host) => host.name === name)?.cloud;
    return cloud?.protect === false && before?.protect === true;
  });
  if (bared.length === 0) return [];
  return [
    risk(
      "protection-removed",
      "note",
    )(
      `${named(bared)} would not be protected any more: Pulumi may delete or replace ${bared.length === 1 ? "its server" : "their servers"}`,
    ),
  ];
}

/** A provider's sites fail one by one; its network, its account and its bills do not. */
function providerRisks(hosts: readonly Host[]): string[] {
  const neards = hosts.filter(hasRole("neard"));
  if (!neards.every(isAtCloud)) return [];
  return [
    `all hosts with neard (${named(neards)}) are at Hetzner Cloud: what stops the provider, or your account there, leaves nobody to validate`,
  ];
}

function keyRisks({ file: was, topology: before }: Side, { file: is }: Side): Risk[] {
  const isSetAnew = was.sealed.get("validatorKey") !== is.sealed.get("validatorKey");
  const risks: Risk[] = [];
  if (isSetAnew)
    risks.push(
      risk(
        "validator-key-set",
        before.nextPublicKey === null ? "danger" : "note",
      )(
        `validatorKey was set ${is.sealed.has("validatorKey") ? "anew: the same key or another, which cannot be seen from here" : "to nothing"} (docs/operate/rotate-validator-key.md)`,
      ),
    );
  if (was.encryption !== is.encryption && was.encryption !== null)
    risks.push(
      risk("encryption-changed", "note")("the secrets are encrypted with another passphrase or key than before"),
    );
  return risks;
}

function sshRisks({ topology: was }: Side, { topology: is }: Side): Risk[] {
  const lost = was.firewall.ssh.filter((block) => !is.firewall.ssh.includes(block));
  if (
    lost.length === 0 ||
    is.firewall.ssh.some((block) => block.endsWith("/0") && lost.every((l) => l.includes(":") === block.includes(":")))
  )
    return [];
  return [
    risk(
      "ssh-narrowed",
      "note",
    )(
      `SSH is no longer open to ${lost.join(", ")} (open to ${is.firewall.ssh.join(", ")}): be sure that you do not come from there`,
    ),
  ];
}
