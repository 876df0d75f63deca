/**
 * Whether the servers that are to be adopted are the ones that are meant: each must show the SSH host key of the settings at the
 * address that is imported with it, and let us in, before anything of it is changed.
 *
 * Why: an id is a number, and another server of the same type and place would be renamed and put behind our firewalls before the
 * first login showed that it is somebody else's.
 */
import { dial } from "../../ssh/dial.ts";
import { explain, SshFailure } from "../../ssh/failure.ts";
import type { Login, Way } from "../../ssh/way.ts";
import { type Fault, faultFrom } from "../config/faults.ts";
import type { HostAtCloud } from "../config/topology.ts";

export interface Patience {
  readonly withinMs: number;
  /** For how long a failed connection is tried again. */
  readonly retryMs: number;
}
const usualPatience: Patience = { withinMs: 10_000, retryMs: 6000 };

/** @param addresses of the servers that this run adopts, by the names of the hosts that they become */
export async function strangerFaults(
  hosts: readonly HostAtCloud[],
  addresses: ReadonlyMap<string, string>,
  login: Login,
  patience: Patience = usualPatience,
): Promise<Fault[]> {
  const faults = await Promise.all(
    hosts.map(async ({ name, ssh, cloud: { adopt } }): Promise<Fault[]> => {
      const address = addresses.get(name);
      if (address === undefined || adopt === null) return [];
      const way: Way = { ...ssh, name, host: address, hostKey: adopt.hostKey };
      try {
        (await dial(way, login, patience)).destroy();
        return [];
      } catch (error) {
        return [error instanceof SshFailure ? faultOf(way, adopt.server, error) : faultFrom(error)];
      }
    }),
  );
  return faults.flat();
}

function faultOf(way: Way, server: number, failure: SshFailure): Fault {
  const said = explain(way, failure);
  const isOther = ["wrong-host-key", "no-such-host-key"].includes(failure.kind.is) && failure.at !== way.proxy;
  return {
    ...said,
    message: `${said.message}; nothing of the server ${server} was changed`,
    next: isOther
      ? `Compare cloud.adopt.server and hostKey of ${way.name} with the server's id in Hetzner's console, and with what cat /etc/ssh/ssh_host_*_key.pub shows on its console.`
      : said.next,
  };
}
