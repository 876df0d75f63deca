/** Slow packets, where this machine's kernel has the netem queue. */
import { HoldfastError } from "../../contract/errors.ts";
import { run } from "../hosts/machine.ts";
import { hostIsOff, initPid } from "../hosts/power.ts";
import type { FaultKind, Target } from "./fault.ts";

/** One way, towards the host; so a round trip takes this much longer. */
const delayMs = 200;
const jitterMs = 50;

/** This machine's end of the cable to the host. */
async function cableOf({ lab, host }: Target): Promise<string | null> {
  const init = initPid(lab, host.name);
  if (init === null) return null;
  const inside = await run("nsenter", ["--target", String(init), "--net", "ip", "-o", "link", "show", "host0"]);
  const index = /^\d+: host0@if(\d+):/.exec(inside)?.[1];
  const links = await run("ip", ["-o", "link", "show", "master", lab.bridge]);
  const line = links.split("\n").find((candidate) => candidate.startsWith(`${index}: `));
  return line === undefined ? null : (/^\d+: ([^@:]+)/.exec(line)?.[1] ?? null);
}

export const delayKinds: readonly FaultKind[] = [
  {
    name: "delay",
    sentence: `Every packet to the host arrives ${delayMs} ms late, give or take ${jitterMs} ms.`,
    needs: "netem in this machine's kernel (module sch_netem)",
    lasting: true,
    async inject(target) {
      const cable = await cableOf(target);
      if (cable === null) throw hostIsOff(target.lab, target.host.name);
      const netem = ["root", "netem", "delay", `${delayMs}ms`, `${jitterMs}ms`];
      try {
        await run("tc", ["qdisc", "replace", "dev", cable, ...netem]);
      } catch (error) {
        throw new HoldfastError("HF_LAB", "This machine's kernel has no netem, so packets cannot be slowed down.", {
          next: "Load it where the kernel has it as a module: modprobe sch_netem; or use the fault loss.",
          cause: error,
        });
      }
    },
    async heal(target) {
      // A host that was off in between has a new cable, without a queue.
      const cable = await cableOf(target);
      if (cable !== null && (await run("tc", ["qdisc", "show", "dev", cable])).includes("netem"))
        await run("tc", ["qdisc", "delete", "dev", cable, "root"]);
    },
  },
];
