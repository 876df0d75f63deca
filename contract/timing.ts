/**
 * The lease's numbers and the rule that keeps two holders apart.
 *
 * The holder's last accepted renewal was sent at `s`, so it signs until `s + leaseMs` at most. A
 * standby saw that renewal at some `c >= s` and takes over at `c + takeoverMs` at the earliest. With
 *
 *     leaseMs + stopMs + skewMs <= takeoverMs <= lockDelayMs
 *
 * no instant belongs to both. The rule is checked wherever these numbers are read: in the stack's
 * configuration and again by the agent on the host.
 * Awkward case: two hosts with different numbers, each of them safe by itself, while an apply is under way
 * or was cut short. So the holder says in the lock how long it can be heard, and `waitMs` heeds that.
 */
import * as z from "zod";

const ms = (what: string) => z.number().int().positive().describe(`${what}, in milliseconds`);

export const leaseTimingSchema = z
  .strictObject({
    renewMs: ms("R: how often the holder renews; twice as often while no answer comes").default(1000),
    leaseMs: ms("L: how long one renewal lets the holder sign, counted from its sending").default(6500),
    stopMs: z
      .number()
      .int()
      .nonnegative()
      .describe("S: how long after the deadline neard could still be heard, in milliseconds; 0 with the kernel fence")
      .default(0),
    skewMs: ms("e: allowance for clock-rate difference and granularity").default(500),
    takeoverMs: ms("W: how long a standby waits after the last change it saw").default(7000),
    unbrokenMs: ms("G: a watch not confirmed for longer than this starts the wait anew").default(6000),
    sessionTtlMs: ms("T: TTL of the Consul session; Consul takes 10 s to 24 h").default(15000),
    lockDelayMs: ms("D: Consul's lock-delay after a lost session; at most 60 s").default(15000),
  })
  .describe("The lease's timing; see docs/security.md#the-timing-rule");

export type LeaseTiming = z.infer<typeof leaseTimingSchema>;

export const defaultTiming: LeaseTiming = leaseTimingSchema.parse({});

/**
 * No host can be heard for longer after it sent a renewal, whatever its settings: `timingFaults` keeps lease, `stopMs`
 * and `skewMs` below the lock-delay, and that below Consul's greatest. What is waited for when nothing better is known.
 */
export const longestHeardMs = 60_000;

/** By how much the rates of two hosts' clocks may differ. */
const rateGap = 0.02;
/** A feed of the fence may be late by 100 ms before it is made anew; both hosts' clocks and the kernel's timers are 10 ms coarse. */
const coarseMs = 150;
/** Two looks at a lock that stands still take 2.1 s (agent/lease/follow.ts): a watch must not count as broken for that. */
const leastUnbrokenMs = 3000;

/**
 * How long a standby waits for a holder that can be heard for `heardMs` after it sent its last renewal, as its own
 * record in the lock says: `takeoverMs`, unless the holder's settings are others.
 */
export function waitMs(t: LeaseTiming, heardMs: number): number {
  const drift = Math.ceil((heardMs * rateGap + coarseMs) / (1 - rateGap));
  return Math.max(t.takeoverMs, heardMs + Math.max(t.skewMs, drift));
}

/** The least allowance for a wait of `takeoverMs`: what two clocks may drift apart meanwhile, and late feeds. */
export function leastSkewMs(takeoverMs: number): number {
  return Math.ceil(takeoverMs * rateGap) + coarseMs;
}

/** Every way in which `t` breaks the rule, as sentences with the numbers in them; empty when it is safe. */
export function timingFaults(t: LeaseTiming): string[] {
  const faults: string[] = [];
  const sum = t.leaseMs + t.stopMs + t.skewMs;
  if (sum > t.takeoverMs)
    faults.push(
      `leaseMs ${t.leaseMs} + stopMs ${t.stopMs} + skewMs ${t.skewMs} = ${sum} is above takeoverMs ${t.takeoverMs}: ` +
        "a standby could start before the holder has stopped",
    );
  if (t.takeoverMs > t.lockDelayMs)
    faults.push(
      `takeoverMs ${t.takeoverMs} is above lockDelayMs ${t.lockDelayMs}: a lost session's lock could be taken sooner than the wait`,
    );
  const drift = leastSkewMs(t.takeoverMs);
  if (t.skewMs < drift)
    faults.push(
      `skewMs ${t.skewMs} is below ${drift}: 2 % of takeoverMs ${t.takeoverMs}, and ${coarseMs} ms for late feeds and coarse clocks`,
    );
  if (t.unbrokenMs >= t.takeoverMs)
    faults.push(
      `unbrokenMs ${t.unbrokenMs} is not below takeoverMs ${t.takeoverMs}: a broken watch could go unnoticed`,
    );
  if (t.unbrokenMs < leastUnbrokenMs)
    faults.push(
      `unbrokenMs ${t.unbrokenMs} is below ${leastUnbrokenMs}: every watch would count as broken, and no standby would ever take over`,
    );
  if (t.renewMs * 4 > t.leaseMs)
    faults.push(
      `renewMs ${t.renewMs} is above a quarter of leaseMs ${t.leaseMs}: a few lost renewals would end the lease`,
    );
  if (t.sessionTtlMs < 10_000) faults.push(`sessionTtlMs ${t.sessionTtlMs} is below 10000, Consul's least TTL`);
  if (t.sessionTtlMs > 86_400_000)
    faults.push(`sessionTtlMs ${t.sessionTtlMs} is above 86400000, Consul's greatest TTL`);
  if (t.sessionTtlMs <= t.leaseMs)
    faults.push(
      `sessionTtlMs ${t.sessionTtlMs} is not above leaseMs ${t.leaseMs}: Consul could end the session of a live lease`,
    );
  if (t.lockDelayMs > longestHeardMs)
    faults.push(`lockDelayMs ${t.lockDelayMs} is above ${longestHeardMs}, Consul's greatest lock-delay`);
  return faults;
}
