/** Facts of the hosts → what makes them unfit, as faults. Pure. */
import { isIP } from "node:net";
import { familyOf, isWithin, peerAddress } from "../../contract/address.ts";
import { paths, ports } from "../../contract/paths.ts";
import type { Fault } from "../config/faults.ts";
import { machines } from "../config/schema.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { beforeFaults, homeFaults, sourceFaults } from "./before-us.ts";
import type { HostFacts, HostReport } from "./host-facts.ts";

/** Ubuntu 22.04's, the oldest that holdfast was tried on; before 250 the host's holdfastd does the sealing. */
const leastSystemd = 249;
const mib = 1024;
const gib = 1024 * mib;
/** Node and Consul unpacked and packed are 0.5 GiB; the rest is for what grows. */
const leastVarKb = gib;
const leastOptKb = gib / 2;
/** A public chain's state; the documentation asks for 1 to 3 TB. */
const leastChainKb = 500 * gib;
const mostClockDifferenceMs = 1000;

export function hostFaults(topology: Topology, reports: readonly HostReport[]): Fault[] {
  return [...reports.flatMap((report) => unfitness(topology, report)), ...clockFaults(reports)];
}

/** Another firewall is no reason to refuse: somebody may have told it what to admit. */
export function hostWarnings(topology: Topology, reports: readonly HostReport[]): string[] {
  return reports
    .filter(({ facts }) => facts.firewalls !== "")
    .map(({ host, facts }) => {
      const neard = hasRole("neard")(host) ? `, and TCP ${topology.neard.networkPort} from everywhere` : "";
      const tcp = [ports.consulServerRpc, ports.consulGossip, ports.consulHttps, ports.agentHttp].join(", ");
      return (
        `${host.name} has another firewall (${facts.firewalls}). What it drops stays dropped, whatever holdfast's admits: ` +
        `let it admit TCP ${tcp} and UDP ${ports.consulGossip} from the cluster's hosts${neard}, or switch it off.`
      );
    });
}

function unfitness(topology: Topology, report: HostReport): Fault[] {
  const { host, facts } = report;
  const fault = (message: string, next: string): Fault => ({
    code: "HF_HOST_UNFIT",
    message: `${host.name} (${host.address}) ${message}`,
    next,
  });
  const faults: Fault[] = [];
  if (facts.uid !== 0)
    faults.push(fault(`gives ${host.ssh.user} no root rights`, "Log in as root, or allow sudo without a password."));
  if (facts.machine !== machines[host.arch])
    faults.push(fault(`is a ${facts.machine} machine, configured is arch ${host.arch}`, "Correct the host's arch."));
  if (facts.init !== "systemd")
    faults.push(fault(`does not run systemd (process 1 is ${facts.init})`, "Use Debian 12 or Ubuntu 22.04, or later."));
  else if (facts.systemd < leastSystemd)
    faults.push(
      fault(
        `has systemd ${facts.systemd} (${facts.os}); holdfast needs ${leastSystemd}`,
        "Upgrade it to Debian 12 or Ubuntu 22.04, or later.",
      ),
    );
  if (!facts.perl) faults.push(fault("has no /usr/bin/perl, which starts the agent", "Install the package perl-base."));
  if (!facts.nft)
    faults.push(fault("has no working nftables", "Install the package nftables, on a kernel that has nf_tables."));
  if (facts.run !== "tmpfs")
    faults.push(
      fault(`has /run on ${facts.run}, not on tmpfs: the validator key would reach the disk`, "Mount a tmpfs at /run."),
    );
  if (!facts.addresses.map(peerAddress).includes(host.address))
    faults.push(
      fault(
        `has no interface with the address ${host.address} (it has ${facts.addresses.join(", ") || "none"})`,
        "Give an address that the host itself has; behind a 1:1 NAT that is the inner one.",
      ),
    );
  // Where it has not even the address, its routes say nothing.
  else faults.push(...sourceFaults(report, fault));
  faults.push(...accessFaults(topology, host, facts, fault), ...homeFaults(report, fault));
  if (!facts.managed) faults.push(...beforeFaults(report, fault), ...freshFaults(topology, host, facts, fault));
  return faults;
}

