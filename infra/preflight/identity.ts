/**
 * Whose the hosts are, before the first of them is changed; and, where a stack adopts the hosts of a deployment whose state
 * is lost, what they have. Pure.
 *
 * An adoption is for a whole deployment: all hosts, the same account, the same names and roles. Whatever shall be otherwise
 * can be changed afterwards.
 */
import * as z from "zod";
import { canonicalAddress, fromUrl } from "../../contract/address.ts";
import {
  type Claimant,
  deploymentId,
  describeOwner,
  type Marks,
  nextForStranger,
  standingOf,
} from "../../contract/deployment.ts";
import { plainReason } from "../../contract/errors.ts";
import { type Claim, type Identity, identitySchema } from "../../contract/wire/identity.ts";
import type { Fault } from "../config/faults.ts";
import type { Host, Topology } from "../config/topology.ts";
import { type Adopted, adoptedFrom } from "../secrets/adopted.ts";
import type { HostReport } from "./host-facts.ts";
import { type OwnerFacts, secretsIn } from "./host-facts.ts";

/** Of agent.json, as any version wrote it. */
const agentSchema = z.object({
  network: z.string(),
  account: z.string(),
  host: z.string(),
  roles: z.array(z.string()),
  peers: z.array(z.object({ host: z.string() })),
  consul: z.object({
    datacenter: z.string(),
    urls: z.array(z.string()),
    unasked: z.array(z.string()).default([]),
  }),
  http: z.object({ address: z.string() }),
  neard: z.object({ publicKey: z.string() }).optional(),
});

function parsed<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function marksOf(facts: OwnerFacts): Marks {
  const agent = parsed(agentSchema, facts.agentConfig);
  const since = new Date(facts.authoritySince * 1000).toISOString();
  const account = agent === null ? "" : `${agent.account} on ${agent.network}, `;
  return {
    identity: parsed<Identity>(identitySchema, facts.identity),
    authority: deploymentId(facts.authorities),
    words: `${account}since ${since}`,
  };
}

export function identityFaults(topology: Topology, claim: Claim, reports: readonly HostReport[]): Fault[] {
  const faults = reports.flatMap((report) => strangerFaults(claim, report));
  return faults.length > 0 ? faults : adoptionFaults(topology, claim, reports);
}

/** What a host shows of whose it is, and where. */
export interface OwnerReport {
  readonly host: Pick<Host, "name" | "address">;
  readonly facts: OwnerFacts;
}

function foreign({ host }: OwnerReport, message: string, next: string): Fault {
  return { code: "HF_HOST_FOREIGN", message: `${host.name} (${host.address}) ${message}`, next };
}

/** Whether a host is another deployment's, or another host of its own than the one that it shall be. */
export function strangerFaults(claim: Claimant, report: OwnerReport): Fault[] {
  const { facts, host } = report;
  const marks = marksOf(facts);
  const whose = marks.identity?.id ?? marks.authority;
  const own =
    claim.id === null ? `to this stack, ${claim.stack}` : `to the deployment ${claim.id} of this stack, ${claim.stack}`;
  const adopting = claim.adopt === undefined ? "" : `, nor to ${claim.adopt}, which holdfast:adopt names`;
  if (standingOf(claim, marks) === "stranger")
    return [foreign(report, `belongs to ${describeOwner(marks)}, not ${own}${adopting}`, nextForStranger(whose))];
  const name = marks.identity?.host ?? parsed(agentSchema, facts.agentConfig)?.host ?? host.name;
  if (name === host.name) return [];
  return [
    foreign(
      report,
      `is ${name} of its deployment`,
      `If the entries of ${name} and ${host.name} were mixed up in holdfast:hosts, correct them. For another name take ${name} out of hosts first, run pulumi up, and bring it back as ${host.name}.`,
    ),
  ];
}

const isBeingAdopted = (claim: Claim) => (report: HostReport) => standingOf(claim, marksOf(report.facts)) === "adopted";

