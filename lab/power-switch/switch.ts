/**
 * The lab's power switch: one small HTTP server per lab on this machine's end of its bridge, which cuts the hosts' power
 * for real and gives it back, as a management board or a PDU does. By it the hosts' fence command is tried; it can be told
 * to refuse, to be silent, to do nothing, and to lie.
 *
 *   GET  /power/HOST          200 `on` or `off`
 *   POST /power/HOST/off|on   200 once the order was given
 *
 * Each request has the lab's token in `x-token`. Hosts reach it while they reach the bridge, like a management network that
 * is in the same rack; a host that is cut off does not.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Lab, labPaths } from "../hosts/description.ts";
import { writeAtomic } from "../hosts/files.ts";
import { isAlive, processMarkSchema, startDetached, stopProcess } from "../hosts/process.ts";

const program = fileURLToPath(new URL("main.ts", import.meta.url));
export const powerSwitchPort = 7623;

/**
 *   works
 *   refuses  every request, with 503
 *   silent   never answers
 *   stuck    takes orders and does nothing
 *   lies     does nothing, and says that whoever it was told to cut is off
 */
export const switchMoods = ["works", "refuses", "silent", "stuck", "lies"] as const;
export type SwitchMood = (typeof switchMoods)[number];

function paths(lab: Lab) {
  const { dir } = labPaths(lab.name);
  return {
    process: `${dir}/power-switch.process.json`,
    token: `${dir}/power-switch.token`,
    mood: `${dir}/power-switch.mood`,
    log: `${dir}/power-switch.log`,
  };
}

/** Starts it if it is off, in working order. @returns the token that its requests must have */
export async function startPowerSwitch(lab: Lab): Promise<string> {
  const at = paths(lab);
  if (!existsSync(at.token)) writeAtomic(at.token, randomBytes(24).toString("base64url"));
  setSwitchMood(lab, "works");
  if (!isRunning(lab)) {
    const mark = await startDetached([program, lab.name, at.token, at.mood], at.log);
    writeAtomic(at.process, `${JSON.stringify(mark)}\n`);
    await untilItAnswers(lab);
  }
  return readFileSync(at.token, "utf8");
}

export async function stopPowerSwitch(lab: Lab): Promise<void> {
  const { process, token } = paths(lab);
  if (existsSync(process)) await stopProcess(processMarkSchema.parse(JSON.parse(readFileSync(process, "utf8"))));
  for (const file of [process, token]) rmSync(file, { force: true });
}

export function setSwitchMood(lab: Lab, mood: SwitchMood): void {
  writeAtomic(paths(lab).mood, mood);
}

function isRunning(lab: Lab): boolean {
  const { process } = paths(lab);
  return existsSync(process) && isAlive(processMarkSchema.parse(JSON.parse(readFileSync(process, "utf8"))));
}

async function untilItAnswers(lab: Lab): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  for (;;) {
    const answer = await fetch(`http://${lab.gateway}:${powerSwitchPort}/`).catch(() => null);
    if (answer !== null) return;
    if (performance.now() > giveUpAt) throw new Error(`the lab's power switch does not answer: see ${paths(lab).log}`);
    await sleep(50);
  }
}

/** Where the hosts' fence command is, and what it is called with. */
export const fenceCommandFile = "/usr/local/bin/lab-power";
export const fenceCommand = (lab: Lab): string[] => [fenceCommandFile, lab.gateway, String(powerSwitchPort)];

/** The fence command itself: bash and coreutils alone, for that is what a host surely has. */
export const fenceCommandText = `#!/bin/bash
# lab-power GATEWAY PORT status|off|on HOST
set -eu
token=$(cat "$CREDENTIALS_DIRECTORY/fencing-secret")
if [ "$3" = status ]; then request="GET /power/$4"; else request="POST /power/$4/$3"; fi
exec 3<>"/dev/tcp/$1/$2"
printf '%s HTTP/1.0\\r\\nx-token: %s\\r\\ncontent-length: 0\\r\\n\\r\\n' "$request" "$token" >&3
answer=$(cat <&3)
said=$(printf '%s\\n' "$answer" | tail -n 1)
case "$answer" in
"HTTP/1.1 200 "*) printf '%s\\n' "$said" ;;
*) printf '%s\\n' "the power switch says: $said" >&2; exit 1 ;;
esac
`;
