/**
 * Faults of our own services on a host: killed, or stopped in their tracks. A service is found by its
 * cgroup, as systemd on the host made it, so that a signal reaches every process of it and no other.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { HoldfastError } from "../../contract/errors.ts";
import { units } from "../../contract/paths.ts";
import { hostCgroup, hostIsOff, isOn } from "../hosts/power.ts";
import { type FaultKind, nothingToHeal, type Target } from "./fault.ts";

const services = {
  neard: [units.neard],
  agent: [units.agent],
  consul: [units.consul],
  "agent-neard": [units.agent, units.neard],
  all: [units.neard, units.agent, units.consul],
} as const;

/** @throws HoldfastError HF_LAB when the host is off or the service does not run */
export function cgroupOf({ lab, host }: Pick<Target, "lab" | "host">, unit: string): string {
  if (!isOn(lab, host.name)) throw hostIsOff(lab, host.name);
  const cgroup = `${hostCgroup(lab, host.name)}/payload/system.slice/${unit}`;
  // A service that ended may leave its cgroup behind, empty.
  if (existsSync(cgroup) && readFileSync(`${cgroup}/cgroup.events`, "utf8").includes("populated 1")) return cgroup;
  throw new HoldfastError("HF_LAB", `${unit} does not run on ${host.name}.`, {
    next: `See why: npm run -s lab -- exec ${host.name} --lab ${lab.name} -- systemctl status ${unit}`,
  });
}

function signal(cgroup: string, name: "SIGSTOP" | "SIGCONT"): void {
  for (const pid of readFileSync(`${cgroup}/cgroup.procs`, "utf8").split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

const subject = {
  neard: "The host's neard is",
  agent: "The host's agent is",
  consul: "The host's Consul is",
  "agent-neard": "Agent and neard of the host are",
  all: "Agent, neard and Consul of the host are",
} as const;

const needs = (name: keyof typeof services) => `${services[name].join(", ")} running`;

function kill(name: keyof typeof services): FaultKind {
  return {
    name: `kill-${name}`,
    sentence: `${subject[name]} killed${services[name].length > 1 ? " in one go" : ""} (SIGKILL).`,
    needs: needs(name),
    lasting: false,
    async inject(target) {
      const cgroups = services[name].map((unit) => cgroupOf(target, unit));
      for (const cgroup of cgroups) writeFileSync(`${cgroup}/cgroup.kill`, "1");
    },
    heal: nothingToHeal,
  };
}

function stop(name: keyof typeof services): FaultKind {
  return {
    name: `stop-${name}`,
    sentence: `${subject[name]} stopped (SIGSTOP) until healed (SIGCONT).`,
    needs: needs(name),
    lasting: true,
    async inject(target) {
      const cgroups = services[name].map((unit) => cgroupOf(target, unit));
      for (const cgroup of cgroups) signal(cgroup, "SIGSTOP");
    },
    async heal(target) {
      if (!isOn(target.lab, target.host.name)) return;
      const parent = `${hostCgroup(target.lab, target.host.name)}/payload/system.slice`;
      for (const unit of services[name]) if (existsSync(`${parent}/${unit}`)) signal(`${parent}/${unit}`, "SIGCONT");
    },
  };
}

const names = Object.keys(services) as (keyof typeof services)[];

export const processKinds: readonly FaultKind[] = [...names.map(kill), ...names.map(stop)];
