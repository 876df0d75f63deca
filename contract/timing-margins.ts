/** How near a lease's numbers are to what the timing rule (timing.ts) refuses. Pure. */
import { type LeaseTiming, leastSkewMs } from "./timing.ts";

/**
 * Sentences on what has next to nothing to spare. The defaults have none: that `takeoverMs` is no more than the sum is
 * no risk by itself, for the allowance is in `skewMs`.
 */
export function narrowTimings(t: LeaseTiming): string[] {
  const sentences: string[] = [];
  const allowance = t.takeoverMs - t.leaseMs - t.stopMs;
  const needed = leastSkewMs(t.takeoverMs);
  if (allowance < needed * 1.2)
    sentences.push(
      `leaseMs ${t.leaseMs} and takeoverMs ${t.takeoverMs} leave ${allowance} ms between two holders; ${needed} ms are the least`,
    );
  if (t.leaseMs < t.renewMs * 5)
    sentences.push(
      `leaseMs ${t.leaseMs} is less than five times renewMs ${t.renewMs}: a few lost renewals end the lease`,
    );
  if (t.takeoverMs - t.unbrokenMs < 250)
    sentences.push(`unbrokenMs ${t.unbrokenMs} is within 250 ms of takeoverMs ${t.takeoverMs}`);
  if (t.sessionTtlMs < t.leaseMs * 1.2)
    sentences.push(`sessionTtlMs ${t.sessionTtlMs} is hardly above leaseMs ${t.leaseMs}`);
  return sentences;
}
