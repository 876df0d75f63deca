import { describe, expect, test } from "vitest";
import { armed, armedMark, fed, markOf, shut } from "./ruleset.ts";

describe("fed", () => {
  test("rounds both limits down, never up", () => {
    const rules = fed(7, 5500.9, 1_800_000_005_999);
    expect(rules).toContain("alive { 0x48000007 timeout 5500ms }");
    expect(rules).toContain("meta time < 1800000005 accept");
  });

  test("replaces what was there in the same transaction", () => {
    const lines = fed(7, 1000, 0).split("; ");
    expect(lines.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "flush set",
      "add element",
      "flush chain",
      "add rule",
      "flush set",
      "add element",
    ]);
  });
});

test("armed starts shut: nothing is alive, and the deadline chain accepts nothing", () => {
  const rules = armed(7, 4242);
  expect(rules).toMatch(/set alive \{\s*type mark\s*flags timeout\s*\}/);
  expect(rules).toMatch(/chain deadline \{\s*\}/);
});

test("shut leaves the table armed", () => {
  expect(shut()).not.toContain("delete");
});

test("the listing of an armed table tells its mark, as nft prints it", () => {
  expect(armedMark("\t\tmeta skuid 64748 ct mark set 0x48000007\n")).toBe(markOf(7));
  expect(armedMark("\t\tct mark 0x48000000/8 counter packets 0 bytes 0 drop\n")).toBeNull();
});

test("marks keep the epoch's low 24 bits and never leave their range", () => {
  expect(markOf(0x1_000_001)).toBe(markOf(1));
  expect(markOf(0xffffff)).toBe(0x48ffffff);
});
