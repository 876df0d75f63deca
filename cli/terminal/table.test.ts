import { expect, test } from "vitest";
import { createPaint } from "./paint.ts";
import { formatTable } from "./table.ts";

const plain = createPaint(false);

test("columns line up, without trailing blanks", () => {
  const text = formatTable(
    ["host", "because"],
    [
      ["a", "renewed"],
      ["host-b", "waits"],
    ],
    { paint: plain, columns: undefined },
  );
  expect(text).toBe("host    because\na       renewed\nhost-b  waits");
});

test("colours do not count towards the width", () => {
  const paint = createPaint(true);
  const text = formatTable(["host", "because"], [[paint.red("a"), "x"]], { paint, columns: undefined });
  expect(text.split("\n")[1]).toBe(`${paint.red("a")}     x`);
});

test("a long last column wraps by words on a terminal and never on a pipe", () => {
  const sentence = "lock-delay: nine seconds left since host-b lost its session";
  const narrow = formatTable(["host", "because"], [["host-a", sentence]], { paint: plain, columns: 40 });
  expect(narrow.split("\n").every((line) => line.length <= 40)).toBe(true);
  expect(narrow.replace(/\s+/g, " ")).toContain(sentence);
  const piped = formatTable(["host", "because"], [["host-a", sentence]], { paint: plain, columns: undefined });
  expect(piped.split("\n")).toHaveLength(2);
});
