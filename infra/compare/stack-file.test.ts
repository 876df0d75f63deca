import { describe, expect, test } from "vitest";
import { sampleStackFile } from "../testing/stack-file.ts";
import { settingChanges } from "./settings-changes.ts";
import { makeSide } from "./side.ts";
import { readStackFile } from "./stack-file.ts";

const read = (text: string) => readStackFile(text, "Pulumi.x.yaml");
const programs = { holdfastd: "", node: "", consul: "" };
const faultsOf = (text: string) => makeSide(read(text), programs).faults.map(({ message }) => message);

test("what is encrypted is a mark, and nothing of it gets through", () => {
  const file = read(sampleStackFile());
  expect(file.shown.validatorKey).toMatch(/^\[secret [0-9a-f]{8}\]$/);
  expect([...file.secret].toSorted()).toEqual(["ssh", "validatorKey"]);
  const { sealed, ...rest } = file;
  expect(JSON.stringify([rest, [...sealed]])).not.toMatch(/AAAA:BBBB|CCCC|GGGG/);
});

test("the sample is sound though its secrets cannot be seen", () => expect(faultsOf(sampleStackFile())).toEqual([]));

test("a key in clear is a fault, told without it", () => {
  const text = sampleStackFile().replace(/secure: v1:AAAA:BBBB/, 'secret_key: "hunter2"');
  const found = faultsOf(text);
  expect(found[0]).toBe("holdfast:validatorKey is in the stack's file in clear");
  expect(found.join()).not.toContain("hunter2");
});

test("faults of settings are told as by a preview", () =>
  expect(faultsOf(sampleStackFile({ lease: { leaseMs: 9000 } }))[0]).toContain("holdfast:lease: leaseMs 9000"));

test("a single value may be encrypted anywhere", () => {
  const base = read("config:\n  holdfast:neard:\n    config: {telemetry: {secure: v1:a}}\n");
  const head = read("config:\n  holdfast:neard:\n    config: {telemetry: {secure: v1:b}}\n");
  const [change] = settingChanges(base, head);
  expect(change?.setting).toBe("neard.config.telemetry");
  expect([change?.before, change?.after].join()).toMatch(/^\[secret \w{8}\],\[secret \w{8}\]$/);
});

describe("a file that is none", () => {
  test.each([
    ["a: [", /^Pulumi.x.yaml is not YAML/],
    ["a: 1\na: 2", /^Pulumi.x.yaml is not YAML/],
    ["- a", /^Pulumi.x.yaml is no stack's file/],
    ["text", /^Pulumi.x.yaml is no stack's file/],
    // An alias bomb: ten to the ninth values.
    [
      `a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(",")}]`).join("\n")}\nconfig: {holdfast:x: *a9}`,
      /^Pulumi.x.yaml is not YAML/,
    ],
  ])("%#", (text, message) => {
    try {
      read(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "HF_CONFIG_INVALID", message: expect.stringMatching(message) });
    }
  });
  test("an empty one has every setting missing", () => expect(faultsOf("").length).toBeGreaterThan(3));
});
