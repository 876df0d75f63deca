/**
 * A host's power: on, off, frozen. A host is found by its cgroup and by nothing else: process ids are
 * reused, a cgroup's name is not, and the kernel kills or freezes all that is in one at once.
 */
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../../contract/errors.ts";
import { withFileLimit } from "../real/file-limit.ts";
import { hostOf, type Lab, type LabHost, labPaths } from "./description.ts";
import { imageDirectory } from "./image.ts";
import { cgroupMounts, environment, run, systemdIsInit } from "./machine.ts";

const bootScript = fileURLToPath(new URL("./boot.sh", import.meta.url));

/** The host's name among this machine's cgroups and units. */
const groupName = (lab: Lab, host: string) => `holdfast-${lab.name}-${host}`;

/**
 * Holds a host that is on to a part of a core, as if its machine had no more: what it does takes it as long whatever the others
 * do. Until it is off.
 * @param share of one core, such as 0.15
 * @throws HoldfastError HF_LAB where this machine's cgroups cannot
 */
export async function holdToCpu(lab: Lab, host: string, share: number): Promise<void> {
  const name = groupName(lab, host);
  if (systemdIsInit())
    return void (await run("systemctl", [
      "set-property",
      "--runtime",
      `${name}.service`,
      `CPUQuota=${Math.round(share * 100)}%`,
    ]));
  const { cpu } = cgroupMounts();
  if (cpu === null)
    throw new HoldfastError(
      "HF_LAB",
      `${host} cannot be held to ${share} of a core: no cgroups of version 1 with cpu.`,
      {
        next: "Run it where systemd is init.",
      },
    );
  const group = `${cpu}/${name}`;
  mkdirSync(group, { recursive: true });
  writeFileSync(`${group}/cpu.cfs_period_us`, String(cpuPeriodUs));
  writeFileSync(`${group}/cpu.cfs_quota_us`, String(Math.round(cpuPeriodUs * share)));
  // Who was born while the others were moved is moved in the next round.
  for (let round = 0; round < 20 && moveInto(group, processesIn(hostCgroup(lab, host))); round++);
}

/** Short, so that a host that has used its part is silent for less than Consul's heartbeats. */
const cpuPeriodUs = 20_000;

