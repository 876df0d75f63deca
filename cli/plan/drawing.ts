/** The cluster as a Mermaid drawing: hosts in their zones, who votes, where the key may be, and what would change. Pure. */
import { spareOf } from "../../contract/quorum.ts";
import type { HostRole } from "../../contract/topology.ts";
import type { Comparison } from "../../infra/compare/compare.ts";
import type { HostChange } from "../../infra/compare/host-changes.ts";

const words: Record<HostChange["state"], string> = {
  same: "stays as it is",
  changes: "changes",
  new: "new",
  replaced: "another machine",
  leaves: "leaves",
  gone: "gone",
};

/** Names, zones and addresses are of the settings' own narrow alphabets, so nothing in them can end a label. */
export function drawing({ hosts, account, network }: Comparison): string {
  const staying = hosts.filter(({ state }) => state !== "leaves" && state !== "gone");
  const id = (host: HostChange) => `h${hosts.indexOf(host)}`;
  const zones = [...Map.groupBy(hosts, ({ zone }) => zone)];
  const withRole = (role: HostRole) => staying.filter(({ roles }) => roles.includes(role));
  const servers = withRole("consul");
  return [
    "flowchart TB",
    `  key(["validator key of ${account} on ${network}"])`,
    ...zones.flatMap(([zone, inZone], i) => [
      `  subgraph z${i}["${zone === null ? "no zone named" : `zone ${zone}`}"]`,
      ...inZone.map((host) => `    ${id(host)}["${label(host)}"]:::${host.state}`),
      "  end",
    ]),
    `  quorum{{"Consul: ${servers.length} servers, survives the loss of ${spareOf(servers.length)}"}}`,
    ...withRole("neard").map((host) => `  key -.- ${id(host)}`),
    ...servers.map((host) => `  ${id(host)} --- quorum`),
    "  classDef changes stroke:#b58900,stroke-width:3px",
    "  classDef new stroke:#2e7d32,stroke-width:3px",
    "  classDef replaced stroke:#c62828,stroke-width:3px",
    "  classDef leaves stroke:#c62828,stroke-dasharray:5 5",
    "  classDef gone stroke:#c62828,stroke-dasharray:5 5",
  ].join("\n");
}

function label(host: HostChange): string {
  const roles = host.roles.length === 2 ? "neard, Consul" : host.roles.includes("neard") ? "neard" : "arbiter";
  return [host.name, roles, host.address, words[host.state]].join("<br/>");
}
