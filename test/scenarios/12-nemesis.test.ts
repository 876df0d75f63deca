/**
 * Promises `one-signer` and `comes-back` under real faults: those of the catalogue (test/nemesis/) that hit the
 * protocol where it is most delicate and that no other scenario has. The whole catalogue: `npm run nemesis -- --all`.
 */
import { expect, test } from "vitest";
import { scenarioNamed } from "../nemesis/catalogue/index.ts";
import { resultLine } from "../nemesis/results.ts";
import { runScenario } from "../nemesis/run-scenario.ts";
import { lab } from "./cluster.ts";

const chosen = ["stop-agent-neard-lease-plus-1s", "neard-keeps-the-key", "key-left-and-sighup-at-once"];

test.for(chosen)("%s", { timeout: 400_000 }, async (name) => {
  const result = await runScenario(lab(), scenarioNamed(name), new AbortController().signal);
  console.log(resultLine(result));
  expect(result.overlapMs, result.because).toBe(0);
  expect(result.doubleSigned, result.because).toBe(0);
  expect(result.verdict, result.because).toBe("pass");
});
