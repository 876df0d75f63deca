import { expect, test } from "vitest";
import * as z from "zod";
import { readShape, type Shape, textOf, understood } from "./format.ts";

const shape = {
  name: "a box",
  format: 2,
  schema: z.object({ a: z.string(), b: z.number().default(7) }),
} satisfies Shape<unknown>;

test.each<[string, string, string]>([
  ["its own", '{"format":2,"a":"x","b":1}', "read"],
  ["an older one", '{"format":1,"a":"x"}', "read"],
  ["one of 0.1, which wrote no number", '{"a":"x"}', "read"],
  ["one with more in it", '{"format":2,"a":"x","c":true}', "read"],
  ["a newer one", '{"format":3,"a":"x","b":1}', "newer"],
  ["a newer one that looks like nothing it knows", '{"format":9}', "newer"],
  ["half of one", '{"format":2,"a":', "unreadable"],
  ["another thing", '["a"]', "unreadable"],
  ["nothing", "", "unreadable"],
  ["null", "null", "unreadable"],
  ["a number that is none", '{"format":"3","b":1}', "unreadable"],
  ["one whose fields are others", '{"format":2,"a":1}', "unreadable"],
])("%s", (_, text, is) => expect(readShape(shape, text).is).toBe(is));

test("what is written says its number, and is read again", () => {
  const text = textOf(shape, { a: "x", b: 1 });
  expect(text).toBe('{"format":2,"a":"x","b":1}');
  expect(understood(readShape(shape, text))).toEqual({ a: "x", b: 1 });
});
