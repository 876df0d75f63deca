import { describe, expect, test } from "vitest";
import { Output, quote, quoteCommand, withoutFinalNewline } from "./output.ts";

function collect(logging: string | undefined, ...chunks: ["stdout" | "stderr", string | Buffer][]) {
  const lines: string[] = [];
  const output = new Output(logging, (line) => lines.push(line));
  for (const [stream, chunk] of chunks) output.add(stream, Buffer.from(chunk as string));
  output.end();
  return { output, lines };
}

describe("lines", () => {
  test("both streams share one line buffer, and the last line needs no newline", () => {
    expect(collect(undefined, ["stdout", "A"], ["stderr", "B"], ["stdout", "C\n\nlast"]).lines).toEqual([
      "ABC",
      "",
      "last",
    ]);
  });
  test("a character that comes in two pieces stays whole, and a carriage return at the end goes", () => {
    const [first, second] = [Buffer.from([0xc3]), Buffer.from([0xa4, 0x0d, 0x0a])];
    expect(collect(undefined, ["stdout", first], ["stdout", second]).lines).toEqual(["ä"]);
  });
  test.each([
    ["stdout", ["out"]],
    ["stderr", ["err"]],
    ["stdoutAndStderr", ["out", "err"]],
    ["none", []],
    ["anything else", []],
  ])("logging %s", (logging, expected) => {
    const { lines, output } = collect(logging, ["stdout", "out\n"], ["stderr", "err\n"]);
    expect(lines).toEqual(expected);
    expect(output.both()).toBe("out\nerr\n");
  });
});

test("exactly one final newline goes", () => {
  expect(["a\n\n", "a\r\n", "\n", " a "].map(withoutFinalNewline)).toEqual(["a\n", "a\r", "", " a "]);
});

test("output that is not UTF-8 cannot be a result", () => {
  expect(() => collect("none", ["stdout", Buffer.from([0xff])]).output.results()).toThrow("invalid UTF-8");
  expect(collect("none", ["stdout", "\ufeffä\0\n"]).output.results().stdout).toBe("\ufeffä\0");
});

test("a text is quoted as Go does it", () => {
  expect(quote('say "a\\b"\n\tä\x07\x01\x7f')).toBe('"say \\"a\\\\b\\"\\n\\tä\\a\\x01\\x7f"');
});

test("a long command is named by its first line", () => {
  expect(quoteCommand("true\nfalse")).toBe('"true\\nfalse"');
  expect(quoteCommand(`holdfastd apply 3<<EOF\n${"x".repeat(5000)}`)).toBe(
    '"holdfastd apply 3<<EOF" and 5001 more characters',
  );
  expect(quoteCommand("y".repeat(1000))).toBe(`"${"y".repeat(300)}" and 700 more characters`);
});
