/** A service that may open no more files: neither a file, nor a connection, nor a pipe to a program. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { units } from "../../contract/paths.ts";
import { run } from "../hosts/machine.ts";
import type { FaultKind, Target } from "./fault.ts";
import { cgroupOf } from "./process.ts";

const subjects = {
  agent: ["agent", units.agent],
  consul: ["Consul", units.consul],
  neard: ["neard", units.neard],
} as const;

/** The soft limit alone is lowered: the hard one, which is left, says where to put it back. */
async function setLimit(target: Pick<Target, "lab" | "host">, unit: string, limit: (pid: string) => string) {
  const pids = readFileSync(`${cgroupOf(target, unit)}/cgroup.procs`, "utf8")
    .split("\n")
    .filter(Boolean);
  for (const pid of pids) {
    const { uid, gid } = statSync(`/proc/${pid}`);
    // As the service's own user, who may: in a container root may lack CAP_SYS_RESOURCE over others' processes.
    const asUser = ["--reuid", String(uid), "--regid", String(gid), "--clear-groups"];
    await run("setpriv", [...asUser, "prlimit", "--pid", pid, `--nofile=${limit(pid)}:`]);
  }
}

/** Numbers below the limit may be reused, so what is open goes on, and nothing can be added. */
const asManyAsOpen = (pid: string) => String(readdirSync(`/proc/${pid}/fd`).length);

function hardLimit(pid: string): string {
  const hard = /^Max open files +\d+ +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1];
  return hard ?? "unlimited";
}

export const filesKinds: readonly FaultKind[] = Object.entries(subjects).map(([name, [subject, unit]]) => ({
  name: `no-files-${name}`,
  sentence: `The host's ${subject} can open no more files or connections.`,
  needs: `${unit} running`,
  lasting: true,
  inject: async (target) => await setLimit(target, unit, asManyAsOpen),
  // A service that was restarted meanwhile has its limit back; one that does not run needs none.
  heal: async (target) => await setLimit(target, unit, hardLimit).catch(() => {}),
}));
