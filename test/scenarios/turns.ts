/**
 * When blocks of ours fall due. A block can be accepted only at a height of ours, and the draw may leave us out for many
 * of them: who measures how long the new holder is not heard must not measure the draw.
 */
import { readFileSync } from "node:fs";
import { genesisSchema } from "../../lab/chain/genesis.ts";
import { heightAt, producerAt } from "../../lab/chain/schedule.ts";
import { lab, until } from "./cluster.ts";

/** Promise `heard`: from the key on the new host to its first block in the chain. */
export const heardWithinSeconds = 8;

/**
 * Waits for a moment after which turns of ours come soon, whenever the key arrives between these two times
 * from now: a block can be accepted only at a height of ours, and the draw may leave us out for longer than
 * the bound.
 */
export async function whenTurnsAreNear(fromSeconds: number, toSeconds: number): Promise<void> {
  // A real chain draws its producers as it goes.
  if (lab().neard !== null) return;
  const genesis = genesisSchema.parse(JSON.parse(readFileSync(lab().chain?.genesisFile ?? "", "utf8")));
  const comesSoon = (keyMs: number) => {
    // Not the very next one: neard may be about to learn of its key, or its route of it.
    const [first, last] = [keyMs + 1000, keyMs + 1000 * (heardWithinSeconds - 1.5)];
    for (let height = heightAt(genesis, first) + 1; height <= heightAt(genesis, last); height++)
      if (producerAt(genesis, height) === genesis.account) return true;
    return false;
  };
  await until("turns of ours that are near", 60_000, async () => {
    const nowMs = Date.now();
    for (let ms = 1000 * fromSeconds; ms <= 1000 * toSeconds; ms += genesis.slot_ms)
      if (!comesSoon(nowMs + ms)) return false;
    return true;
  });
}
