import { expect, test } from "vitest";
import { ours } from "./fixtures.ts";
import { fromNeardSchema, lineReader, signingKey, signText, verifyingKey, verifyText } from "./wire.ts";

test("a signature by a NEAR key holds for its text alone", () => {
  const signature = signText(signingKey(ours.secretKey), "one");
  expect(verifyText(verifyingKey(ours.publicKey), "one", signature)).toBe(true);
  expect(verifyText(verifyingKey(ours.publicKey), "two", signature)).toBe(false);
});

test("lines come whole, however the stream is cut", () => {
  const lines: string[] = [];
  const read = lineReader((line) => lines.push(line));
  for (const chunk of ["on", "e\ntwo\nth", "ree\n", "rest"]) read(Buffer.from(chunk));
  expect(lines).toEqual(["one", "two", "three"]);
});

test("a line without end is a fault", () => {
  const read = lineReader(() => {}, 10);
  expect(() => read(Buffer.from("x".repeat(11)))).toThrow("longer than 10 bytes");
});

test("a message with a field too many is none of ours", () => {
  expect(fromNeardSchema.safeParse({ type: "gossip", height: 1 }).success).toBe(true);
  expect(fromNeardSchema.safeParse({ type: "gossip", height: 1, more: 1 }).success).toBe(false);
});