function processesIn(cgroup: string): string[] {
  const below = readdirSync(cgroup, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const own = readOr(`${cgroup}/cgroup.procs`, "").split("\n").filter(Boolean);
  return [...own, ...below.flatMap(({ name }) => processesIn(`${cgroup}/${name}`))];
}

/** @returns whether one was not in it */
function moveInto(group: string, pids: readonly string[]): boolean {
  const there = new Set(readOr(`${group}/cgroup.procs`, "").split("\n"));
  const others = pids.filter((pid) => !there.has(pid));
  for (const pid of others) {
    try {
      writeFileSync(`${group}/cgroup.procs`, pid);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  return others.length > 0;
}

/** Its name for systemd-nspawn: so short that the cable's name, made from it, fits the kernel's 15 characters. */
const machineName = (lab: Lab, host: string) => `hf${lab.index}-${hostOf(lab, host).address.split(".")[3]}`;

/** This machine's end of the virtual cable between the bridge and the host. */
export const cableName = (lab: Lab, host: string) => `vb-${machineName(lab, host)}`;

/** The same of the cloud's private network; there while the host is plugged in there. */
export const privateCableName = (lab: Lab, host: string) => `vp-${machineName(lab, host)}`;

/** Those of its cables that are there. */
export const cablesOf = (lab: Lab, host: string): string[] =>
  [cableName(lab, host), privateCableName(lab, host)].filter(networkInterfaceExists);

/** The host's cgroup in the version 2 hierarchy; `payload` below it is what the host itself sees. */
export function hostCgroup(lab: Lab, host: string): string {
  const name = groupName(lab, host);
  const { unified } = cgroupMounts();
  return systemdIsInit() ? `${unified}/system.slice/${name}.service` : `${unified}/${name}`;
}

/** Whether any process of the host exists. */
export function isOn(lab: Lab, host: string): boolean {
  return readOr(`${hostCgroup(lab, host)}/cgroup.events`, "").includes("populated 1");
}

/** The host's systemd as a process of this machine, or null while there is none. */
export function initPid(lab: Lab, host: string): number | null {
  const first = readOr(`${hostCgroup(lab, host)}/payload/init.scope/cgroup.procs`, "").split("\n")[0];
  return first === undefined || first === "" ? null : Number(first);
}

/** What on this machine runs the host; its mounts are the host's disk and root. Null while the host is off. */
export function supervisorPid(lab: Lab, host: string): number | null {
  const first = readOr(`${hostCgroup(lab, host)}/supervisor/cgroup.procs`, "").split("\n")[0];
  return first === undefined || first === "" ? null : Number(first);
}

/** Switches the host on and returns without waiting; see waitForSsh. Nothing if it is on. */
export async function powerOn(lab: Lab, host: string): Promise<void> {
  if (isOn(lab, host)) return;
  const name = groupName(lab, host);
  const at = labPaths(lab.name).host(host);
  const kind = hostOf(lab, host).server === undefined ? "plain" : "cloud";
  const script = ["sh", bootScript, imageDirectory(lab.suite, kind), at.dir, machineName(lab, host), lab.bridge];
  // What a real neard needs of this machine it gets for the whole host, so that its unit is a server's.
  const boot = lab.neard === null ? script : await withFileLimit(script);
  if (systemdIsInit()) {
    // systemd may not have noticed yet that its last run is over, and then its name is taken.
    await run("systemctl", ["stop", `${name}.service`]).catch(() => "there was none");
    await run("systemd-run", [
      `--unit=${name}`,
      "--collect",
      "--quiet",
      "--property=Delegate=yes",
      "--property=KillMode=mixed",
      "--property=TasksMax=infinity",
      `--property=StandardOutput=append:${at.console}`,
      `--property=StandardError=append:${at.console}`,
      ...boot,
    ]);
  } else await startBoot(lab, host, boot);
  // From here on it is off only if it died.
  const giveUpAt = performance.now() + 2000;
  while (!isOn(lab, host) && performance.now() < giveUpAt) await sleep(2);
}

/** Where no systemd looks after this machine's processes: in cgroups and a session of its own making. */
async function startBoot(lab: Lab, host: string, boot: readonly string[]): Promise<void> {
  forget(lab, host);
  const { unified, named } = cgroupMounts();
  const cgroups = [unified, named].filter((mount) => mount !== null).map((mount) => `${mount}/${groupName(lab, host)}`);
  const console = openSync(labPaths(lab.name).host(host).console, "a");
  const child = spawn("setsid", [...boot, ...cgroups], {
    stdio: ["ignore", console, console],
    detached: true,
    env: environment,
    cwd: "/",
  });
  closeSync(console);
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  child.unref();
}

/**
 * Kills every process of the host in one go; its disk stays as it is. Returns when all are gone.
 * First it pulls the cable, as a machine without power says nothing: the sockets of dying processes
 * would say goodbye to their peers, and the kernel would go on repeating that for minutes.
 * @param dead called as soon as the host is silent and killed, before the kernel has cleared it away
 */
export async function powerOff(lab: Lab, host: string, dead: () => void = () => {}): Promise<void> {
  if (!isOn(lab, host)) return;
  const cables = cablesOf(lab, host);
  for (const cable of cables) await run("ip", ["link", "set", cable, "down"]);
  writeFileSync(`${hostCgroup(lab, host)}/cgroup.kill`, "1");
  dead();
  const giveUpAt = performance.now() + 10_000;
  while (isOn(lab, host)) {
    if (performance.now() > giveUpAt)
      throw new HoldfastError("HF_LAB", `${host} of the lab ${lab.name} could not be killed within 10 s.`, {
        next: `See which processes are left: cat ${hostCgroup(lab, host)}/payload/*/cgroup.procs`,
      });
    await sleep(2);
  }
  for (const cable of cablesOf(lab, host)) await run("ip", ["link", "delete", cable]).catch(() => "gone by itself");
}

function networkInterfaceExists(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
}

/** Asks the host's systemd to restart it, in order. */
export function reboot(lab: Lab, host: string): void {
  const init = initPid(lab, host);
  if (init === null) throw hostIsOff(lab, host);
  process.kill(init, "SIGINT"); // what Ctrl+Alt+Delete is to systemd
}

/** Presses its power button: the host's systemd shuts down in order, and the host is off then. */
export function pressPower(lab: Lab, host: string): void {
  const init = initPid(lab, host);
  if (init === null) throw hostIsOff(lab, host);
  process.kill(init, poweroffSignal);
}

/** SIGRTMIN+4 of systemd(1). */
const poweroffSignal = 38;

export function setFrozen(lab: Lab, host: string, frozen: boolean): void {
  const file = `${hostCgroup(lab, host)}/cgroup.freeze`;
  if (existsSync(file)) writeFileSync(file, frozen ? "1" : "0");
}

export function isFrozen(lab: Lab, host: string): boolean {
  return readOr(`${hostCgroup(lab, host)}/cgroup.events`, "").includes("frozen 1");
}

export function hostIsOff(lab: Lab, host: string): HoldfastError {
  return new HoldfastError("HF_LAB", `${host} of the lab ${lab.name} is off.`, {
    next: `Switch it on: npm run -s lab -- heal ${host} --lab ${lab.name}`,
  });
}

/** Removes what is left of a host that is off: its empty cgroups. */
export function forget(lab: Lab, host: string): void {
  for (const mount of Object.values(cgroupMounts())) if (mount !== null) removeTree(`${mount}/${groupName(lab, host)}`);
}

function removeTree(cgroup: string): void {
  if (!existsSync(cgroup)) return;
  for (const entry of readdirSync(cgroup))
    if (statSync(`${cgroup}/${entry}`).isDirectory()) removeTree(`${cgroup}/${entry}`);
  rmdirSync(cgroup);
}

/**
 * Waits until the host's sshd answers.
 * @throws HoldfastError HF_LAB, naming the console log; at once when the host has died
 */
export async function waitForSsh(lab: Lab, host: LabHost, withinMs = 60_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  const { console } = labPaths(lab.name).host(host.name);
  while (!(await sshAnswers(host))) {
    if (performance.now() > giveUpAt)
      throw new HoldfastError("HF_LAB", `${host.name} did not answer on ${host.address} within ${withinMs / 1000} s.`, {
        next: `Read its console: ${console}`,
      });
    if (!isOn(lab, host.name)) {
      const last = readOr(console, "").trimEnd().split("\n").at(-1);
      throw new HoldfastError("HF_LAB", `${host.name} died while it booted: ${last}`, { next: `Read on: ${console}` });
    }
    await sleep(50);
  }
}

/** Whether sshd greets us within half a second. */
export function sshAnswers(host: LabHost): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: host.address, port: host.port, timeout: 500 });
    const done = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.once("data", (data) => done(data.toString("latin1").startsWith("SSH-")));
    socket.once("timeout", () => done(false));
    socket.once("error", () => done(false));
  });
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
