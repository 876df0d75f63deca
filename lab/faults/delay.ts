/** Slow packets, where this machine's kernel has the netem queue. */
import { HoldfastError } from "../../contract/errors.ts";
import { run } from "../hosts/machine.ts";
import { cablesOf, hostIsOff, isOn } from "../hosts/power.ts";
import type { FaultKind } from "./fault.ts";

/** One way, towards the host; so a round trip takes this much longer. */
const delayMs = 200;
const jitterMs = 50;

export const delayKinds: readonly FaultKind[] = [
  {
    name: "delay",
    sentence: `Every packet to the host arrives ${delayMs} ms late, give or take ${jitterMs} ms.`,
    needs: "netem in this machine's kernel (module sch_netem)",
    lasting: true,
    async inject(target) {
      if (!isOn(target.lab, target.host.name)) throw hostIsOff(target.lab, target.host.name);
      const netem = ["root", "netem", "delay", `${delayMs}ms`, `${jitterMs}ms`];
      try {
        for (const cable of cablesOf(target.lab, target.host.name))
          await run("tc", ["qdisc", "replace", "dev", cable, ...netem]);
      } catch (error) {
        throw new HoldfastError("HF_LAB", "This machine's kernel has no netem, so packets cannot be slowed down.", {
          next: "Load it where the kernel has it as a module: modprobe sch_netem; or use the fault loss.",
          cause: error,
        });
      }
    },
    async heal(target) {
      if (!isOn(target.lab, target.host.name)) return;
      // A host that was off in between has a new cable, without a queue.
      for (const cable of cablesOf(target.lab, target.host.name))
        if ((await run("tc", ["qdisc", "show", "dev", cable])).includes("netem"))
          await run("tc", ["qdisc", "delete", "dev", cable, "root"]);
    },
  },
];
