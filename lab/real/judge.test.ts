import { expect, test } from "vitest";
import { reportSchema } from "../chain/report.ts";
import { noCounts } from "./counts.ts";
import { type ChainBlock, eventsOf, realReport, type Tally } from "./judge.ts";
import { type Sample, Stays } from "./stays.ts";

const account = "validator.localnet";
const key = "ed25519:ours";
const sample = (atMs: number): Sample => ({ atMs, neard: "answer", key, open: true, produced: null });
const nothing: Tally = { counts: noCounts, produced: 0, alreadyConnected: 0 };

/** A chain with a block a second, ours every fourth; `heard` says whether the others take what we send at a moment. */
function seen(
  untilMs: number,
  moves: readonly { host: string; fromMs: number; toMs: number }[],
  heard: (ms: number) => boolean,
) {
  const stays = new Stays();
  const keys = moves.flatMap(({ host, fromMs, toMs }) => {
    for (let atMs = fromMs; atMs <= toMs; atMs += 200) stays.take(host, sample(atMs));
    stays.end(host);
    return [{ type: "key" as const, host, address: "", account, tenure: `${host}#1`, atMs: fromMs }];
  });
  const blocks: ChainBlock[] = [];
  for (let height = 1; height * 1000 <= untilMs; height++) {
    const timeMs = height * 1000;
    const ours = height % 4 === 0;
    if (ours && !heard(timeMs)) continue;
    blocks.push({
      height,
      prevHeight: blocks.at(-1)?.height ?? null,
      author: ours ? account : `node${height % 4}`,
      timeMs,
      signature: `s${height}`,
      approved: heard(timeMs),
    });
  }
  const events = blocks.flatMap((block) => {
    const stay = stays.at(block.timeMs);
    return eventsOf(block, account, stay, stay === null ? "none" : `${stay.host}#1`);
  });
  return { account, events: [...keys, ...events], stays: stays.all };
}

const reset = { fromHeight: 0, fromMs: 0, tally: nothing };

test("a take-over that nobody hears for a while shows itself", () => {
  const moves = [
    { host: "host-a", fromMs: 0, toMs: 20_000 },
    { host: "host-b", fromMs: 22_000, toMs: 90_000 },
  ];
  const tally = { counts: { ...noCounts, blocks: 12, expectedBlocks: 20 }, produced: 18, alreadyConnected: 9 };
  const evidence = { ...seen(80_000, moves, (ms) => ms <= 20_000 || ms > 53_000), tally };
  const report = reportSchema.parse(realReport(evidence, reset, 80_000));
  expect(report).toMatchObject({ accepted: 12, produced: 18, missed: 8, alreadyConnected: 9, overlapMs: 0 });
  expect(report.takeovers).toEqual([
    { from: "host-a", to: "host-b", at: new Date(22_000).toISOString(), keySeconds: 2, firstAcceptedSeconds: 34 },
  ]);
  expect(report.gaps).toHaveLength(1);
  expect(report.current).toMatchObject({ host: "host-b", key, silentMs: 0 });
  expect(report.cannotSee).toHaveLength(2);
});

test("heights without a block are told, whoever's they were", () => {
  const moves = [{ host: "host-a", fromMs: 0, toMs: 30_000 }];
  const evidence = { ...seen(20_000, moves, (ms) => ms !== 8000), tally: nothing };
  const slots = evidence.events.filter((event) => event.type === "slot");
  expect(slots.find(({ height }) => height === 8)).toMatchObject({ producer: "", accepted: false });
  expect(slots.map(({ height }) => height)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test("two hosts with the key behind open fences are an overlap", () => {
  const moves = [
    { host: "host-a", fromMs: 0, toMs: 12_000 },
    { host: "host-b", fromMs: 10_000, toMs: 30_000 },
  ];
  const report = realReport({ ...seen(20_000, moves, () => true), tally: nothing }, reset, 20_000);
  expect(report.overlapMs).toBe(2000);
  expect(report.overlaps[0]?.hosts).toEqual(["host-a", "host-b"]);
});

test("what was before a reset is not judged", () => {
  const moves = [{ host: "host-a", fromMs: 0, toMs: 40_000 }];
  const tally = { counts: { ...noCounts, blocks: 6, expectedBlocks: 9 }, produced: 9, alreadyConnected: 4 };
  const evidence = { ...seen(40_000, moves, () => true), tally };
  const later = { fromHeight: 21, fromMs: 20_500, tally };
  const report = realReport(evidence, later, 40_000);
  expect(report).toMatchObject({ fromHeight: 21, accepted: 5, missed: 0, alreadyConnected: 0, takeovers: [] });
});
