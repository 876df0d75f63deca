/** The list must not rot: cheap enough for every `npm test`, it breaks nothing and runs no check. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { describe, expect, test } from "vitest";
import { edited, mutated } from "./apply.ts";
import { mutations } from "./list.ts";
import { repository } from "./tree.ts";

const read = (file: string) => readFileSync(join(repository, file), "utf8");

test("there are enough of them, each under a name of its own", () => {
  expect(mutations.length).toBeGreaterThanOrEqual(20);
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
});

describe.each(mutations.map((mutation) => [mutation.name, mutation] as const))("%s", (_, mutation) => {
  test("finds its text exactly once, and leaves a program", () => {
    for (const text of mutated(mutation, read).values())
      expect(() => transformSync(text, { loader: "ts" })).not.toThrow();
  });

  test("breaks no test or check itself, and somebody is expected to notice", () => {
    const { simulation, tests } = mutation.caughtBy;
    for (const { file } of mutation.edits)
      expect(file).toMatch(/^(agent|contract|converge|host|infra)\/.*(?<!\.test)\.ts$/);
    for (const file of tests) expect(existsSync(join(repository, file)), file).toBe(true);
    expect(simulation || tests.length > 0).toBe(true);
  });
});

describe("an edit", () => {
  const edit = { file: "a.ts", text: "one", by: "$&two" };
  test("is put in as it is written", () => expect(edited("(one)", edit)).toBe("($&two)"));
  test("of a text that is not there is refused", () =>
    expect(() => edited("none", { ...edit, text: "two" })).toThrow("a.ts has this text 0 times"));
  test("of a text that is there twice is refused", () =>
    expect(() => edited("one one", edit)).toThrow("a.ts has this text 2 times"));
  test("that changes nothing is refused", () =>
    expect(() => edited("one", { ...edit, by: "one" })).toThrow("would stay as it is"));
});
