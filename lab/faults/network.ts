/**
 * Faults of the network: one nftables table per lab on this machine, where every packet between hosts,
 * and between a host and this machine, crosses the bridge. Each change replaces the whole table in one
 * transaction, made from the faults that are on; so healing one never disturbs another.
 *
 * Hosts are told apart by address, by both where they have two: the hooks see all bridges of this machine, and addresses are unique
 * among labs. SSH from this machine goes through in every kind.
 */
import { addressesOf, ipv6Of, type Lab, networkAddresses } from "../hosts/description.ts";
import { run } from "../hosts/machine.ts";
import { type ActiveFault, type FaultKind, needsPeer } from "./fault.ts";

/** nftables statements per hook: host to host, host to this machine, this machine to host. */
export interface Rules {
  readonly forward?: readonly string[];
  readonly input?: readonly string[];
  readonly output?: readonly string[];
}

interface NetworkFault {
  readonly name: string;
  readonly sentence: string;
  /**
   * `peer`: the address of the other host, where the fault is between two. `network`: addresses of the network
   * of real neards, which sits on the bridge like the hosts; none where the chain is this machine's.
   */
  readonly rules: (address: string, peer: string | undefined, network: readonly string[]) => Rules;
  readonly between?: "two hosts";
}

const consulPorts = "{ 8300, 8301, 8302, 8500, 8501 }";

/** Both directions between this machine and the host, SSH to the host excepted. */
const chainRules = (address: string, action: string): Rules => ({
  input: [`ip saddr ${address} tcp sport 22 return`, `ip saddr ${address} ${action}`],
  output: [`ip daddr ${address} tcp dport 22 return`, `ip daddr ${address} ${action}`],
});

/** Both directions of what goes to, or comes from, these ports of either side. */
const portsCut = (address: string, ports: string): Rules => ({
  forward: ["saddr", "daddr"].flatMap((side) =>
    ["sport", "dport"].map((port) => `ip ${side} ${address} meta l4proto { tcp, udp } th ${port} ${ports} drop`),
  ),
});

const fromHosts = (address: string) => `ip daddr ${address} drop`;
const toHosts = (address: string) => `ip saddr ${address} drop`;
const setOf = (addresses: readonly string[]) => `{ ${addresses.join(", ")} }`;
/** The chain stays reachable, wherever it is. */
const spared = (network: readonly string[]) =>
  network.length === 0 ? [] : [`ip saddr ${setOf(network)} return`, `ip daddr ${setOf(network)} return`];
const networkCut = (address: string, network: readonly string[]): Rules =>
  network.length === 0
    ? {}
    : {
        forward: [
          `ip saddr ${address} ip daddr ${setOf(network)} drop`,
          `ip saddr ${setOf(network)} ip daddr ${address} drop`,
        ],
      };
/** Each packet is dropped with a probability of 0.3, by the kernel's own random numbers. */
const lose = "numgen random mod 100 < 30 drop";

export const networkFaults: readonly NetworkFault[] = [
  {
    name: "partition",
    sentence: "The host and the other hosts do not reach each other; the chain stays reachable.",
    rules: (address, _, network) => ({ forward: [...spared(network), fromHosts(address), toHosts(address)] }),
  },
  {
    name: "partition-in",
    sentence: "Nothing from the other hosts reaches the host; what it sends still arrives.",
    rules: (address, _, network) => ({ forward: [...spared(network), fromHosts(address)] }),
  },
  {
    name: "partition-out",
    sentence: "Nothing that the host sends reaches the other hosts; it still hears them.",
    rules: (address, _, network) => ({ forward: [...spared(network), toHosts(address)] }),
  },
  {
    name: "partition-consul",
    sentence: "Consul's ports (8300-8302, 8500, 8501) are cut between the host and the others, both ways.",
    rules: (address) => portsCut(address, consulPorts),
  },
  {
    name: "partition-gossip",
    sentence: "Consul's gossip (8301, 8302) is cut between the host and the others, both ways; its RPC and API go on.",
    rules: (address) => portsCut(address, "{ 8301, 8302 }"),
  },
  {
    name: "partition-rpc",
    sentence: "Consul's server RPC (8300: Raft, forwarded requests) is cut between the host and the others, both ways.",
    rules: (address) => portsCut(address, "{ 8300 }"),
  },
  {
    name: "partition-pair",
    sentence: "The host and one other (--peer) do not reach each other; both reach everybody else.",
    between: "two hosts",
    rules: (address, peer) =>
      peer === undefined
        ? {}
        : { forward: [`ip saddr ${address} ip daddr ${peer} drop`, `ip saddr ${peer} ip daddr ${address} drop`] },
  },
  {
    name: "partition-chain",
    sentence: "The host and this machine do not reach each other, SSH excepted: neard is cut off from the chain.",
    rules: (address, _, network) => ({ ...chainRules(address, "drop"), ...networkCut(address, network) }),
  },
  {
    name: "isolate",
    sentence: "The host reaches nothing and nothing reaches it, but for SSH from this machine.",
    rules: (address) => ({ forward: [fromHosts(address), toHosts(address)], ...chainRules(address, "drop") }),
  },
  {
    name: "loss",
    sentence: "Three of ten packets from and to the host are lost, SSH from this machine excepted.",
    rules: (address) => ({
      forward: [`ip saddr ${address} ${lose}`, `ip daddr ${address} ${lose}`],
      ...chainRules(address, lose),
    }),
  },
];

