/**
 * A stepped wall clock, as the host's agent sees it. The hosts share this machine's kernel and so its
 * clock, which is not the lab's to step; time namespaces cover the other clocks only. So a line that Node
 * loads before the agent moves what Date says; what the kernel's packet filter sees stays.
 *
 * Awkward case: it takes a restart of the agent to load that line, which is done before the fault takes
 * effect: the step itself meets a running agent.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { units } from "../../contract/paths.ts";
import type { Lab, LabHost } from "../hosts/description.ts";
import { isOn } from "../hosts/power.ts";
import { onHost } from "../hosts/ssh.ts";
import type { FaultKind } from "./fault.ts";

const directory = "/run/lab-clock";
const dropIn = `/run/systemd/system/${units.agent}.d`;
const stepMs = 3_600_000;
/** How often the loaded line looks for another offset. */
const lookMs = 100;

const line = `
import { readFileSync } from "node:fs";
let offset = 0;
const look = () => {
  try { offset = Number(readFileSync("${directory}/offset", "utf8")); } catch {}
};
look();
setInterval(look, ${lookMs}).unref();
const Real = Date;
globalThis.Date = class Date extends Real {
  constructor(...args) { args.length === 0 ? super(Real.now() + offset) : super(...args); }
  static now() { return Real.now() + offset; }
};
`;

async function prepare(lab: Lab, host: LabHost): Promise<void> {
  await onHost(lab, host, `mkdir -p ${directory} ${dropIn} && cat > ${directory}/step.mjs`, { input: line });
  const unit = `[Service]\nEnvironment=NODE_OPTIONS=--import=file://${directory}/step.mjs\n`;
  await onHost(lab, host, `cat > ${dropIn}/lab-clock.conf`, { input: unit });
  const restarted = `systemctl daemon-reload && systemctl restart ${units.agent}`;
  // One that has it already is left alone.
  const loaded = `tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID ${units.agent})/environ | grep -q ${directory}`;
  await onHost(lab, host, `echo 0 > ${directory}/offset; ${loaded} || { ${restarted}; }`);
  // The new agent confirms its lease, and is what it was.
  await sleep(3000);
}

const clock = (name: string, sentence: string, offsetMs: number): FaultKind => ({
  name,
  sentence,
  needs: "holdfast on the host",
  lasting: true,
  async inject({ lab, host }) {
    await prepare(lab, host);
    await onHost(lab, host, `echo ${offsetMs} > ${directory}/offset`);
    await sleep(lookMs);
  },
  async heal({ lab, host }) {
    if (!isOn(lab, host.name)) return;
    // The line stays loaded, without effect, until the agent's next start.
    const forget = `rm -f ${dropIn}/lab-clock.conf; systemctl daemon-reload`;
    await onHost(lab, host, `if [ -d ${directory} ]; then echo 0 > ${directory}/offset; ${forget}; fi`);
  },
});

export const clockKinds: readonly FaultKind[] = [
  clock("clock-ahead", "The wall clock of the host's agent is stepped an hour ahead.", stepMs),
  clock("clock-behind", "The wall clock of the host's agent is stepped an hour back.", -stepMs),
];
