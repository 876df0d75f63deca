import { expect, test } from "vitest";
import { majority, spareOf } from "./quorum.ts";

test.each([
  [1, 1, 0],
  [2, 2, 0],
  [3, 2, 1],
  [4, 3, 1],
  [5, 3, 2],
  [6, 4, 2],
  [7, 4, 3],
])("of %i voters %i decide, and %i may be lost", (voters, deciding, spare) =>
  expect([majority(voters), spareOf(voters)]).toEqual([deciding, spare]),
);
