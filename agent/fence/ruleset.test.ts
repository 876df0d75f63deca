import { describe, expect, test } from "vitest";
import { armed, armedMark, disarmed, fed, markOf, openIn, shut } from "./ruleset.ts";

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

describe("what is open, by a listing of the table", () => {
  const uid = 4242;
  /** As nft lists what `armed` makes, with its own words for priorities and counters. */
  const listed = armed(7, uid)
    .slice(armed(7, uid).indexOf("table inet holdfast {"))
    .replaceAll("priority 10", "priority filter + 10")
    .replaceAll("counter ", "counter packets 12 bytes 700 ")
    .replaceAll("  ", "\t");

  test("nothing is, once it is armed and not fed", () => {
    expect(openIn(listed, uid)).toBeNull();
  });

  test.for([
    [
      "an element",
      (text: string) =>
        text.replace("flags timeout", "flags timeout\n\t\telements = { 0x48000007 timeout 6s expires 5s }"),
      "an epoch is alive",
    ],
    [
      "a deadline",
      (text: string) =>
        text.replace("chain deadline {", 'chain deadline {\n\t\tmeta time < "2026-11-29 01:00:00" accept'),
      "a deadline is set",
    ],
    [
      "no rules at all",
      (text: string) => text.replace(/chain output \{[^}]*\}/, "chain output {\n}"),
      "nothing looks at what leaves",
    ],
    ["no chain", (text: string) => text.replace(/chain output \{[^}]*\}/, ""), "nothing looks at what leaves"],
    [
      "no drop",
      (text: string) => text.replace(/.*meta skuid 4242 counter.* drop\n/, ""),
      "neard's packets are not dropped",
    ],
    [
      "another user's",
      (text: string) => text.replaceAll("skuid 4242", "skuid 4243"),
      "neard's packets are not dropped",
    ],
    [
      "a rule before it",
      (text: string) => text.replace("meta skuid 4242 ct", "tcp dport 24567 accept\n\t\tmeta skuid 4242 ct"),
      "a rule lets them out: tcp dport 24567 accept",
    ],
  ] as const)("%s is said", ([, change, said]) => {
    expect(openIn(change(listed), uid)).toBe(said);
  });

  test("a disarmed table holds nobody back", () => {
    expect(openIn(disarmed(), uid)).toBe("neard's packets are not dropped");
    expect(openIn("", uid)).toBe("nothing looks at what leaves");
  });
});
