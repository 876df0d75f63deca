/** Keeps a probe (probe.ts) in the network namespace of every host that is on, and hands on what it sees. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findLab } from "../hosts/description.ts";
import { environment } from "../hosts/machine.ts";
import { initPid } from "../hosts/power.ts";
import { type Sample, sampleSchema } from "./stays.ts";

const program = fileURLToPath(new URL("probe.ts", import.meta.url));
/** How often it is looked whether hosts came and went. */
const everyMs = 250;

export interface Watching {
  onSample(host: string, sample: Sample): void;
  /** The host is off, or was booted anew. */
  onOff(host: string): void;
}

/** Watches until the returned function is called. */
export function watchHosts(labName: string, { onSample, onOff }: Watching): () => void {
  const probes = new Map<string, { pid: number; child: ChildProcess }>();
  const drop = (host: string) => {
    const probe = probes.get(host);
    if (probe === undefined) return;
    probes.delete(host);
    probe.child.kill("SIGKILL");
    onOff(host);
  };
  const look = () => {
    const lab = findLab(labName);
    const hosts = lab === null ? [] : lab.hosts.map(({ name }) => name);
    for (const host of probes.keys()) if (!hosts.includes(host)) drop(host);
    for (const host of hosts) {
      const pid = lab === null ? null : initPid(lab, host);
      if (probes.get(host)?.pid === pid) continue;
      drop(host);
      if (pid === null) continue;
      const child = spawn("nsenter", [`--net=/proc/${pid}/ns/net`, "--", process.execPath, program], {
        stdio: ["pipe", "pipe", "inherit"],
        env: environment,
      });
      child.once("error", () => drop(host));
      // Without it the loop would take a probe that ended for one that is silent.
      child.once("exit", () => {
        if (probes.get(host)?.child === child) drop(host);
      });
      probes.set(host, { pid, child });
      createInterface({ input: child.stdout }).on("line", (line) => {
        const sample = sampleSchema.safeParse(JSON.parse(line));
        if (sample.success && probes.get(host)?.child === child) onSample(host, sample.data);
      });
    }
  };
  const timer = setInterval(look, everyMs);
  look();
  return () => {
    clearInterval(timer);
    for (const host of [...probes.keys()]) drop(host);
  };
}
