/**
 * How long it may take until somebody signs again once everything works: the sum of the waits that the
 * code has on that way, each at its longest.
 */
import { type LeaseTiming, longestHeardMs, waitMs } from "../../contract/timing.ts";

/** Consul's election (facts: 2.0 to 4.1 s) after the last server came back. */
const electionMs = 4500;
/** neard's restart by systemd (1 s), its slowest start here (5 times 3 s, begun before the healing), probes. */
const neardMs = 18_000;
/** An agent's restart with what ExecStopPost= does first, and neard's death in between (driver: 5 s). */
const agentMs = 22_000;
/** agent/role/standby-phase.ts: a try that is not answered, and the pause after it. */
const attemptMs = 5000;
/** agent/role/standby.ts: two better-placed standbys, and a chosen successor's time. */
const rankMs = 2000 + 3000;
/** agent/role/taking.ts: five loads of 1.5 s each before it gives up. */
const takingMs = 7500;
/** agent/role/deaths.ts: several take-overs in a row that died, on this host, with the key not known since. */
const deathsMs = 30_000 + 8000 + 4000;
/** A try at a power switch that was silent until just now, and the answer that is waited for besides (agent/role/fencing.ts). */
const powerMs = 6000 + 15_000;
/** What was cut or lost may still come for a minute, and move the lock once more. */
const lateMs = 60_000;

export function recoveryBoundMs(lease: LeaseTiming): number {
  const { lockDelayMs } = lease;
  return (
    electionMs +
    Math.max(neardMs, agentMs) +
    lateMs +
    lockDelayMs +
    // Somebody may have tampered with the lock last.
    waitMs(lease, longestHeardMs) +
    deathsMs +
    powerMs +
    rankMs +
    attemptMs +
    2 * takingMs
  );
}
