/**
 * Whether whoever asked for this apply is still there. When they have left (Ctrl-C, a connection that broke, a newer apply
 * that takes over), what is half done is brought to its end, for a host half done is worse than a report unread; but
 * a wait, which may last for hours, ends: before anything was changed, or after, when the next apply waits on.
 */
import { readFile } from "node:fs/promises";
import { HoldfastError } from "../contract/errors.ts";

let why: string | null = null;

/** Null: they are there. Otherwise how they left, as a clause. */
export const left = (): string | null => why;

export function leave(because: string): void {
  why ??= because;
}

/** The first one of these asks for an end; the second is obeyed at once. SIGHUP is what a newer apply sends, again and again. */
export function leaveAtSignals(): void {
  process.on("SIGHUP", () => leave("a newer apply takes its place"));
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (why !== null) process.exit(130);
      leave(`it was ended (${signal})`);
    });
}

/** A wait that was left. Not a failure of the host: nobody else has to stop for it. */
export class Left extends HoldfastError {
  constructor(host: string, waitedFor: string, how: string) {
    super("HF_APPLY_FAILED", `The apply on ${host} ended while it waited (${waitedFor}), for ${how}.`, {
      next: "Run pulumi up again: it goes on from there.",
    });
  }
}

/** Asks the holdfastd `pid` to leave, if it is one and waits. */
export async function askToLeave(pid: number): Promise<void> {
  if (pid === process.pid) return;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const words = command.split("\0");
  if (!words.some((word) => /holdfastd/.test(word)) || !words.includes("apply")) return;
  try {
    process.kill(pid, "SIGHUP");
  } catch {
    // It has ended meanwhile.
  }
}
