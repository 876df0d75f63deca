import { expect, test } from "vitest";
import { formatDuration, formatMoment } from "./duration.ts";

test.each([
  [-5, "0 ms"],
  [0, "0 ms"],
  [340.4, "340 ms"],
  [1000, "1.0 s"],
  [5490, "5.4 s"],
  [59_999, "59.9 s"],
  [60_000, "1 min"],
  [200_000, "3 min 20 s"],
  [7_500_000, "2 h 5 min"],
  [273_600_000, "3 d 4 h"],
])("%d ms is %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test("a moment is shown in UTC, to the second", () => {
  expect(formatMoment("2026-01-31T10:30:12.345+01:00")).toBe("2026-01-31 09:30:12 UTC");
});

test("what is no date stays as it is", () => {
  expect(formatMoment("soon")).toBe("soon");
});
