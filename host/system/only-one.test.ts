import { expect, test } from "vitest";
import { claimOnly } from "./only-one.ts";

const name = `holdfast-test-${process.pid}`;

test("a second claim is refused until the first is given back", async () => {
  const giveBack = await claimOnly(name);
  await expect(claimOnly(name)).rejects.toThrow(`another ${name} runs on this host`);
  giveBack();
  (await claimOnly(name))();
});
