import { describe, expect, test } from "vitest";
import { asSource, equal, isUnknown, reveal, secret, unknown, type Value } from "./values.ts";

const asset = (fields: { [key: string]: Value }): Value => ({
  "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
  ...fields,
});

describe("equality", () => {
  test("a secret is not equal to the same value in clear", () => {
    expect(equal(secret("a"), secret("a"))).toBe(true);
    expect(equal(secret("a"), "a")).toBe(false);
  });
  test("null is absent inside an object, and the order of keys does not count", () => {
    expect(equal({ a: 1, b: null, c: 2 }, { c: 2, a: 1 })).toBe(true);
    expect(equal({}, { a: 0 })).toBe(false);
  });
  test("assets are their content: a file and a text with the same bytes are equal", () => {
    expect(equal(asset({ hash: "h", path: "/a" }), asset({ hash: "h", text: "b" }))).toBe(true);
    expect(equal(asset({ hash: "h", path: "/a" }), asset({ hash: "i", path: "/a" }))).toBe(false);
  });
  test("arrays count in order", () => {
    expect(equal([1, 2], [2, 1])).toBe(false);
    expect(equal([1, [2]], [1, [2]])).toBe(true);
  });
});

test("reveal takes every secret mark off, also nested ones", () => {
  expect(reveal({ a: secret({ b: secret("c") }), d: [secret(1)] })).toEqual({ a: { b: "c" }, d: [1] });
});

test("unknown is seen through a secret", () => {
  expect(isUnknown(secret(unknown))).toBe(true);
  expect(isUnknown("text")).toBe(false);
});

test("an asset has a path or a text, never both, and an empty text is a text", () => {
  expect(asSource(asset({ hash: "h", path: "p", text: "" }))).toEqual({ kind: "asset", hash: "h", path: "p" });
  expect(asSource(asset({ hash: "h", text: "" }))).toEqual({ kind: "asset", hash: "h", text: "" });
  expect(asSource(asset({ hash: "h", uri: "https://example.org", text: "" }))).toEqual({ kind: "asset", hash: "h" });
  expect(asSource("text")).toBeUndefined();
});
