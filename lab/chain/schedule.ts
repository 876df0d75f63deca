/**
 * Who produces which height: a pure function of the genesis, so that the chain and every neard agree
 * without asking each other. Heights are drawn by stake, like NEAR's, from a hash of the height.
 */
import { createHash } from "node:crypto";
import type { Genesis } from "./genesis.ts";

/** The account that produces the block (and its chunk) at `height`. */
export function producerAt(genesis: Genesis, height: number): string {
  const total = genesis.validators.reduce((sum, validator) => sum + validator.stake, 0);
  const digest = createHash("sha256").update(`${genesis.chain_id} ${genesis.genesis_time} ${height}`).digest();
  let draw = digest.readUInt32BE(0) % total;
  for (const validator of genesis.validators) {
    if (draw < validator.stake) return validator.account_id;
    draw -= validator.stake;
  }
  throw new Error("a draw below the sum of stakes belongs to one of them");
}

/**
 * Whether the state witness of `height`'s chunk comes to every chunk validator over others too, and not
 * only from its producer. It does at half of the heights: measured on a real network, a stale route cost
 * the validator about half of its endorsements, and all of its blocks.
 */
export function isRelayed(genesis: Genesis, height: number): boolean {
  return (createHash("sha256").update(`relayed ${genesis.genesis_time} ${height}`).digest()[0] ?? 0) % 2 === 0;
}

/** When `height` begins, in milliseconds since 1970 on the chain's clock. */
export function slotStartMs(genesis: Genesis, height: number): number {
  return Date.parse(genesis.genesis_time) + height * genesis.slot_ms;
}

/** The height whose slot holds the moment `nowMs`. */
export function heightAt(genesis: Genesis, nowMs: number): number {
  return Math.floor((nowMs - Date.parse(genesis.genesis_time)) / genesis.slot_ms);
}

/** NEAR's epoch of `height`: its number, its first height, and the first height of the next one. */
export function nearEpochOf(genesis: Genesis, height: number): { number: number; start: number; end: number } {
  const number = Math.floor(height / genesis.epoch_length);
  return { number, start: number * genesis.epoch_length, end: (number + 1) * genesis.epoch_length };
}

/** Heights from `start` up to and without `end`. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/**
 * From `head` to the end of its epoch: the stretches in which `account` has no block
 * to produce. Endorsements are not considered, as in nearcore; an account that produces nothing gets
 * the whole rest of the epoch.
 */
export function maintenanceWindows(genesis: Genesis, account: string, head: number): Window[] {
  const windows: Window[] = [];
  const { end } = nearEpochOf(genesis, head);
  let start = head;
  for (let height = head; height < end; height++) {
    if (producerAt(genesis, height) !== account) continue;
    if (height > start) windows.push({ start, end: height });
    start = height + 1;
  }
  if (end > start) windows.push({ start, end });
  return windows;
}
