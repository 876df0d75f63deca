import { describe, expect, test } from "vitest";
import { differenceOf, formatPath } from "./diff.ts";
import { type Properties, secret, unknown } from "./values.ts";

const changes = (olds: Properties, news: Properties): Record<string, string> =>
  Object.fromEntries(differenceOf(olds, news).changes);

describe("plain inputs", () => {
  test("nothing changed, not even the order of environment keys", () => {
    expect(
      changes({ create: "a", environment: { A: "1", B: "2" } }, { environment: { B: "2", A: "1" }, create: "a" }),
    ).toEqual({});
  });
  test.each<[string, Properties, Properties, Record<string, string>]>([
    ["text changed", { create: "a" }, { create: "b" }, { create: "update" }],
    ["text removed", { create: "a", update: "b" }, { create: "a" }, { update: "delete" }],
    ["text added", { create: "a" }, { create: "a", delete: "" }, { delete: "add" }],
    ["environment value", { environment: { A: "1" } }, { environment: { A: "2" } }, { "environment.A": "update" }],
    [
      "environment key",
      { environment: { A: "1" } },
      { environment: { B: "1" } },
      { "environment.A": "delete", "environment.B": "add" },
    ],
    ["an empty environment is not an absent one", {}, { environment: {} }, { environment: "add" }],
    ["interpreter", { interpreter: ["a"] }, { interpreter: ["b"] }, { "interpreter[0]": "update" }],
    ["only the secretness", { stdin: "a" }, { stdin: secret("a") }, { stdin: "update" }],
    ["now unknown", { stdin: "a" }, { stdin: unknown }, { stdin: "update" }],
    [
      "any part of a connection is one entry",
      { connection: secret({ host: "a", port: 22 }) },
      { connection: secret({ host: "b", port: 22 }) },
      { connection: "update" },
    ],
  ])("%s", (_, olds, news, expected) => {
    expect(changes(olds, news)).toEqual(expected);
    expect(differenceOf(olds, news).replaces).toEqual([]);
  });
});

describe("triggers", () => {
  test("elements are left to the engine to turn into replacements", () => {
    expect(changes({ triggers: ["a", "b"] }, { triggers: ["a", "c", "d"] })).toEqual({
      "triggers[1]": "update",
      "triggers[2]": "add",
    });
    expect(changes({ triggers: ["a", "b"] }, { triggers: [] })).toEqual({
      "triggers[0]": "delete",
      "triggers[1]": "delete",
    });
    expect(changes({ triggers: [{ a: 1 }] }, { triggers: [{ a: 2 }] })).toEqual({ "triggers[0].a": "update" });
    expect(changes({ triggers: ["a"] }, { triggers: [secret("a")] })).toEqual({ "triggers[0]": "update" });
  });
  test("the whole list added or removed replaces by itself", () => {
    const added = differenceOf({}, { triggers: ["a"] });
    expect(Object.fromEntries(added.changes)).toEqual({ triggers: "add-replace" });
    expect(added.replaces).toEqual(["triggers"]);
    expect(Object.fromEntries(differenceOf({ triggers: ["a"] }, {}).changes)).toEqual({ triggers: "delete-replace" });
  });
});

test("what the engine adds to the inputs is no change", () => {
  expect(changes({ create: "a" }, { create: "a", version: "1.2.1", __internal: "x" })).toEqual({});
});

test("a path quotes the keys that need it", () => {
  expect(formatPath(["environment", "a.b"])).toBe('environment["a.b"]');
  expect(formatPath(["environment", 'a"b'])).toBe('environment["a\\"b"]');
  expect(formatPath(["triggers", 0, "a"])).toBe("triggers[0].a");
});
