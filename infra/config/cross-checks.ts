/**
 * What depends on more than one setting: the cluster's size, names, the lease's rule, the validator key,
 * ports. Every check returns its faults; none stops the others.
 */
import { BlockList, isIPv4 } from "node:net";
import { parseValidatorKey } from "../../contract/near-key.ts";
import { ports } from "../../contract/paths.ts";
import { timingFaults } from "../../contract/timing.ts";
import { ownedSettingsIn } from "../plan/neard-config.ts";
import { type Fault, faultFrom } from "./faults.ts";
import type { Settings } from "./schema.ts";

/** Whether the top-level setting `name` is kept encrypted in the stack's configuration. */
export type IsSecret = (name: string) => boolean;

export interface Checked {
  readonly faults: readonly Fault[];
  /** Allowed, but worth a word. */
  readonly warnings: readonly string[];
}

const fault = (message: string, next: string): Fault => ({ code: "HF_CONFIG_INVALID", message, next });

export function crossCheck(settings: Settings, isSecret: IsSecret): Checked {
  return {
    faults: [
      ...sizeFaults(settings),
      ...duplicateFaults(settings),
      ...addressFaults(settings),
      ...leaseFaults(settings),
      ...validatorKeyFaults(settings, isSecret),
      ...sshFaults(settings, isSecret),
      ...neardFaults(settings),
      ...archFaults(settings),
      ...portFaults(settings),
    ],
    warnings: warnings(settings),
  };
}

const named = (hosts: readonly { readonly name: string }[]) => hosts.map((host) => host.name).join(", ");
const withRole = (settings: Settings, role: "consul" | "neard") =>
  settings.hosts.filter((host) => host.roles.includes(role));

function sizeFaults(settings: Settings): Fault[] {
  const consul = withRole(settings, "consul");
  const neard = withRole(settings, "neard");
  return [
    ...(consul.length >= 3
      ? []
      : [
          fault(
            `holdfast:hosts has ${consul.length} with the role consul (${named(consul) || "none"}); a majority that survives one loss needs 3`,
            "Give the role consul to more hosts; an arbiter, a small host with that role alone, will do.",
          ),
        ]),
    ...(neard.length >= 2
      ? []
      : [
          fault(
            `holdfast:hosts has ${neard.length} with the role neard (${named(neard) || "none"}); one to validate and one to stand by makes 2`,
            "Give the role neard to another host.",
          ),
        ]),
  ];
}

function warnings(settings: Settings): string[] {
  const consul = withRole(settings, "consul");
  if (consul.length < 3 || consul.length % 2 === 1) return [];
  const survives = consul.length / 2 - 1;
  return [
    `holdfast:hosts has ${consul.length} hosts with the role consul (${named(consul)}): an even number survives no more losses (${survives}) than ${consul.length - 1} would. Add or remove one.`,
  ];
}

function duplicateFaults(settings: Settings): Fault[] {
  return (["name", "address"] as const).flatMap((property) =>
    [...Map.groupBy(settings.hosts, (host) => host[property])]
      .filter(([, hosts]) => hosts.length > 1)
      .map(([value, hosts]) =>
        fault(
          `holdfast:hosts has the ${property} ${value} ${hosts.length} times${property === "address" ? ` (${named(hosts)})` : ""}`,
          `Give every host its own ${property}.`,
        ),
      ),
  );
}

