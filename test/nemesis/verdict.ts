/** Judges one scenario from what the witness saw and who was the holder before and after. Pure. */
import type { Report } from "../../lab/chain/report.ts";
import type { Roles } from "./cluster-health.ts";
import type { Expectation } from "./scenario.ts";

/**
 *   pass    as expected, within the bound
 *   late    safe and as expected, but slower than the bound, or not heard by the chain in time
 *   wrong   safe, but the key did what it should not have, or nobody came back
 *   UNSAFE  two hosts signed at once, one height was signed twice, or an old holder's connections said anything at all
 */
export type VerdictWord = "pass" | "late" | "wrong" | "UNSAFE";

export interface Verdict {
  readonly word: VerdictWord;
  /** What the bound is about; null when it could not be measured. */
  readonly recoveryMs: number | null;
  readonly because: string;
}

export interface Evidence {
  readonly expects: Expectation;
  readonly boundMs: number;
  readonly leaseMs: number;
  readonly slotMs: number;
  readonly brokenMs: number;
  readonly healedMs: number;
  readonly report: Report;
  /** From the key on a new host to its first accepted block; null: no bound. */
  readonly heardWithinMs: number | null;
  readonly before: Roles;
  /** Null: not healthy again in time, because of `notHealthy`. */
  readonly after: Roles | null;
  readonly notHealthy?: string;
  /** Names by which the witness knows those who are not ours. */
  readonly strangers: readonly string[];
}

const secondsOf = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export function judge(evidence: Evidence): Verdict {
  const { boundMs, after, before, expects } = evidence;
  const unsafe = unsafeBecause(evidence);
  const recoveryMs = recovery(evidence);
  if (unsafe !== null) return { word: "UNSAFE", recoveryMs, because: unsafe };
  if (after === null) return { word: "wrong", recoveryMs: null, because: evidence.notHealthy ?? "did not come back" };
  const stayed = after.active === before.active && after.epoch === before.epoch;
  if (expects === "stays" && !stayed)
    return { word: "wrong", recoveryMs, because: `the key moved to ${after.active}, epoch ${after.epoch}` };
  if (expects === "moves" && stayed) return { word: "wrong", recoveryMs, because: "the key did not move" };
  if (expects === "silent") {
    const signed = signedWhileSilent(evidence);
    if (signed !== null) return { word: "wrong", recoveryMs, because: signed };
  }
  const where = stayed ? `stays on ${after.active}` : `${before.active} -> ${after.active}, epoch ${after.epoch}`;
  if (recoveryMs > boundMs)
    return { word: "late", recoveryMs, because: `${secondsOf(recoveryMs)} is above ${secondsOf(boundMs)}; ${where}` };
  const unheard = unheardBecause(evidence);
  if (unheard !== null) return { word: "late", recoveryMs, because: `${unheard}; ${where}` };
  return { word: "pass", recoveryMs, because: where };
}

/** The last change of host: earlier ones were cut short by it. */
function unheardBecause({ report, heardWithinMs }: Evidence): string | null {
  const last = report.takeovers.at(-1);
  if (heardWithinMs === null || last === undefined) return null;
  const { to, firstAcceptedSeconds } = last;
  if (firstAcceptedSeconds === null) return `no block of ${to} was accepted since it has the key`;
  if (1000 * firstAcceptedSeconds <= heardWithinMs) return null;
  return `the first block of ${to} was accepted ${firstAcceptedSeconds.toFixed(1)} s after the key, above ${secondsOf(heardWithinMs)}`;
}

function unsafeBecause({ report, strangers }: Evidence): string | null {
  const ours = (hosts: readonly string[]) => hosts.filter((host) => !strangers.includes(host));
  const overlaps = report.overlaps.filter(({ hosts }) => strangers.length === 0 || ours(hosts).length > 0);
  if (overlaps.length > 0) {
    const said = overlaps.map(({ hosts, from, ms }) => `${hosts.join(" and ")} for ${ms} ms from ${from}`);
    return `two hosts signed at once: ${said.join("; ")}`;
  }
  const twice = report.doubleSigned.filter(({ hosts }) => strangers.length === 0 || ours(hosts).length > 0);
  if (twice.length > 0) return `signed twice: ${twice.map(({ height, hosts }) => `${height} (${hosts})`).join(", ")}`;
  // A stranger that signs elsewhere has the key too: whose bytes are late then nobody can tell.
  if (report.strayBytes > 0 && strangers.length === 0)
    return `${report.strayBytes} bytes left an old holder's connections when another host signed`;
  return null;
}

/** The longest silence; where the bound counts from healing, only what of it came after that. */
function recovery({ expects, report, healedMs }: Evidence): number {
  const countsFromMs = expects === "silent" || expects === "recovers" ? healedMs : 0;
  return Math.max(0, ...report.gaps.map(({ from, to }) => Date.parse(to) - Math.max(Date.parse(from), countsFromMs)));
}

/** A signature between the lease's end and healing, though there should be none; null when all is well. */
function signedWhileSilent({ report, brokenMs, healedMs, leaseMs, slotMs }: Evidence): string | null {
  // The last renewal may have been sent just before the fault; its lease ends leaseMs later.
  const fromMs = brokenMs + leaseMs + 2 * slotMs;
  if (fromMs >= healedMs) return null;
  const covered = report.gaps.some(({ from, to }) => Date.parse(from) <= fromMs && Date.parse(to) >= healedMs);
  return covered ? null : `somebody signed more than ${secondsOf(leaseMs)} after the fault, before it was healed`;
}
