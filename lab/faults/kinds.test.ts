import { expect, test } from "vitest";
import { faultKinds, kindOf } from "./kinds.ts";

test("every kind has a name of its own and one sentence", () => {
  const names = faultKinds.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { sentence } of faultKinds) expect(sentence).toMatch(/^[A-Z][^.]*\.$/);
});

test("an unknown kind is answered with the ones there are", () => {
  expect(() => kindOf("poweroof")).toThrow(
    expect.objectContaining({ code: "HF_USAGE", next: expect.stringContaining("poweroff, reboot") }),
  );
});
