import { describe, expect, test } from "vitest";
import { nearestName } from "./nearest-name.ts";

describe("nearestName", () => {
  const names = ["network", "validator", "validatorKey", "hosts"];
  test("finds what was meant, whatever its capitals", () => {
    expect(nearestName("host", names)).toBe("hosts");
    expect(nearestName("validatorkey", names)).toBe("validatorKey");
    expect(nearestName("netwrok", names)).toBe("network");
  });
  test("two neighbours that have changed places are two letters, even in a short name", () => {
    expect(nearestName("zoen", ["arch", "zone"])).toBe("zone");
  });
  test("does not guess", () => expect(nearestName("monitoring", names)).toBeUndefined());
});
