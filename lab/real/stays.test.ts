import { expect, test } from "vitest";
import { openOverlaps, type Sample, Stays } from "./stays.ts";

const key = "ed25519:ours";
const look = (atMs: number, over: Partial<Sample> = {}): Sample => ({
  atMs,
  neard: "answer",
  key,
  open: true,
  produced: null,
  ...over,
});

test("a stay is from the first answer with the key to the last", () => {
  const stays = new Stays();
  expect(stays.take("a", look(0, { key: null }))).toBeNull();
  expect(stays.take("a", look(200))).toMatchObject({ host: "a", fromMs: 200 });
  expect(stays.take("a", look(400))).toBeNull();
  stays.take("a", look(600, { key: null }));
  stays.take("a", look(800));
  expect(stays.all.map(({ fromMs, toMs, ended }) => [fromMs, toMs, ended])).toEqual([
    [200, 400, true],
    [800, 800, false],
  ]);
});

test("a neard that is late may still have the key; one that is gone has not", () => {
  const stays = new Stays();
  stays.take("a", look(0));
  stays.take("a", look(200, { neard: "late", key: null }));
  stays.take("a", look(400));
  expect(stays.all).toHaveLength(1);
  stays.take("a", look(600, { neard: "gone", key: null }));
  stays.take("a", look(800));
  expect(stays.all).toHaveLength(2);
});

test("another key is another stay, and a host that is off has none", () => {
  const stays = new Stays();
  stays.take("a", look(0));
  stays.take("a", look(200, { key: "ed25519:next" }));
  stays.end("a");
  stays.take("a", look(400, { key: "ed25519:next" }));
  expect(stays.all.map((stay) => stay.key)).toEqual([key, "ed25519:next", "ed25519:next"]);
});

test("a moment belongs to the host that got the key last before it", () => {
  const stays = new Stays();
  stays.take("a", look(100));
  stays.take("b", look(500));
  expect(stays.at(50)).toBeNull();
  expect(stays.at(400)?.host).toBe("a");
  expect(stays.at(500)?.host).toBe("b");
});

test("two with the key overlap only while both fences are open", () => {
  const stays = new Stays();
  for (let atMs = 0; atMs <= 3000; atMs += 200) {
    stays.take("a", look(atMs, { open: atMs <= 1600 }));
    if (atMs >= 1000) stays.take("b", look(atMs + 50, { open: true }));
  }
  expect(openOverlaps(stays.all, 0)).toEqual([{ hosts: ["a", "b"], fromMs: 1050, toMs: 1600 }]);
  expect(openOverlaps(stays.all, 2000)).toEqual([]);
});

test("a shut fence with the key still loaded is no overlap", () => {
  const stays = new Stays();
  for (let atMs = 0; atMs <= 2000; atMs += 200) {
    stays.take("a", look(atMs, { open: false }));
    stays.take("b", look(atMs + 50));
  }
  expect(openOverlaps(stays.all, 0)).toEqual([]);
});

test("two open stretches with a gap between them are not one", () => {
  const stays = new Stays();
  stays.take("a", look(0));
  stays.take("a", look(5000));
  stays.take("b", look(2500));
  expect(openOverlaps(stays.all, 0)).toEqual([]);
});
