import { expect, test } from "vitest";
import { ageFrom, isYounger } from "./age.ts";

const at = (uptimeS: number, wallS: number) => {
  const age = ageFrom(uptimeS, wallS * 1000);
  if (age === null) throw new Error("it says how old it is");
  return age;
};

const hour = 3600;

test.for([
  ["the same process, a second later", at(101, 1001), at(100, 1000), false],
  ["the same process, twice within a second", at(100, 1000.9), at(100, 1000.1), false],
  ["one that began anew", at(0, 1005), at(100, 1000), true],
  ["one that began anew soon after its start", at(0, 1003), at(1, 1001), true],
  ["a clock that was set back an hour: it looks younger, and began as long ago", at(0, 1000), at(3601, 4601), false],
  ["a clock that was set back by a second", at(99, 999.5), at(100, 1000.5), false],
  ["a clock of this agent's that was set on: it is older than before", at(101, 1001 + hour), at(100, 1000), false],
  ["a clock of this agent's that was set back", at(101, 1001), at(100, 1000 + hour), false],
] as const)("%s", ([, now, before, expected]) => {
  expect(isYounger(now, before)).toBe(expected);
});

test("a neard that does not say it has no age", () => expect(ageFrom(undefined, 1000)).toBeNull());
