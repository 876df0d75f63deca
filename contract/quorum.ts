/** Raft's arithmetic: how many of Consul's servers decide, and how many may be lost. The one place that computes it. Pure. */

/** The least number of servers that are a majority of `voters`. */
export const majority = (voters: number): number => Math.floor(voters / 2) + 1;

/** How many of `voters` may be lost at once and still leave a majority. */
export const spareOf = (voters: number): number => voters - majority(voters);