const rulesByKind = new Map(networkFaults.map(({ name, rules }) => [name, rules]));

const tableOf = (lab: Lab) => `table bridge hf_${lab.name}`;

/** The rule, and where hosts have an IPv6 address too the same for that. */
function inBothFamilies(lab: Lab, rule: string): string[] {
  const hosts = lab.hosts.map(({ address }) => address);
  const named = [...rule.matchAll(/10\.77\.\d+\.\d+/g)].map(([address]) => address);
  // What has to do with others (a network of real neards) goes by IPv4 alone.
  if (lab.family === "ipv4" || !named.every((address) => hosts.includes(address))) return [rule];
  const other = rule.replaceAll(/\bip (?=[sd]addr)/g, "ip6 ");
  return [rule, named.reduce((text, address) => text.replaceAll(address, ipv6Of(lab, address)), other)];
}

/** The transaction that makes the lab's table hold exactly the rules of `active`. Pure. */
export function tableScript(lab: Lab, active: readonly ActiveFault[]): string {
  const table = tableOf(lab);
  // Adding before deleting: deleting what is not there is an error.
  const clear = [table, `delete ${table}`];
  const network = networkAddresses(lab);
  const rules = active.flatMap((fault) => {
    const host = lab.hosts.find((candidate) => candidate.name === fault.host);
    const make = rulesByKind.get(fault.kind);
    const peer = lab.hosts.find((candidate) => candidate.name === fault.peer);
    if (host === undefined || make === undefined) return [];
    // A host of the cloud's has a private address too, and a peer as well.
    const peers = peer === undefined ? [undefined] : addressesOf(peer);
    const each = addressesOf(host).flatMap((address) => peers.map((other) => make(address, other, network)));
    return [{ fault, rules: together(each) }];
  });
  if (rules.length === 0) return `${clear.join("\n")}\n`;
  const chains = (["forward", "input", "output"] as const).flatMap((hook) => {
    // Each fault has a chain of its own, which its exception for SSH returns from: others still apply.
    const own = rules.filter((entry) => (entry.rules[hook] ?? []).length > 0);
    return [
      ...own.map(({ fault, rules: { [hook]: lines } }) => [
        `  chain ${hook}_${fault.id} {`,
        ...(lines ?? []).flatMap((line) => inBothFamilies(lab, line)).map((line) => `    ${line}`),
        "  }",
      ]),
      [
        `  chain ${hook} {`,
        `    type filter hook ${hook} priority 0; policy accept;`,
        ...own.map(({ fault }) => `    jump ${hook}_${fault.id}`),
        "  }",
      ],
    ].flat();
  });
  return [...clear, `${table} {`, ...chains, "}", ""].join("\n");
}

/** The rules of several, hook by hook; those of SSH's exception come before all else. */
function together(all: readonly Rules[]): Rules {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const of = (hook: keyof Rules) =>
    all
      .flatMap((rules) => rules[hook] ?? [])
      .toSorted((a, b) => Number(b.endsWith(" return")) - Number(a.endsWith(" return")));
  return { forward: of("forward"), input: of("input"), output: of("output") };
}

export async function applyNetworkFaults(lab: Lab, active: readonly ActiveFault[]): Promise<void> {
  await run("nft", ["-f", "-"], tableScript(lab, active));
}

export async function clearNetworkFaults(lab: Lab): Promise<void> {
  await applyNetworkFaults(lab, []);
}

export const networkKinds: readonly FaultKind[] = networkFaults.map(({ name, sentence, between }) => ({
  name,
  sentence,
  needs: between === undefined ? null : needsPeer,
  lasting: true,
  inject: ({ lab, active }) => applyNetworkFaults(lab, active),
  heal: ({ lab, active }) => applyNetworkFaults(lab, active),
}));
