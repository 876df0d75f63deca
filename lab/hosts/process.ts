/**
 * Long-running processes of this machine that outlive the command that started them. Each is known by
 * its id and the moment it started, so that one that merely got its id is never taken for it.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import { environment } from "./machine.ts";

export const processMarkSchema = z.strictObject({
  pid: z.number().int().positive(),
  /** Clock ticks from boot to the process's start: field 22 of /proc/PID/stat. */
  startTicks: z.number().int(),
});
export type ProcessMark = z.infer<typeof processMarkSchema>;

/** Starts a Node program in a session of its own, its output appended to `logFile`. */
export async function startDetached(args: readonly string[], logFile: string): Promise<ProcessMark> {
  return await startProgram([process.execPath, ...args], logFile);
}

/** The same for any program. */
export async function startProgram(command: readonly string[], logFile: string): Promise<ProcessMark> {
  const [program, ...args] = command as [string, ...string[]];
  const log = openSync(logFile, "a");
  const child = spawn(program, args, { stdio: ["ignore", log, log], detached: true, cwd: "/", env: environment });
  closeSync(log);
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  child.unref();
  const pid = child.pid as number;
  return { pid, startTicks: startTicksOf(pid) ?? 0 };
}

export function isAlive(mark: ProcessMark): boolean {
  return startTicksOf(mark.pid) === mark.startTicks;
}

/** SIGTERM, and SIGKILL where that was not enough within `graceMs`. */
export async function stopProcess(mark: ProcessMark, graceMs = 3000): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!isAlive(mark)) return;
    process.kill(mark.pid, signal);
    const giveUpAt = performance.now() + graceMs;
    while (isAlive(mark) && performance.now() < giveUpAt) await sleep(5);
  }
  if (isAlive(mark)) throw new HoldfastError("HF_LAB", `Process ${mark.pid} could not be ended.`);
}

/** null when there is no such process, or only its zombie. */
function startTicksOf(pid: number): number | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // The second field is the program's name in brackets and may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? null : Number(fields[19]);
}
