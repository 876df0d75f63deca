/** Faults of a host as a whole. */
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../contract/errors.ts";
import { hostIsOff, isFrozen, isOn, powerOff, powerOn, reboot, setFrozen, waitForSsh } from "../hosts/power.ts";
import { type FaultKind, nothingToHeal, type Target } from "./fault.ts";

function requireOn({ lab, host }: Target): void {
  if (!isOn(lab, host.name)) throw hostIsOff(lab, host.name);
}

export const powerKinds: readonly FaultKind[] = [
  {
    name: "poweroff",
    sentence: "All processes die in an instant and memory is lost, the disk stays; healing boots the host.",
    needs: null,
    lasting: true,
    async inject(target) {
      requireOn(target);
      await powerOff(target.lab, target.host.name, target.tookEffect);
    },
    async heal({ lab, host }) {
      await powerOn(lab, host.name);
      await waitForSsh(lab, host);
    },
  },
  {
    name: "reboot",
    sentence: "The host's systemd is told to reboot: services stop in order, then it boots again.",
    needs: null,
    lasting: false,
    async inject(target) {
      requireOn(target);
      reboot(target.lab, target.host.name);
    },
    heal: nothingToHeal,
  },
  {
    name: "power-cycle",
    sentence: "The power is gone for an instant: all processes die, memory is lost, and the host boots at once.",
    needs: null,
    lasting: false,
    async inject(target) {
      requireOn(target);
      await powerOff(target.lab, target.host.name, target.tookEffect);
      await powerOn(target.lab, target.host.name);
    },
    heal: nothingToHeal,
  },
  {
    name: "freeze",
    sentence: "All processes of the host stand still; its kernel (connections, fence, clocks) goes on.",
    needs: null,
    lasting: true,
    async inject(target) {
      const { lab, host } = target;
      requireOn(target);
      setFrozen(lab, host.name, true);
      const giveUpAt = performance.now() + 2000;
      while (!isFrozen(lab, host.name)) {
        if (performance.now() > giveUpAt)
          throw new HoldfastError("HF_LAB", `${host.name} did not freeze within 2 s.`, { next: "Try again." });
        await sleep(1);
      }
    },
    async heal({ lab, host }) {
      setFrozen(lab, host.name, false);
    },
  },
];
