/** Changes the stack's settings for one scenario, as an operator would in Pulumi.<stack>.yaml, and puts them back. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect } from "vitest";
import { type Document, parseDocument } from "yaml";
import { finishedStep } from "../../lab/localnet/stack.ts";
import { type Outcome, settingsFile, up } from "./cluster.ts";

/**
 * Every test of the file begins and ends with the settings that the cluster was made with, and so do its
 * hosts where the test may have applied others.
 * @returns puts the settings back already now.
 */
export function keepSettings(options: { readonly applied: boolean }): () => void {
  let before = "";
  const isChanged = () => readFileSync(settingsFile(), "utf8") !== before;
  const putBack = () => writeFileSync(settingsFile(), before);
  beforeEach(() => {
    before = readFileSync(settingsFile(), "utf8");
  });
  afterEach(async () => {
    if (!isChanged()) return;
    putBack();
    if (!options.applied) return;
    const { code, stdout, stderr } = await up();
    expect(code, stdout + stderr).toBe(0);
  });
  return putBack;
}

/** @param edit gets the file; settings are at `["config", "holdfast:<name>", …]`. */
export function changeSettings(edit: (file: Document) => void): void {
  const file = parseDocument(readFileSync(settingsFile(), "utf8"));
  edit(file);
  writeFileSync(settingsFile(), file.toString({ lineWidth: 0 }));
}

/** Sets one setting, such as `set("neard", "config", "gc_blocks_limit")(3)`; undefined removes it. */
export function setting(...path: readonly [string, ...(string | number)[]]): (value: unknown) => void {
  const [name, ...rest] = path;
  const at = ["config", `holdfast:${name}`, ...rest];
  return (value) =>
    changeSettings((file) => {
      if (value === undefined) file.deleteIn(at);
      else file.setIn(at, file.createNode(value));
    });
}

/** What a `pulumi up` changed, in the order in which it was done: `host-b-neard updated`. */
export function changesOf({ stdout }: Outcome): string[] {
  return stdout.split("\n").flatMap((line) => finishedStep(line)?.replace(/ \([^)]*\)$/, "") ?? []);
}
