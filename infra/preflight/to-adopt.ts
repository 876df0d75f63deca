/**
 * Whether the servers that are to be adopted are the ones that are meant: each must show the SSH host key of the settings at the
 * address that is imported with it, let us in, and be nobody's, this stack's own, or of the deployment that holdfast:adopt names,
 * before anything of it is changed.
 *
 * Why: an id is a number, and another server of the same type and place would be renamed and put behind our firewalls before the
 * first login showed that it is somebody else's. Whose it is, is asked of every host once more (identity.ts): then of all that it has.
 */
import type { Claimant } from "../../contract/deployment.ts";
import { type Dialled, dial } from "../../ssh/dial.ts";
import { exec } from "../../ssh/exec.ts";
import { explain, SshFailure } from "../../ssh/failure.ts";
import type { Login, Way } from "../../ssh/way.ts";
import { type Fault, faultFrom } from "../config/faults.ts";
import type { HostAtCloud } from "../config/topology.ts";
import { inTime } from "./ask-host.ts";
import { ownerScript, parseOwner } from "./host-facts.ts";
import * as identity from "./identity.ts";

export interface Patience {
  readonly withinMs: number;
  /** For how long a failed connection is tried again. */
  readonly retryMs: number;
}
const usualPatience: Patience = { withinMs: 10_000, retryMs: 6000 };

/**
 * @param addresses of the servers that this run adopts, by the names of the hosts that they become
 * @param claim who deploys
 */
export async function strangerFaults(
  hosts: readonly HostAtCloud[],
  addresses: ReadonlyMap<string, string>,
  login: Login,
  claim: Claimant,
  patience: Patience = usualPatience,
): Promise<Fault[]> {
  const faults = await Promise.all(
    hosts.map(async ({ name, ssh, cloud: { adopt } }): Promise<Fault[]> => {
      const address = addresses.get(name);
      if (address === undefined || adopt === null) return [];
      const way: Way = { ...ssh, name, host: address, hostKey: adopt.hostKey };
      let open: Dialled | undefined;
      try {
        open = await dial(way, login, patience);
        return (await ownerFaults(way, open, claim)).map((fault) => unchanged(fault, adopt.server));
      } catch (error) {
        return [error instanceof SshFailure ? faultOf(way, adopt.server, error) : faultFrom(error)];
      } finally {
        open?.destroy();
      }
    }),
  );
  return faults.flat();
}

/** @throws SshFailure when it does not say */
async function ownerFaults(way: Way, { client }: Dialled, claim: Claimant): Promise<Fault[]> {
  const { stdout, stderr } = await inTime(way, exec(client, way, ["sh", "-c", ownerScript]));
  const facts = parseOwner(stdout);
  if (facts === undefined) throw new SshFailure({ is: "other-words", said: stderr }, way);
  return identity.strangerFaults(claim, { host: { name: way.name, address: way.host }, facts });
}

const unchanged = (fault: Fault, server: number): Fault => ({
  ...fault,
  message: `${fault.message}; nothing of the server ${server} was changed`,
});

function faultOf(way: Way, server: number, failure: SshFailure): Fault {
  const said = unchanged(explain(way, failure), server);
  const isOther = ["wrong-host-key", "no-such-host-key"].includes(failure.kind.is) && failure.at !== way.proxy;
  return {
    ...said,
    next: isOther
      ? `Compare cloud.adopt.server and hostKey of ${way.name} with the server's id in Hetzner's console, and with what cat /etc/ssh/ssh_host_*_key.pub shows on its console.`
      : said.next,
  };
}
