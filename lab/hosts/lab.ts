/**
 * Labs as a whole: up, down, one host more, one less. Every step looks first and does only what is
 * missing, so each can be run again, also after it was cut off in the middle.
 */
import { mkdirSync, rmSync } from "node:fs";
import { HoldfastError } from "../../contract/errors.ts";
import { activeFaults, healAll } from "../faults/engine.ts";
import { clearNetworkFaults } from "../faults/network.ts";
import { chainIsOn, stopChain, writeChainHosts } from "./chain.ts";
import { stopCloud } from "./cloud.ts";
import {
  checkHostName,
  checkLabName,
  defaultHostNames,
  findLab,
  freeAddresses,
  hostOf,
  type Lab,
  type LabHost,
  type LabNeard,
  labPaths,
  labRoot,
  loadLab,
  newLab,
  newLabSuite,
  saveLab,
} from "./description.ts";
import { ensureImage } from "./image.ts";
import { withLock } from "./lock.ts";
import { ensurePackages, requireRoot } from "./machine.ts";
import { bridgeIsUp, ensureBridge, releaseIndex, removeBridge, reserveIndex } from "./network.ts";
import { forget, isFrozen, isOn, powerOff, powerOn, sshAnswers, waitForSsh } from "./power.ts";
import type { Say } from "./progress.ts";
import { checkReach } from "./reach.ts";
import { type CloudHostSpec, ensureLoginKey, makeCloudHost, makeHost, readHostKey, writeKnownHosts } from "./seed.ts";

const exclusive = <T>(name: string, work: () => Promise<T>) => withLock(`lab ${name}`, 120_000, work);

/** What a lab is brought up with, beyond its name. */
export interface UpOptions {
  /** Without them a new lab gets defaultHostNames, and an old one keeps its own. */
  readonly hosts?: readonly string[] | undefined;
  /** For a lab whose hosts its cloud makes: their image too, and none of its own at first. */
  readonly cloud?: boolean | undefined;
  /** A real neard (lab/real/). Without one a new lab gets the stand-in, and an old one keeps its own. */
  readonly neard?: LabNeard | null | undefined;
}

/**
 * Brings the lab's hosts up, without faults; makes the lab if there is none. The chain is not started here
 * (chain.ts).
 * @throws HoldfastError HF_REFUSED when a real neard is given to a lab that has the simulated chain
 */
export async function upLab(name: string, say: Say, { hosts, neard, cloud = false }: UpOptions = {}): Promise<Lab> {
  requireRoot();
  checkLabName(name);
  await ensurePackages(say, `${labRoot()}/packages.log`);
  await ensureImage(say, findLab(name)?.suite ?? newLabSuite(), cloud ? "cloud" : "plain");
  return exclusive(name, async () => {
    let lab = withNeard(findLab(name), neard ?? null) ?? { ...newLab(name, reserveIndex(name)), neard: neard ?? null };
    // Disks and keys inside: for root alone.
    mkdirSync(labPaths(name).dir, { recursive: true, mode: 0o700 });
    saveLab(lab);
    await ensureLoginKey(lab);
    await ensureBridge(lab);
    const wanted = hosts ?? (lab.hosts.length > 0 || cloud ? [] : defaultHostNames);
    lab = await makeHosts(lab, wanted);
    const faults = activeFaults(lab);
    if (faults.length > 0) say(`healing ${faults.map(({ kind, host }) => `${kind} ${host}`).join(", ")}`);
    if (faults.length > 0) await healAll(lab);
    await bootAll(lab, say);
    return lab;
  });
}

/**
 * A lab that is there with the neard that was given, if one was. Which chain it has was decided when it was made.
 * @throws HoldfastError HF_REFUSED
 */
export function withNeard(lab: Lab | null, neard: LabNeard | null): Lab | null {
  if (lab === null || neard === null) return lab;
  if (lab.neard !== null) return { ...lab, neard };
  throw new HoldfastError(
    "HF_REFUSED",
    `The lab ${lab.name} has the simulated chain; a real neard takes a lab of its own.`,
    {
      next: `Take another name (--lab), or remove it first: npm run localnet -- down --lab ${lab.name}`,
    },
  );
}

/** Adds hosts to a lab and boots them. */
export async function addHosts(name: string, hosts: readonly string[], say: Say): Promise<Lab> {
  requireRoot();
  return exclusive(name, async () => {
    const lab = await makeHosts(loadLab(name), hosts);
    await bootAll(lab, say);
    return lab;
  });
}

/** Kills a host and deletes its disk. */
export async function removeHost(name: string, host: string): Promise<Lab> {
  requireRoot();
  return exclusive(name, async () => {
    const lab = loadLab(name);
    hostOf(lab, host);
    await powerOff(lab, host);
    forget(lab, host);
    rmSync(labPaths(name).host(host).dir, { recursive: true, force: true });
    const smaller = { ...lab, hosts: lab.hosts.filter((other) => other.name !== host) };
    saveHosts(smaller);
    return smaller;
  });
}

