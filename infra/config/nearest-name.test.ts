import { describe, expect, test } from "vitest";
import { editDistance, nearestName } from "./nearest-name.ts";

describe("editDistance", () => {
  test.each([
    ["", "abc", 3],
    ["lease", "lease", 0],
    ["laese", "lease", 1],
    ["hostkey", "hostKey", 1],
    ["zone", "arch", 4],
  ])("%s to %s is %i", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe("nearestName", () => {
  const names = ["network", "validator", "validatorKey", "hosts"];
  test("finds what was meant, whatever its capitals", () => {
    expect(nearestName("host", names)).toBe("hosts");
    expect(nearestName("validatorkey", names)).toBe("validatorKey");
    expect(nearestName("netwrok", names)).toBe("network");
  });
  test("does not guess", () => expect(nearestName("monitoring", names)).toBeUndefined());
});
