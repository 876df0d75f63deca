/**
 * The stack's configuration for a lab: what holdfast must know of hosts that exist already, like the
 * Pulumi.<stack>.yaml of a public network, only written by us. Pure.
 *
 * Only what follows from the lab is set. Whatever else the file holds, the operator tried out; it stays.
 */
import { Document, parseDocument } from "yaml";
import type { HostRole } from "../../contract/topology.ts";
import type { SettingsInput } from "../../infra/config/schema.ts";
import { clusterAddress, defaultHostNames, ipv6Of, type Lab, type LabChain } from "../hosts/description.ts";

export interface StackFacts {
  readonly lab: Lab;
  readonly chain: LabChain;
  /** The lab's neard, relative to the project folder. */
  readonly neardSource: string;
  /** The lab's cloud makes the hosts; absent: they exist. */
  readonly cloud?: { readonly endpoint: string } | undefined;
  /** Release of neard, or the one that the lab's neard stands in for. */
  readonly neardVersion: string;
  /** What config.json takes on this machine, beyond what holdfast gives it; the operator's own goes first. */
  readonly neardConfig?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
}

type HostInput = SettingsInput["hosts"][number];

const header =
  " Written by `npm run localnet` from the lab's description; not in git. What the lab does not\n" +
  " decide (lease, priorities, zones, roles, neard.config ...) may be changed here and stays.";

/** Two that can validate, one that only votes; what is added later can validate, and the voters stay three. */
function rolesOf(position: number): HostRole[] {
  if (position < 2) return ["neard", "consul"];
  return position === 2 ? ["consul"] : ["neard"];
}

/** Its address can be moved, for all of the lab is one layer 2; but only an IPv4 address, by ARP. */
function newHost(position: number, family: Lab["family"]): Pick<HostInput, "roles" | "takeoverAddress"> {
  const roles = rolesOf(position);
  const isMovable = roles.includes("neard") && family === "ipv4";
  return isMovable ? { roles, takeoverAddress: { mover: "arp" } } : { roles };
}

/** As the stack's settings have it: how the other hosts reach this one, and this machine. */
export function wayTo(lab: Lab, host: Lab["hosts"][number]): Pick<HostInput, "address" | "ssh"> {
  const address = clusterAddress(lab, host);
  return address === host.address ? { address } : { address, ssh: { host: host.address } };
}

/** Hosts that exist as they are, and where the lab has a cloud those that it makes: the file's, or three to begin with. */
function hostSettings({ lab, cloud }: StackFacts, old: readonly HostInput[]): HostInput[] {
  const made = cloud === undefined ? [] : old.filter((host) => host.cloud !== undefined);
  const first = cloud !== undefined && made.length === 0 ? newCloudHosts : made;
  const existing = lab.hosts.filter(({ server }) => server === undefined);
  return [
    ...first,
    ...existing.map((host, position) => {
      const { name, user, port, hostKey, arch } = host;
      const kept = old.find((one) => one.name === name) ?? newHost(first.length + position, lab.family);
      return { name, ...kept, ...wayTo(lab, host), user, port, hostKey, arch };
    }),
  ];
}

/** In three locations, as a person would who has read docs/operate/cloud.md. */
const newCloudHosts: HostInput[] = ["fsn1", "nbg1", "hel1"].map((location, position) => ({
  name: defaultHostNames[position] ?? location,
  roles: rolesOf(position),
  cloud: { location },
}));

/** The file's new text. `old` is the present one; empty where there is none. */
export function stackFile(facts: StackFacts, old: string): string {
  const { lab, chain } = facts;
  const document: Document = old === "" ? new Document({}) : parseDocument(old);
  if (old === "") document.commentBefore = header;
  const set = (path: readonly string[], value: unknown) =>
    document.setIn(["config", ...path], document.createNode(value));
  const config = (document.toJS() as { config?: Record<string, unknown> }).config ?? {};
  set(["holdfast:network"], "localnet");
  set(["holdfast:validator"], { account: chain.account });
  set(["holdfast:hosts"], hostSettings(facts, (config["holdfast:hosts"] as HostInput[] | undefined) ?? []));
  // The token is there already, encrypted, or comes after.
  if (facts.cloud !== undefined)
    set(["holdfast:hcloud"], { ...(config["holdfast:hcloud"] as object | undefined), endpoint: facts.cloud.endpoint });
  const neard = config["holdfast:neard"] as Record<string, unknown> | undefined;
  set(["holdfast:neard"], {
    version: facts.neardVersion,
    ...neard,
    artifact: { source: facts.neardSource },
    chainId: chain.chainId,
    genesis: { source: chain.genesisFile },
    bootNodes: chain.bootNode.split(","),
    ...(facts.neardConfig === undefined ? {} : { config: sectionsOver(facts.neardConfig, neard?.config) }),
  });
  // This machine watches: it is where the witness, the tests and `lab` run.
  const gateways = [`${lab.gateway}/32`, ...(lab.family === "ipv6" ? [`${ipv6Of(lab, lab.gateway)}/128`] : [])];
  if (config["holdfast:firewall"] === undefined) set(["holdfast:firewall"], { monitoring: gateways });
  return document.toString({ lineWidth: 0 });
}

/** Sections of config.json, the operator's settings over the lab's. */
function sectionsOver(base: NonNullable<StackFacts["neardConfig"]>, over: unknown): Record<string, unknown> {
  const own = (over ?? {}) as Record<string, unknown>;
  const merged = Object.entries(base).map(([name, section]) => [name, { ...section, ...(own[name] as object) }]);
  return { ...own, ...Object.fromEntries(merged) };
}

/** Whether the file holds all of these secrets, encrypted; each a path as `pulumi config set --path` takes it. */
export function hasSecrets(text: string, secrets: readonly string[]): boolean {
  const document = parseDocument(text);
  return secrets.every((path) => typeof document.getIn(["config", ...path.split("."), "secure"]) === "string");
}

/** The file without what only the old passphrase can decrypt. */
export function withoutSecrets(text: string): string {
  const document = parseDocument(text);
  if (document.contents === null) return text;
  document.delete("encryptionsalt");
  document.deleteIn(["config", "holdfast:validatorKey"]);
  document.deleteIn(["config", "holdfast:nextValidatorKey"]);
  for (const [section, secret] of [
    ["holdfast:ssh", "privateKey"],
    ["holdfast:hcloud", "token"],
  ] as const)
    if (document.hasIn(["config", section])) document.deleteIn(["config", section, secret]);
  return document.toString({ lineWidth: 0 });
}
