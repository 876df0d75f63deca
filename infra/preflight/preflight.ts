/**
 * Looks at all hosts before the first of them is changed: whatever would make the deployment fail half
 * way is better said now, all of it at once. Changes nothing. Only at `pulumi up`: a preview must work
 * where no host can be reached, such as in CI.
 */
import type { Claim } from "../../contract/wire/identity.ts";
import type { Fault } from "../config/faults.ts";
import type { Host, Topology } from "../config/topology.ts";
import type { Adopted } from "../secrets/adopted.ts";
import { beforeNotes } from "./before-us.ts";
import type { HostReport } from "./host-facts.ts";
import { hostFaults, hostWarnings } from "./host-faults.ts";
import { adoptionNotes, adoptionOf, identityFaults } from "./identity.ts";

export interface Seen {
  /** What makes hosts unfit, or keeps them from being looked at. */
  readonly faults: readonly Fault[];
  /** No fault, but worth a word: what may go wrong there, and is the operator's to judge. */
  readonly warnings: readonly string[];
  /** Names of the hosts that are not what was last deployed to them. */
  readonly drifted: ReadonlySet<string>;
  /** Names of the hosts on which nothing of ours is: new machines, or such as were set up anew. */
  readonly bare: ReadonlySet<string>;
  /** What the hosts have that this stack takes over; undefined: nothing is to be taken over (any more). */
  readonly adopted?: Adopted | undefined;
}

/** Where nobody looks. */
export const nothingSeen: Seen = { faults: [], warnings: [], drifted: new Set(), bare: new Set() };

/**
 * @param privateKey absent: the keys of the ssh-agent.
 * @param claim who deploys, once the stack's state has said it
 * @param except names of hosts that are not there yet
 */
export async function lookAtHosts(
  topology: Topology,
  privateKey: string | undefined,
  claim: Promise<Claim>,
  except: ReadonlySet<string> = new Set(),
): Promise<Seen> {
  const there = topology.hosts.filter(({ name }) => !except.has(name));
  if (there.length === 0) return nothingSeen;
  // Only here: the SSH library takes a tenth of a second to load, and a preview needs none.
  const { accessFault, askHost } = await import("./ask-host.ts");
  const shutOut = accessFault(privateKey);
  if (shutOut !== undefined) return { ...nothingSeen, faults: [shutOut] };
  const addresses = topology.hosts.map(({ address }) => address);
  const ask = async (host: Host) => {
    const peers = addresses.filter((address) => address !== host.address);
    return await askHost(host, privateKey, { peers, adopt: topology.adopt });
  };
  const answers = await Promise.all(there.map(ask));
  const faults = answers.flatMap((answer) => ("fault" in answer ? [answer.fault] : []));
  const reports = answers.flatMap((answer) => ("report" in answer ? [answer.report] : []));
  const all = [...faults, ...identityFaults(topology, await claim, reports), ...hostFaults(topology, reports)];
  return {
    faults: all,
    adopted: all.length === 0 ? adoptionOf(await claim, reports) : undefined,
    warnings: [
      ...hostWarnings(topology, reports),
      ...reports.flatMap(beforeNotes),
      ...adoptionNotes(await claim, reports),
    ],
    drifted: namesOf(reports.filter(({ facts }) => facts.drifted)),
    bare: namesOf(reports.filter(({ facts }) => facts.bare)),
  };
}

const namesOf = (reports: readonly HostReport[]) => new Set(reports.map(({ host }) => host.name));
