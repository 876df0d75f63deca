/** How often each thing is measured. Pure. */
import * as z from "zod";

export const amountsSchema = z.object({
  /** `npm run localnet` from a removed cluster. */
  localnet: z.number().int(),
  poweroff: z.number().int(),
  "kill-neard": z.number().int(),
  partition: z.number().int(),
  switchover: z.number().int(),
  up: z.number().int(),
  preview: z.number().int(),
  /** How long the last fault is ago when nothing happens: an agent that has just started still compiles itself. */
  settleMs: z.number().int(),
  /** Windows in which nothing happens, and how long each is. */
  idle: z.number().int(),
  idleMs: z.number().int(),
});
export type Amounts = z.infer<typeof amountsSchema>;

const full: Amounts = {
  localnet: 3,
  poweroff: 20,
  "kill-neard": 3,
  partition: 3,
  switchover: 10,
  up: 5,
  preview: 5,
  settleMs: 120_000,
  idle: 3,
  idleMs: 60_000,
};

/** Enough to see that the bench itself works. */
const quick: Amounts = {
  localnet: 1,
  poweroff: 3,
  "kill-neard": 1,
  partition: 1,
  switchover: 2,
  up: 2,
  preview: 2,
  settleMs: 10_000,
  idle: 1,
  idleMs: 20_000,
};

/** @param runs how often the active host loses power */
export const amountsFor = (options: { quick: boolean; runs: number | undefined }): Amounts => {
  const amounts = options.quick ? quick : full;
  return options.runs === undefined ? amounts : { ...amounts, poweroff: options.runs };
};