type MakeFault = (message: string, next: string) => Fault;

/** What would shut us out once the host's own firewall stands. */
function accessFaults(topology: Topology, host: Host, facts: HostFacts, fault: MakeFault): Fault[] {
  const client = peerAddress(facts.client);
  const isKnown = isIP(client) !== 0;
  const isAdmitted = isKnown
    ? isWithin(topology.firewall.ssh, client)
    : ["0.0.0.0/0", "::/0"].every((all) => topology.firewall.ssh.includes(all));
  const whose = host.ssh.proxy === null ? "this machine's" : "the jump host's";
  const family = familyOf(client) === "ipv4" ? "IPv4" : "IPv6";
  return [
    ...(isAdmitted
      ? []
      : [
          fault(
            `is reached from ${isKnown ? client : "an address that it does not tell"}, which holdfast:firewall.ssh would shut out`,
            `Add ${whose} ${family} address to firewall.ssh, as this host sees it.`,
          ),
        ]),
    ...(facts.sshPort === 0 || facts.sshPort === host.sshdPort
      ? []
      : [
          fault(
            `answers SSH on its own port ${facts.sshPort}, but its firewall would open port ${host.sshdPort}`,
            `Set the host's port to ${facts.sshPort}; where that is another one on the way there, set that as its ssh.port.`,
          ),
        ]),
  ];
}

/** What only counts before the first deployment: later our own data and services are there. */
function freshFaults(topology: Topology, host: Host, facts: HostFacts, fault: MakeFault): Fault[] {
  const neard = hasRole("neard")(host);
  const chain = neard && topology.network !== "localnet";
  const space = [
    { at: "/opt", freeKb: facts.optFreeKb, leastKb: leastOptKb },
    { at: "/var/lib", freeKb: facts.varFreeKb, leastKb: leastVarKb },
    ...(chain ? [{ at: paths.neardHome, freeKb: facts.chainFreeKb, leastKb: leastChainKb }] : []),
  ];
  const wanted = [
    ports.agentHttp,
    ports.consulGossip,
    ports.consulHttps,
    ...(hasRole("consul")(host) ? [ports.consulServerRpc] : []),
    ...(neard ? [topology.neard.rpcPort, topology.neard.networkPort] : []),
  ];
  const taken = wanted.filter((port) => facts.listening.includes(port));
  return [
    ...space
      .filter(({ freeKb, leastKb }) => freeKb < leastKb)
      .map(({ at, freeKb, leastKb }) =>
        fault(
          `has ${Math.floor(freeKb / mib)} MiB free at ${at}; it needs ${leastKb / mib} MiB`,
          "Make room, or use a larger disk.",
        ),
      ),
    ...(taken.length === 0
      ? []
      : [
          fault(
            `has something listening on ${taken.length === 1 ? "port" : "ports"} ${taken.join(", ")}`,
            `Stop it: ss -tulpn on ${host.name} shows what it is.`,
          ),
        ]),
  ];
}

function clockFaults(reports: readonly HostReport[]): Fault[] {
  const fault = (message: string): Fault => ({
    code: "HF_HOST_UNFIT",
    message,
    next: "Set the clocks right and keep them so, with chrony or systemd-timesyncd.",
  });
  const fromOurs = reports
    .filter(({ clockOffsetMs, uncertaintyMs }) => Math.abs(clockOffsetMs) - uncertaintyMs > mostClockDifferenceMs)
    .map(({ host, clockOffsetMs }) => fault(`The clock of ${host.name} is ${seconds(clockOffsetMs)} this machine's`));
  if (fromOurs.length > 0) return fromOurs;
  const sorted = reports.toSorted((a, b) => a.clockOffsetMs - b.clockOffsetMs);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return [];
  const apartMs = last.clockOffsetMs - first.clockOffsetMs;
  if (apartMs - first.uncertaintyMs - last.uncertaintyMs <= mostClockDifferenceMs) return [];
  return [fault(`The clock of ${last.host.name} is ${seconds(apartMs)} that of ${first.host.name}`)];
}

function seconds(ms: number): string {
  return `${Math.abs(ms / 1000).toFixed(1)} s ${ms > 0 ? "ahead of" : "behind"}`;
}