/** Makes the host that is to be a server of the cloud's, and leaves it off; the one that is there stays. */
export async function addCloudHost(labName: string, spec: CloudHostSpec): Promise<void> {
  await exclusive(labName, async () => {
    const lab = loadLab(labName);
    if (lab.hosts.some(({ server }) => server?.id === spec.server.id)) return;
    saveHosts({ ...lab, hosts: [...lab.hosts, await makeCloudHost(lab, spec)] });
  });
}

/** Changes what is known of a server of the cloud's; nothing where there is no such host. */
export async function changeCloudHost(
  labName: string,
  serverId: number,
  change: (host: LabHost) => LabHost,
): Promise<void> {
  await exclusive(labName, async () => {
    const lab = loadLab(labName);
    saveHosts({ ...lab, hosts: lab.hosts.map((host) => (host.server?.id === serverId ? change(host) : host)) });
  });
}

/**
 * Sets a host's machine up anew: its disk is empty, its machine id another one, its name and address are the same, as after a
 * provider's reinstallation.
 * @returns the lab, in which the host has another SSH host key unless it was kept
 */
export async function reinstallHost(name: string, host: string, say: Say, keepHostKey = false): Promise<Lab> {
  requireRoot();
  return exclusive(name, async () => {
    const lab = loadLab(name);
    const { address } = hostOf(lab, host);
    const hostKey = keepHostKey ? readHostKey(lab, host) : undefined;
    await powerOff(lab, host);
    forget(lab, host);
    const made = await makeHost(lab, host, address, hostKey);
    const after = { ...lab, hosts: lab.hosts.map((other) => (other.name === host ? made : other)) };
    saveHosts(after);
    await bootAll(after, say);
    return after;
  });
}

/** Removes the lab: chain, hosts, disks, bridge, faults. The image stays. False if there was none. */
export async function downLab(name: string, say: Say): Promise<boolean> {
  requireRoot();
  return exclusive(name, async () => {
    const lab = findLab(name);
    if (lab === null) return false;
    await stopCloud(lab);
    await stopChain(lab);
    say(`killing ${lab.hosts.map((host) => host.name).join(", ") || "no hosts"}`);
    await Promise.all(lab.hosts.map((host) => powerOff(lab, host.name)));
    for (const host of lab.hosts) forget(lab, host.name);
    await clearNetworkFaults(lab);
    await removeBridge(lab);
    releaseIndex(lab);
    rmSync(labPaths(name).dir, { recursive: true, force: true });
    return true;
  });
}

export interface LabStatus {
  readonly lab: Lab;
  readonly bridgeUp: boolean;
  readonly chainOn: boolean;
  readonly hosts: readonly { name: string; address: string; power: "on" | "off" | "frozen"; ssh: boolean }[];
}

/** What of the lab works now. Changes nothing. */
export async function labStatus(name: string): Promise<LabStatus> {
  const lab = loadLab(name);
  const hosts = await Promise.all(
    lab.hosts.map(async (host) => {
      const power = isFrozen(lab, host.name) ? "frozen" : isOn(lab, host.name) ? "on" : "off";
      const ssh = power === "on" && (await sshAnswers(host));
      return { name: host.name, address: host.address, power, ssh } as const;
    }),
  );
  return { lab, bridgeUp: bridgeIsUp(lab), chainOn: chainIsOn(lab), hosts };
}

async function makeHosts(lab: Lab, names: readonly string[]): Promise<Lab> {
  const missing = names.filter((name) => !lab.hosts.some((host) => host.name === checkHostName(name)));
  const addresses = freeAddresses(lab, missing.length);
  const made = await Promise.all(missing.map((name, i) => makeHost(lab, name, addresses[i] as string)));
  const grown = { ...lab, hosts: [...lab.hosts, ...made] };
  saveHosts(grown);
  return grown;
}

function saveHosts(lab: Lab): void {
  saveLab(lab);
  writeKnownHosts(lab);
  writeChainHosts(lab);
}

async function bootAll(lab: Lab, say: Say): Promise<void> {
  const off = lab.hosts.filter((host) => !isOn(lab, host.name));
  if (off.length > 0) say(`booting ${off.map((host) => host.name).join(", ")}`);
  await Promise.all(off.map((host) => powerOn(lab, host.name)));
  await Promise.all(lab.hosts.filter((host) => !isFrozen(lab, host.name)).map((host) => waitForSsh(lab, host)));
  if (off.length > 0 && activeFaults(lab).length === 0) await checkReach(lab);
}
