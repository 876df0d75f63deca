import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  scripts: Record<string, string>;
};
const ours = Object.entries(scripts).filter(([, line]) => line.includes(".ts"));

test("there are commands of ours", () => expect(ours.length).toBeGreaterThan(8));

test.each(ours)(
  "npm run %s works in a fresh clone: it first gets the packages, and the Node that is among them",
  (_, line) => expect(line).toMatch(/^sh toolchain\/bootstrap\.sh && node /),
);
