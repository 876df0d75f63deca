import { expect, test } from "vitest";
import { HoldfastError } from "../../contract/errors.ts";
import { configFault, describeFaults, faultFrom } from "./faults.ts";

test("all faults are one text: sentence, next step, code", () =>
  expect(
    describeFaults("the configuration", [configFault("holdfast:x is wrong", "Mend x."), configFault("y", "Do z.")]),
  ).toBe(
    `2 faults in the configuration; no host was changed.
  * holdfast:x is wrong.
    next: Mend x.
    (HF_CONFIG_INVALID)
  * y.
    next: Do z.
    (HF_CONFIG_INVALID)`,
  ));

test("our errors become faults, others stay what they are", () => {
  expect(faultFrom(new HoldfastError("HF_TOOLCHAIN", "no consul.", { next: "Get it." }))).toEqual({
    code: "HF_TOOLCHAIN",
    message: "no consul",
    next: "Get it.",
  });
  expect(() => faultFrom(new TypeError("a bug"))).toThrow("a bug");
});
