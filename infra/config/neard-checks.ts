/** What neard is to be: its binary, its chain, its ports, and the settings that are not the operator's. */
import { ports } from "../../contract/paths.ts";
import { ownedSettingsIn, replacedSectionsIn } from "../plan/neard-config.ts";
import { type Fault, configFault as fault } from "./faults.ts";
import type { Settings } from "./schema.ts";

/** Of the local network, which has neither an official build nor a genesis that neard knows. */
export function chainFaults({ network, neard }: Pick<Settings, "network" | "neard">): Fault[] {
  if (network !== "localnet")
    return neard.chainId === undefined || neard.chainId === network
      ? []
      : [fault(`holdfast:neard.chainId is ${neard.chainId}, but holdfast:network is ${network}`, "Leave chainId out.")];
  return [
    ...(neard.artifact.source === undefined
      ? [
          fault(
            "holdfast:neard.artifact.source is missing",
            "Name the neard binary of the lab; only the public networks have a default.",
          ),
        ]
      : []),
    ...(neard.genesis === undefined
      ? [fault("holdfast:neard.genesis is missing", "Name the genesis file of the local chain.")]
      : []),
  ];
}

/** What comes from the network must be pinned. */
export function sourceFaults({ network, neard, consul }: Pick<Settings, "network" | "neard" | "consul">): Fault[] {
  const official = network === "localnet" ? undefined : "https://";
  const given: [setting: string, source: string | undefined, sha256: string | undefined][] = [
    ["neard.artifact", neard.artifact.source ?? official, neard.artifact.sha256],
    ["neard.genesis", neard.genesis?.source, neard.genesis?.sha256],
    ["consul.artifact", consul.artifact?.source, consul.artifact?.sha256],
  ];
  return given.flatMap(([setting, source, sha256]) => {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source ?? "")?.[1]?.toLowerCase();
    if (scheme !== undefined && scheme !== "https")
      return [fault(`holdfast:${setting}.source is not https`, "Give an https:// URL or a path.")];
    if (scheme !== undefined && source !== official) {
      const url = URL.parse(source ?? "");
      if (url === null) return [fault(`holdfast:${setting}.source is not a URL`, "Correct it, or give a path.")];
      if (url.username !== "" || url.password !== "")
        return [
          fault(
            `holdfast:${setting}.source has a login in it, which would stand in every message about it`,
            "Download the file by other means and give its path.",
          ),
        ];
    }
    if (scheme !== undefined && sha256 === undefined)
      return [
        fault(
          `holdfast:${setting}.sha256 is missing for what comes from the network`,
          "Pin the checksum of the file that you trust.",
        ),
      ];
    return [];
  });
}

export function configFaults({ neard }: Pick<Settings, "neard">): Fault[] {
  return [...replacedFaults(neard.config), ...ownedFaults(neard.config)];
}

/** A section that is no section would take away what holdfast and neard need in it. */
function replacedFaults(config: object): Fault[] {
  return replacedSectionsIn(config).map((path) =>
    fault(
      `holdfast:neard.config.${path}: must be a section with settings of its own`,
      "Give what is in it, or leave it out; holdfast adds the rest.",
    ),
  );
}

function ownedFaults(config: object): Fault[] {
  return ownedSettingsIn(config).map((path) =>
    fault(
      `holdfast:neard.config sets ${path}, which holdfast owns`,
      path === "network.public_addrs"
        ? "Each host has its own: give them as hosts[].publicAddrs."
        : "Remove it; holdfast has settings of its own for what may vary.",
    ),
  );
}

export function portFaults(settings: Pick<Settings, "hosts" | "ssh" | "neard">): Fault[] {
  const { rpcPort, networkPort } = settings.neard;
  const taken = new Map<number, string>([
    [ports.agentHttp, "the agent"],
    [ports.consulServerRpc, "Consul"],
    [ports.consulGossip, "Consul"],
    [ports.consulHttps, "Consul"],
    ...settings.hosts.map((host): [number, string] => [host.port ?? settings.ssh.port, "SSH"]),
  ]);
  const own: [string, number][] = [
    ["rpcPort", rpcPort],
    ["networkPort", networkPort],
  ];
  return [
    ...own
      .filter(([, port]) => taken.has(port))
      .map(([name, port]) =>
        fault(`holdfast:neard.${name} ${port} is the port of ${taken.get(port)}`, "Choose another."),
      ),
    ...(rpcPort === networkPort
      ? [fault(`holdfast:neard.rpcPort and networkPort are both ${rpcPort}`, "Choose another for one of them.")]
      : []),
  ];
}