function adoptionFaults(topology: Topology, claim: Claim, reports: readonly HostReport[]): Fault[] {
  const adopting = reports.filter(isBeingAdopted(claim));
  if (adopting.length === 0 || claim.adopt === undefined) return [];
  const of = `the deployment ${claim.adopt}, which holdfast:adopt names`;
  const others = reports.flatMap((report): Fault[] => {
    const { identity } = marksOf(report.facts);
    if (identity?.id !== claim.id || identity.adopted.at(-1) === claim.adopt) return [];
    return [
      foreign(
        report,
        `is this stack's already, and was never one of ${of}`,
        "Adopting is for a stack that has no hosts of its own. Remove the setting, and have the other stack let its hosts go: pulumi destroy.",
      ),
    ];
  });
  return [
    ...others,
    ...adopting.flatMap((report) => differences(topology, report, of)),
    ...secretFaults(claim, reports),
  ];
}

/** What would change together with the owner. */
function differences(topology: Topology, report: HostReport, of: string): Fault[] {
  const { host, facts } = report;
  const agent = parsed(agentSchema, facts.agentConfig);
  if (agent === null)
    return [
      foreign(
        report,
        `is of ${of}, but has no agent that could say as what`,
        "Adopt the others; then remove it by hand.",
      ),
    ];
  const names = new Set([...topology.hosts.map(({ name }) => name), ...topology.gone]);
  const { urls, unasked } = agent.consul;
  const addresses = [...urls.map((url) => fromUrl(new URL(url).hostname)), ...unasked]
    .map(canonicalAddress)
    .filter(isRemote);
  const unknown = [
    ...agent.peers.map((peer) => peer.host).filter((name) => !names.has(name)),
    // Where one that died for good was, nobody knows any more.
    ...(topology.gone.length > 0
      ? []
      : addresses.filter((at) => !topology.hosts.some(({ address }) => address === at))),
  ];
  const pairs: [what: string, deployed: string, configured: string][] = [
    ["network", agent.network, topology.network],
    ["account", agent.account, topology.account],
    ["consul.datacenter", agent.consul.datacenter, topology.consul.datacenter],
    ["validator key", agent.neard?.publicKey ?? topology.publicKey, topology.publicKey],
    ["roles", agent.roles.toSorted().join(", "), host.roles.toSorted().join(", ")],
    // Earlier versions kept it as it was written.
    ["address", canonicalAddress(agent.http.address), host.address],
  ];
  return [
    ...pairs
      .filter(([, deployed, configured]) => deployed !== configured)
      .map(([what, deployed, configured]) =>
        foreign(
          report,
          `is of ${of}: deployed with the ${what} ${deployed}, configured is ${configured}`,
          "Adopt it as it was deployed; what shall change can change afterwards.",
        ),
      ),
    ...(unknown.length === 0
      ? []
      : [
          foreign(
            report,
            `is of ${of}, to which ${unknown.join(", ")} belongs too`,
            "Put it into holdfast:hosts, or into holdfast:gone if it died for good.",
          ),
        ]),
  ];
}

function isRemote(address: string): boolean {
  return address !== "127.0.0.1";
}

function secretFaults(claim: Claim, reports: readonly HostReport[]): Fault[] {
  const silent = reports.filter((report) => isBeingAdopted(claim)(report) && secretsIn(report.facts) === null);
  if (silent.length > 0)
    return silent.map((report) =>
      foreign(
        report,
        "does not tell the secrets that are to be adopted",
        "See what holdfastd check says on it, and mend that.",
      ),
    );
  try {
    adoptionOf(claim, reports);
    return [];
  } catch (error) {
    return [
      {
        code: "HF_HOST_FOREIGN",
        message: `What the hosts of ${claim.adopt} have cannot be adopted: ${plainReason(error)}`,
        next: "Every host of the deployment must be reachable.",
      },
    ];
  }
}

/** Worth a word. */
export function adoptionNotes(claim: Claim, reports: readonly HostReport[]): string[] {
  if (claim.adopt === undefined || reports.some(isBeingAdopted(claim))) return [];
  return ["holdfast:adopt has nothing to do (any more): remove it with pulumi config rm holdfast:adopt."];
}

/**
 * What the stack has to keep from now on; undefined when nothing is to be adopted, or everything is.
 * @throws what adoptedFrom throws; `identityFaults` has said so
 */
export function adoptionOf(claim: Claim, reports: readonly HostReport[]): Adopted | undefined {
  if (!reports.some(isBeingAdopted(claim))) return undefined;
  const told = reports.flatMap(({ host, facts }) => {
    const secrets = secretsIn(facts);
    return secrets === null ? [] : [[host.name, secrets] as const];
  });
  return adoptedFrom(claim.id, new Map(told));
}
