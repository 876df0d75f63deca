import { EventEmitter } from "node:events";
import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { HoldfastError } from "../contract/errors.ts";
import { clearly, inWords, wordsForHandlers } from "./clearly.ts";
import { FaultsError } from "./config/faults.ts";

const keep = () => ({ path: "/log" });

test("what an operator can set right keeps its own words", async () => {
  const ours = new HoldfastError("HF_CONFIG_INVALID", "So.", { next: "Do." });
  const failed = await clearly(() => Promise.reject(ours)).catch((error: unknown) => error);
  expect(pulumi.RunError.isInstance(failed)).toBe(true);
  expect((failed as Error).message).toBe("So.\n  next: Do.\n  (HF_CONFIG_INVALID, see docs/errors.md)");
  const faults = new FaultsError("the hosts", [{ code: "HF_HOST_UNFIT", message: "One", next: "Two." }]);
  expect(inWords(faults, keep).message).toMatch(/^One fault in the hosts; no host was changed\.\n {2}\* One\./);
});

test("what nobody foresaw has a code and a log, and no stack", () => {
  const { message } = inWords(new TypeError("x is undefined"), keep);
  expect(message).toMatch(
    /^The Pulumi program met something unforeseen: a fault in holdfast itself \(TypeError\)\. The cause is in \/log\./,
  );
  expect(message).toContain("HF_UNFORESEEN");
  expect(message).not.toMatch(/^\s+at /m);
});

test("in a callback that nobody waits for, too; told once, as Pulumi tells it; Pulumi's own stay", () => {
  const emitter = new EventEmitter();
  const seen: unknown[] = [];
  emitter.on("unhandledRejection", (error: unknown) => seen.push(error));
  wordsForHandlers(emitter);
  const once = new FaultsError("the hosts", []);
  const own = new pulumi.ResourceError("its own", undefined);
  for (const error of [once, once, own]) emitter.emit("unhandledRejection", error);
  expect(seen[0]).toBe(seen[1]);
  expect(pulumi.RunError.isInstance(seen[0])).toBe(true);
  expect(seen[2]).toBe(own);
});
