import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { Interrupted, tell } from "./entry.ts";
import { HoldfastError } from "./errors.ts";
import { causeText, keepInLog, withoutSecrets } from "./unforeseen.ts";

/** Errors as they really come. */
async function failureOf(attempt: () => unknown): Promise<unknown> {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

const secretHalf = `ed25519:${"3".repeat(87)}`;
const kinds: [string, () => unknown, RegExp][] = [
  ["ZodError", () => z.object({ a: z.string() }).parse({ a: 1 }), /another form than expected \(a: Invalid input/],
  ["TypeError", () => (undefined as unknown as { a: string }).a, /a fault in holdfast itself \(TypeError\)/],
  ["RangeError", () => new Array(-1), /a fault in holdfast itself \(RangeError\)/],
  ["ECONNREFUSED", () => new Promise((_, no) => connect(1, "127.0.0.1").once("error", no)), /nothing listens there/],
  ["ENOENT", () => readFileSync("/none/such"), /\/none\/such: there is no such file or directory \(ENOENT\)/],
  ["EACCES", () => Promise.reject(errno("EACCES", "/etc/x")), /\/etc\/x: permission denied \(EACCES\)/],
  ["ENOSPC", () => Promise.reject(errno("ENOSPC")), /the disk is full \(ENOSPC\)/],
  ["JSON", () => JSON.parse(`{"secret_key":"${secretHalf}"`), /a text that should be JSON is none/],
  ["fetch", () => fetch("https://127.0.0.1:2"), /nothing listens there/],
  ["a library's long message", () => Promise.reject(new Error(`one\n    at two (x.ts:1:1)`)), /unforeseen: one\./],
  ["no error at all", () => Promise.reject("words"), /unforeseen: words\./],
  ["nothing", () => Promise.reject(undefined), /unforeseen: undefined\./],
];

function errno(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: whatever`), { code, ...(path === undefined ? {} : { path }) });
}

describe("whatever is unforeseen has a code, what, where, next, and its cause in a log", () => {
  test.each(kinds)("%s", async (_, attempt, what) => {
    const error = await failureOf(attempt);
    let log = "";
    let said = "";
    const code = tell("holdfast status", error, {
      keep: (text) => {
        log = text;
        return { path: "/log" };
      },
      print: (text) => {
        said = text;
      },
    });
    expect(code).toBe(1);
    const [first, ...others] = said.split("\n");
    expect(first).toMatch(what);
    expect(first).toMatch(/^holdfast status met something unforeseen: .*\. The cause is in \/log\.$/);
    expect(others).toEqual([
      expect.stringMatching(/^ {2}next: .*\/log.*holdfast status/),
      "  (HF_UNFORESEEN, see docs/errors.md)",
    ]);
    expect(said).not.toMatch(/^\s+at /m);
    expect(said + log).not.toContain(secretHalf);
    if (error instanceof Error) expect(log).toContain(error.name);
  });

  test("the log has the stack and the chain of causes", () => {
    const text = causeText("apply", new Error("outer", { cause: new TypeError("inner") }));
    expect(text).toMatch(/outer[\s\S]*at [\s\S]*inner[\s\S]*at /);
  });
});

describe("what is foreseen is told as ever", () => {
  const told = (error: unknown, name = "lab") => {
    const lines: string[] = [];
    const keep = () => expect.unreachable("no log for this");
    return [tell(name, error, { keep, print: (text) => lines.push(text) }), ...lines];
  };
  test.each<[string, unknown, unknown[]]>([
    ["ours", new HoldfastError("HF_LAB", "So."), [1, "So.\n  (HF_LAB, see docs/errors.md)"]],
    ["wrong use", new HoldfastError("HF_USAGE", "So."), [2, "So.\n  (HF_USAGE, see docs/errors.md)"]],
    ["commander's, told already", { code: "commander.unknownOption", exitCode: 1 }, [2]],
    ["commander's help", { code: "commander.helpDisplayed", exitCode: 0 }, [0]],
    ["an interruption", new Interrupted("interrupted by SIGINT"), [130, "interrupted by SIGINT"]],
  ])("%s", (_, error, expected) => expect(told(error)).toEqual(expected));

  test("a malformed option", async () => {
    const { parseArgs } = await import("node:util");
    const error = await failureOf(() => parseArgs({ args: ["--wrong"] }));
    expect(told(error, "npm run toolchain --")).toEqual([
      2,
      expect.stringMatching(/--wrong[\s\S]*toolchain -- --help/),
    ]);
  });

  test("after Ctrl-C everything fails because of that", () => {
    const interrupted = AbortSignal.abort(new Interrupted("interrupted by SIGINT"));
    expect(tell("bench", new Error("cut off"), { interrupted, print: () => {} })).toBe(130);
  });
});

test("secrets are known by their form", () => {
  const pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----";
  const uuid = "0f6f1c1e-6a49-4e0a-9d58-5a1c8f2e7b11";
  const text = withoutSecrets(`${secretHalf} ${pem} ${uuid} passphrase: "so" X-Consul-Token=${uuid} fine`);
  expect(text).not.toMatch(/3{20}|abc|0f6f|"so"/);
  expect(text).toContain("fine");
  const publicKey = "ed25519:8xXJmVx5bP3yDqtG3cbbcFTTqMPVMVnXzHvJQHwhGBZP";
  expect(withoutSecrets(publicKey)).toBe(publicKey);
});

describe("the log", () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "holdfast-unforeseen-"));
    return () => vi.unstubAllEnvs();
  });
  afterEach(() => rmSync(home, { recursive: true }));

  test("is for its owner alone, and grows to a bound", () => {
    vi.stubEnv("XDG_CACHE_HOME", home);
    const kept = keepInLog("one\n");
    if (!("path" in kept)) return expect.unreachable(kept.because);
    expect(statSync(kept.path).mode & 0o777).toBe(0o600);
    keepInLog("two\n");
    expect(readFileSync(kept.path, "utf8")).toBe("one\ntwo\n");
    writeFileSync(kept.path, "x".repeat((1 << 20) + 1));
    keepInLog("three\n");
    expect(readFileSync(kept.path, "utf8")).toBe("three\n");
    expect(statSync(`${kept.path}.old`).size).toBeGreaterThan(1 << 20);
  });

  test("goes elsewhere where it cannot be; and where it can be nowhere, that is said instead", () => {
    writeFileSync(join(home, "file"), "");
    vi.stubEnv("XDG_CACHE_HOME", join(home, "file"));
    vi.stubEnv("TMPDIR", home);
    expect(keepInLog("text")).toEqual({ path: expect.stringMatching(/\/holdfast-\w+\/unforeseen\.log$/) });
    vi.stubEnv("TMPDIR", join(home, "file"));
    const kept = keepInLog("text");
    expect(kept).toEqual({ because: expect.stringContaining("ENOTDIR") });
    let said = "";
    const print = (text: string) => {
      said = text;
    };
    tell("lab", new TypeError("x"), { keep: () => kept, print });
    expect(said).toMatch(/No log could be written \(.*ENOTDIR.*\); it came from \S+unforeseen\.test\.ts:\d+\./);
  });
});
