/**
 * Which processes are neard, and proof that those which were are gone.
 *
 * A process is named by pid and start time together: a pid alone may belong to somebody else by the
 * time one looks again. Counted are the members of neard's control group and every process of
 * neard's user, so that a neard started by hand is found too.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startTicks, startTicksIn, unlessGone } from "../../host/system/start-ticks.ts";

/** `<pid>:<start time in clock ticks since boot>` */
export type ProcessName = string;

/** Where systemd keeps its groups: the unified hierarchy, or on older setups one of the others. */
const cgroupRoots = ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"];

function named(pid: number): ProcessName[] {
  const ticks = startTicks(pid);
  return ticks === null ? [] : [`${pid}:${ticks}`];
}

/** The pid of a process name. */
export function pidOf(process: ProcessName): number {
  return Number.parseInt(process, 10);
}

/** The unit's main process: the first member of its control group. Null: none, or it cannot be told; it proves nothing. */
export function unitProcess(unit: string): ProcessName | null {
  try {
    return unitProcesses(unit)[0] ?? null;
  } catch {
    return null;
  }
}

function unitProcesses(unit: string): ProcessName[] {
  for (const root of cgroupRoots) {
    const text = unlessGone(() => readFileSync(`${root}/system.slice/${unit}/cgroup.procs`, "latin1"));
    if (text === null) continue;
    const found = text.split("\n").filter(Boolean).map(Number).flatMap(named);
    if (found.length > 0) return found;
  }
  return [];
}

function userProcesses(uid: number): ProcessName[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => unlessGone(() => statSync(`/proc/${pid}`).uid) === uid)
    .flatMap(named);
}

/** For `killAll`: processes that survive SIGKILL this long are stuck in the kernel; the caller repeats. */
export const killWithinMs = 5000;

/** @throws Error when that cannot be told. */
export function isAlive(process: ProcessName): boolean {
  return named(pidOf(process))[0] === process;
}

/**
 * One process, looked at often: its file in /proc stays open, so a look is a single read. The kernel keeps the
 * open file to that very process; once it is gone every read fails, whoever has the pid by then.
 */
export class WatchedProcess {
  readonly name: ProcessName;
  readonly #fd: number;
  /** Above the longest that the kernel writes: 52 numbers and a name. */
  static readonly #stat = Buffer.alloc(2048);

  /** @throws Error when there is no such process. */
  constructor(name: ProcessName) {
    this.name = name;
    this.#fd = openSync(`/proc/${pidOf(name)}/stat`, "r");
  }

  get isAlive(): boolean {
    const buffer = WatchedProcess.#stat;
    try {
      const length = readSync(this.#fd, buffer, 0, buffer.length, 0);
      const ticks = startTicksIn(buffer.toString("utf8", 0, length));
      return ticks !== null && this.name === `${pidOf(this.name)}:${ticks}`;
    } catch {
      return false;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * SIGKILL to all that is neard now, until all of it is gone. A neard that systemd starts meanwhile is
 * a fresh one, without a key, and is left alone.
 * @throws Error naming those that would not die within `withinMs` (stuck in the kernel), or when that cannot be told.
 */
export async function killAll(unit: string, uid: number, withinMs: number): Promise<void> {
  const doomed = new Set([...unitProcesses(unit), ...userProcesses(uid)]);
  const deadline = performance.now() + withinMs;
  for (;;) {
    const left = [...doomed].filter(isAlive);
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`neard's processes ${left.join(", ")} do not die`);
    for (const process_ of left) signal(pidOf(process_), "SIGKILL");
    await sleep(10);
  }
}

/** @throws Error when the process is gone. */
export function signal(pid: number, name: "SIGKILL" | "SIGHUP"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (name !== "SIGKILL") throw error;
  }
}
