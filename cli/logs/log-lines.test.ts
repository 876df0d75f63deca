import { describe, expect, test } from "vitest";
import { mergeByTime, readable, splitLines } from "./log-lines.ts";

test("the empty rest after the last line is no line", () => {
  expect(splitLines("a\n\nb\n")).toEqual(["a", "", "b"]);
  expect(splitLines("")).toEqual([]);
});

test("lines of several hosts by time; within a host the order stays, also at one instant", () => {
  const merged = mergeByTime([
    { host: "a", lines: ["2026-01-31T09:00:02 a2", "2026-01-31T09:00:02 a3"] },
    { host: "b", lines: ["2026-01-31T09:00:01 b1", " rest of b1", "2026-01-31T09:00:02 b2"] },
  ]);
  expect(merged.map(({ line }) => line.trim().split(" ").at(-1))).toEqual(["b1", "b1", "a2", "a3", "b2"]);
});

describe("readable", () => {
  const time = "2026-01-31T09:00:01.131599+0000";

  test("the agent's JSON becomes time, level, sentence and the rest", () => {
    const json =
      '{"level":40,"time":"2026-01-31T09:00:01.122Z","host":"host-a","epoch":7,"msg":"took the lock: host-b"}';
    expect(readable(`${time} host-a node[465]: ${json}`)).toBe(`${time} warn  took the lock: host-b epoch=7`);
  });

  test.each([
    `${time} host-a systemd[1]: Started holdfastd.service.`,
    `${time} host-a node[465]: {"level":30,"msg":"cut of`,
    `${time} host-a node[465]: {"other":"object"}`,
    "  a line that goes on",
  ])("stays as it is: %s", (line) => {
    expect(readable(line)).toBe(line);
  });
});
