/**
 * A sick neard: the lab's one has levers in lab-options.json in its home (lab/neard/options.ts), and acts
 * on them within half a second. A fresh process reads them too, so the sickness survives a restart.
 */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import type { Lab } from "../hosts/description.ts";
import { writeAtomic } from "../hosts/files.ts";
import { hostIsOff, initPid } from "../hosts/power.ts";
import type { LabOptions } from "../neard/options.ts";
import type { FaultKind, Target } from "./fault.ts";
import { processKinds } from "./process.ts";

/** neard looks for changed options every half second. */
const noticedMs = 600;

const levers: readonly (readonly [name: string, sentence: string, lever: keyof LabOptions])[] = [
  ["neard-hang", "The host's neard accepts and never answers, signs nothing, and ignores SIGHUP and SIGTERM.", "hang"],
  ["neard-stall", "The host's neard answers, but its head stands still and it signs nothing.", "stall"],
  ["neard-ignore-sigterm", "The host's neard does nothing when told to stop.", "ignoreSigterm"],
  ["neard-reject-reload", "The host's neard rejects every reload and keeps the key that it has.", "rejectReload"],
];

/** @throws HoldfastError HF_LAB when the host is off */
function change({ lab, host }: Pick<Target, "lab" | "host">, lever: keyof LabOptions, on: boolean): void {
  const init = initPid(lab, host.name);
  if (init === null) throw hostIsOff(lab, host.name);
  const file = `/proc/${init}/root${paths.neardHome}/lab-options.json`;
  const { [lever]: _, ...others } = (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}) as object & {
    [lever]?: unknown;
  };
  writeAtomic(file, `${JSON.stringify(on ? { ...others, [lever]: true } : others)}\n`);
}

/** What a real neard can suffer of these: one that stands still accepts, never answers and ignores every signal. */
const standing = processKinds.find(({ name }) => name === "stop-neard");
const asReal = (lever: keyof LabOptions): FaultKind | undefined => (lever === "hang" ? standing : undefined);

const noLever = (name: string, lab: Lab) =>
  new HoldfastError("HF_LAB", `${name} takes the lab's own neard, and the lab ${lab.name} has a real one.`, {
    next: "Try it on a lab without --neard.",
  });

export const neardKinds: readonly FaultKind[] = levers.map(([name, sentence, lever]) => ({
  name,
  sentence,
  needs: lever === "hang" ? null : "the lab's neard",
  lasting: true,
  async inject(target) {
    if (target.lab.neard === null) {
      change(target, lever, true);
      await sleep(noticedMs);
      return;
    }
    const real = asReal(lever);
    if (real === undefined) throw noLever(name, target.lab);
    await real.inject(target);
  },
  async heal(target) {
    if (target.lab.neard === null) change(target, lever, false);
    else await asReal(lever)?.heal(target);
  },
}));
