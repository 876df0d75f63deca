import { expect, test } from "vitest";
import { previewOfCreate, previewOfUpdate } from "./preview.ts";
import { type Properties, secret, unknown } from "./values.ts";

const names = ["create", "update", "stdin", "connection"];
const state: Properties = { create: "a", connection: secret({ host: "h" }), stdout: "out", stderr: "" };
const stdoutAfter = (inputs: Properties) => previewOfUpdate(names, state, inputs).stdout;

test("a new command has unknown results", () => {
  expect(previewOfCreate({ create: "a" })).toEqual({ create: "a", stdout: unknown, stderr: unknown });
});

test("changing or removing an input makes the results unknown", () => {
  expect(stdoutAfter({ create: "b", connection: secret({ host: "h" }) })).toBe(unknown);
  expect(stdoutAfter({ connection: secret({ host: "h" }) })).toBe(unknown);
  expect(stdoutAfter({ create: "a", connection: secret({ host: unknown }) })).toBe(unknown);
});

test("only adding inputs keeps the results, unless the new one is itself unknown", () => {
  expect(stdoutAfter({ create: "a", update: "u", connection: secret({ host: "h" }) })).toBe("out");
  expect(stdoutAfter({ create: "a", stdin: unknown, connection: secret({ host: "h" }) })).toBe(unknown);
});
