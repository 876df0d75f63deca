/** The links to all hosts of a cluster, opened when first used, closed together. */
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import type { HostLink, Ports, StackHost } from "../ports.ts";

export interface HostLinks {
  of(host: string): HostLink;
  closeAll(): void;
}

export function createHostLinks(ports: Pick<Ports, "link">, cluster: StackOutputs): HostLinks {
  const open = new Map<string, HostLink>();
  const access = new Map<string, StackHost>(cluster.hosts.map((host) => [host.name, host]));
  return {
    of(name) {
      const known = open.get(name);
      if (known !== undefined) return known;
      const host = access.get(name);
      if (host === undefined) throw new Error(`no host ${name} in the stack`);
      const link = ports.link(cluster, host);
      open.set(name, link);
      return link;
    },
    closeAll() {
      for (const link of open.values()) link.close();
      open.clear();
    },
  };
}
