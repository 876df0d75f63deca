/**
 * Sockets that nobody owns any more and that still have data to send: what a killed neard leaves.
 * While the fence's table stands they cannot get anything out; before it goes they must be gone.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** TCP states in which the kernel goes on sending for a process that is gone (include/net/tcp_states.h). */
const sendingStates = new Set(["04", "09", "0B"]); // FIN_WAIT1, LAST_ACK, CLOSING

/** How many such sockets a listing in the form of /proc/net/tcp has (Linux Documentation/networking/proc_net_tcp). */
export function countOrphans(listing: string): number {
  return listing
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state = "", queues = "", , , , , inode = ""]) => {
      const [unsent = "0"] = queues.split(":");
      const loopback = local.startsWith("0100007F:") || local.startsWith("00000000000000000000000001000000:");
      return sendingStates.has(state) && inode === "0" && Number.parseInt(unsent, 16) > 0 && !loopback;
    }).length;
}

/** @throws Error when some are left after `withinMs`. */
export async function orphansGone(withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const left = ["/proc/net/tcp", "/proc/net/tcp6"].reduce(
      (sum, file) => sum + countOrphans(readFileSync(file, "latin1")),
      0,
    );
    if (left === 0) return;
    if (performance.now() > end) throw new Error(`${left} connections of ended processes still have data to send`);
    await sleep(100);
  }
}