/** Where a host cannot be reached by the others. */
const unreachable = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["224.0.0.0", 3],
] as const)
  unreachable.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of [
  ["::", 127],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  unreachable.addSubnet(net, prefix, "ipv6");

function addressFaults(settings: Settings): Fault[] {
  const family = (address: string) => (isIPv4(address) ? "ipv4" : "ipv6");
  const bad = settings.hosts.filter((host) => unreachable.check(host.address, family(host.address)));
  const families = new Set(settings.hosts.map((host) => family(host.address)));
  return [
    ...bad.map((host) =>
      fault(
        `holdfast:hosts: the address ${host.address} of host ${host.name} is not one that other hosts can reach`,
        "Give the address of its network interface.",
      ),
    ),
    ...(families.size < 2
      ? []
      : [
          fault(
            "holdfast:hosts mixes IPv4 and IPv6 addresses; Consul's members must all speak the same one",
            "Give all addresses in one family.",
          ),
        ]),
  ];
}

function leaseFaults(settings: Settings): Fault[] {
  return timingFaults(settings.lease).map((sentence) => ({
    code: "HF_TIMING_UNSAFE",
    message: `holdfast:lease: ${sentence}`,
    next: "Keep leaseMs + stopMs + skewMs <= takeoverMs <= lockDelayMs; the defaults do (docs/security.md).",
  }));
}

function validatorKeyFaults(settings: Settings, isSecret: IsSecret): Fault[] {
  const faults: Fault[] = [];
  if (!isSecret("validatorKey"))
    faults.push({
      code: "HF_VALIDATOR_KEY",
      message: "holdfast:validatorKey is in the stack's file in clear",
      next: "Set it again with pulumi config set --secret; if the file has left this machine, the key is no secret any more: use another.",
    });
  try {
    parseValidatorKey(settings.validatorKey, settings.validator.account);
  } catch (error) {
    faults.push(faultFrom(error));
  }
  return faults;
}

function sshFaults(settings: Settings, isSecret: IsSecret): Fault[] {
  const { privateKey, agent } = settings.ssh;
  if (privateKey === undefined)
    return agent
      ? []
      : [
          fault(
            "holdfast:ssh has neither a privateKey nor agent: true",
            "Set one: pulumi config set --secret --path ssh.privateKey < KEYFILE, or pulumi config set --path ssh.agent true.",
          ),
        ];
  return [
    ...(agent ? [fault("holdfast:ssh has both a privateKey and agent: true", "Keep one of them.")] : []),
    ...(isSecret("ssh")
      ? []
      : [
          fault(
            "holdfast:ssh.privateKey is in the stack's file in clear",
            "Set it again with pulumi config set --secret --path ssh.privateKey, and use another key if the file has left this machine.",
          ),
        ]),
    ...(/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(privateKey)
      ? []
      : [
          fault(
            "holdfast:ssh.privateKey is not a private key file",
            "Give the text of the file that ssh-keygen made, not the .pub beside it.",
          ),
        ]),
  ];
}

function neardFaults(settings: Settings): Fault[] {
  const { artifact, genesis, chainId, config } = settings.neard;
  const local = settings.network === "localnet";
  const faults: Fault[] = [];
  if (local && artifact.source === undefined)
    faults.push(
      fault(
        "holdfast:neard.artifact.source is missing",
        "Name the neard binary of the lab; only the public networks have a default.",
      ),
    );
  if (local && genesis === undefined)
    faults.push(fault("holdfast:neard.genesis is missing", "Name the genesis file of the local chain."));
  if (!local && chainId !== undefined && chainId !== settings.network)
    faults.push(
      fault(`holdfast:neard.chainId is ${chainId}, but holdfast:network is ${settings.network}`, "Leave chainId out."),
    );
  for (const [setting, given] of [
    ["neard.artifact", { ...artifact, source: artifact.source ?? "https://" }],
    ["neard.genesis", genesis],
    ["consul.artifact", settings.consul.artifact],
  ] as const)
    if (
      given?.source?.startsWith("https://") &&
      given.sha256 === undefined &&
      !(local && artifact.source === undefined)
    )
      faults.push(
        fault(
          `holdfast:${setting}.sha256 is missing for what comes from the network`,
          "Pin the checksum of the file that you trust.",
        ),
      );
    else if (given?.source?.startsWith("http://"))
      faults.push(fault(`holdfast:${setting}.source is not https`, "Give an https:// URL or a path."));
  for (const path of ownedSettingsIn(config))
    faults.push(
      fault(
        `holdfast:neard.config sets ${path}, which holdfast owns`,
        "Remove it; holdfast has settings of its own for what may vary.",
      ),
    );
  return faults;
}

function archFaults(settings: Settings): Fault[] {
  const check = (setting: string, hosts: Settings["hosts"]) => {
    const byArch = Map.groupBy(hosts, (host) => host.arch);
    if (byArch.size < 2) return [];
    const list = [...byArch].map(([arch, of]) => `${arch}: ${named(of)}`).join("; ");
    return [
      fault(`${setting} is one binary, but its hosts differ in arch (${list})`, "Use hosts of one architecture."),
    ];
  };
  return [
    ...check("holdfast:neard.artifact", withRole(settings, "neard")),
    ...(settings.consul.artifact === undefined ? [] : check("holdfast:consul.artifact", settings.hosts)),
  ];
}

function portFaults(settings: Settings): Fault[] {
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
