/** The hosts together: how many there are, that they can be told apart and can reach each other. */
import { familyOf, isWithin } from "../../contract/address.ts";
import { spareOf } from "../../contract/quorum.ts";
import { clusterStashes } from "../plan/secret-names.ts";
import { type Fault, configFault as fault } from "./faults.ts";
import type { Settings } from "./schema.ts";
import type { SettledHost } from "./settled-host.ts";

type Hosts = Pick<Settings, "hosts">;

const named = (hosts: readonly { readonly name: string }[]) => hosts.map((host) => host.name).join(", ");
const withRole = (settings: Hosts, role: "consul" | "neard") =>
  settings.hosts.filter((host) => host.roles.includes(role));

export function sizeFaults(settings: Hosts): Fault[] {
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

/** Allowed, but worth a word. */
export function sizeWarnings(settings: Hosts): string[] {
  const consul = withRole(settings, "consul");
  if (consul.length < 3 || consul.length % 2 === 1) return [];
  return [
    `holdfast:hosts has ${consul.length} hosts with the role consul (${named(consul)}): an even number survives no more losses (${spareOf(consul.length)}) than ${consul.length - 1} would. Add or remove one.`,
  ];
}

export function duplicateFaults(all: readonly SettledHost[]): Fault[] {
  return (["name", "address"] as const).flatMap((property) =>
    [...Map.groupBy(all, (host) => host[property])]
      .filter(([, hosts]) => hosts.length > 1)
      .map(([value, hosts]) =>
        fault(
          `holdfast:hosts has the ${property} ${value} ${hosts.length} times${property === "address" ? ` (${named(hosts)})` : ""}`,
          `Give every host its own ${property}.`,
        ),
      ),
  );
}

/** A host's resources have its name in theirs: so one that is called like a part of ours would make one resource twice. */
export function nameFaults(settings: Hosts): Fault[] {
  const stashes = new Set<string>(Object.values(clusterStashes));
  const taken = (name: string) =>
    stashes.has(name)
      ? "is what holdfast calls a resource of its own in the stack's state"
      : name === "localhost"
        ? "means another machine on each"
        : undefined;
  return settings.hosts.flatMap(({ name }) => {
    const why = taken(name);
    return why === undefined
      ? []
      : [fault(`holdfast:hosts: a host cannot be named ${name}: the name ${why}`, "Give it another name.")];
  });
}

/** An address can be moved to a successor only from a host that has a neard, and by a command only if there is one. */
export function takeoverAddressFaults(hosts: readonly SettledHost[]): Fault[] {
  return hosts.flatMap(({ name, address, roles, takeoverAddress: way }) => {
    if (way === undefined) return [];
    const path = `holdfast:hosts, ${name}, takeoverAddress`;
    if (!roles.includes("neard"))
      return [fault(`${path}: ${name} has no neard, so nobody ever takes over from it`, "Remove the setting.")];
    if (way.mover === "arp" && familyOf(way.address ?? address) !== "ipv4")
      return [
        fault(
          `${path}: mover arp is for IPv4; a host that comes back and finds its IPv6 address taken would not use it any more`,
          "Use mover command, or neard.tier1: false.",
        ),
      ];
    if (way.mover === "command" && way.command === undefined)
      return [fault(`${path}: mover command needs a command`, "Give the absolute path of the program on the hosts.")];
    if (way.mover !== "command" && way.command !== undefined)
      return [fault(`${path}: mover ${way.mover} runs no command`, "Remove command, or set mover: command.")];
    return [];
  });
}

/** A host is there or gone. Dropping one that lives would leave its agent and its sealed key behind. */
export function goneFaults(settings: Pick<Settings, "hosts" | "gone">): Fault[] {
  return settings.hosts
    .filter((host) => settings.gone.includes(host.name))
    .map(({ name }) =>
      fault(
        `${name} is in holdfast:hosts and in holdfast:gone`,
        `Take it out of hosts if it died for good, or out of gone if it lives.`,
      ),
    );
}

/** Where a host cannot be reached by the others. */
const unreachable = ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8"];

export function addressFaults(hosts: readonly SettledHost[]): Fault[] {
  const bad = hosts.filter((host) => isWithin(unreachable, host.address));
  const families = new Set(hosts.map((host) => familyOf(host.address)));
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

export function archFaults(hosts: readonly SettledHost[], consul: Settings["consul"]): Fault[] {
  const check = (setting: string, having: readonly SettledHost[]) => {
    const byArch = Map.groupBy(having, (host) => host.arch);
    if (byArch.size < 2) return [];
    const list = [...byArch].map(([arch, of]) => `${arch}: ${named(of)}`).join("; ");
    return [
      fault(`${setting} is one binary, but its hosts differ in arch (${list})`, "Use hosts of one architecture."),
    ];
  };
  return [
    ...check(
      "holdfast:neard.artifact",
      hosts.filter(({ roles }) => roles.includes("neard")),
    ),
    ...(consul.artifact === undefined ? [] : check("holdfast:consul.artifact", hosts)),
  ];
}
