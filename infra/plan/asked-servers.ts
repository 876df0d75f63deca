/**
 * Whom an agent asks when its own host's Consul gives no answer: the servers on neard hosts. An answer decides who signs
 * (docs/security.md), and who has root on a neard host has the validator key anyway; of an arbiter that is not so.
 *
 * The exception: where arbiters' servers alone are a majority they can go on without any other, and an agent whose own
 * Consul and whose neighbours' are down must not lose its lease over it. Elsewhere, whenever every server on a neard host is
 * down there is no quorum, and an arbiter could only say so. See docs/decisions/0023-whom-an-agent-asks.md.
 */
import { type Host, hasRole, type Topology } from "../config/topology.ts";

export interface AskedServers {
  /** In the order in which they are tried. */
  readonly asked: readonly Host[];
  /** The servers that are known, and not asked. */
  readonly unasked: readonly Host[];
}

/** The others of Consul's servers, as `host`'s agent takes them. */
export function askedServers({ hosts }: Pick<Topology, "hosts">, host: Host): AskedServers {
  const servers = hosts.filter(hasRole("consul"));
  const others = servers.filter(({ name }) => name !== host.name);
  const onNeardHosts = others.filter(hasRole("neard"));
  const onArbiters = others.filter((server) => !hasRole("neard")(server));
  const arbiters = servers.filter((server) => !hasRole("neard")(server));
  const canDoWithout = arbiters.length > servers.length / 2;
  return canDoWithout
    ? { asked: [...onNeardHosts, ...onArbiters], unasked: [] }
    : { asked: onNeardHosts, unasked: onArbiters };
}
