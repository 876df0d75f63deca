import { readFileSync } from "node:fs";

/**
 * Start time of a process from /proc/PID/stat (field 22; the name in field 2 may hold anything); null: gone.
 * @throws Error when that cannot be told, for want of a file descriptor, say.
 */
export function startTicks(pid: number): string | null {
  // Node reads a file as UTF-8 in one call; what is no UTF-8 in the name stays in the name.
  const stat = unlessGone(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  return stat === null ? null : startTicksIn(stat);
}

/** Null when what is looked at is not there, or went while we looked. Any other failure tells nothing, and is thrown. */
export function unlessGone<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (["ENOENT", "ESRCH", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw error;
  }
}

/** The same from the file's text. */
export function startTicksIn(stat: string): string | null {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie runs no code and holds no socket, unless it is only the first thread that has ended (field 20: threads).
  const hasEnded = (fields[0] === "Z" || fields[0] === "X") && Number(fields[17]) <= 1;
  return hasEnded ? null : (fields[19] ?? null);
}
