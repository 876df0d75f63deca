/**
 * Where hosts at a cloud are: known only once they are made, so the plan has marks in their place (infra/plan/secret-names.ts),
 * and here the marks become what they stand for.
 */
import type * as pulumi from "@pulumi/pulumi";
import { isAtCloud, type Topology } from "../config/topology.ts";
import { ownHostKey, ownPublicAddress } from "../plan/secret-names.ts";

export interface CloudPlace {
  /** Public IPv4 address. It stays while the server is replaced. */
  readonly address: pulumi.Output<string>;
  /** Public half, `ssh-ed25519 AAAA…`. It stays as well. */
  readonly hostKey: pulumi.Output<string>;
  /** Of the server: another one for another machine. */
  readonly serverId: pulumi.Output<string>;
  /** Server and attachment: what must be there before anything is done on the host, and until everything there is undone. */
  readonly made: readonly pulumi.Resource[];
}

/** By host name; nothing for a host that exists already. */
export type CloudPlaces = ReadonlyMap<string, CloudPlace>;

/** What is known of a place in this run, as text. */
export interface KnownPlace {
  readonly address: string;
  readonly hostKey: string;
}

/** `text` with what the marks stand for, for the host `name`. Where it has none it stays the very text. */
export function fillIn(places: CloudPlaces | undefined, name: string, text: string): pulumi.Input<string> {
  if (text.includes(ownPublicAddress)) {
    const { address } = placeOf(places, name);
    return address.apply((is) => text.replaceAll(ownPublicAddress, is));
  }
  return text.includes(ownHostKey) ? placeOf(places, name).hostKey : text;
}

function placeOf(places: CloudPlaces | undefined, name: string): CloudPlace {
  const place = places?.get(name);
  if (place === undefined) throw new TypeError(`the plan has ${name} at a cloud, and nobody makes it there`);
  return place;
}

/** The topology as it is for whoever dials the hosts himself. */
export function withKnownPlaces(topology: Topology, known: ReadonlyMap<string, KnownPlace>): Topology {
  const hosts = topology.hosts.map((host) => {
    const place = isAtCloud(host) ? known.get(host.name) : undefined;
    return place === undefined ? host : { ...host, ssh: { ...host.ssh, host: place.address, hostKey: place.hostKey } };
  });
  return { ...topology, hosts };
}
