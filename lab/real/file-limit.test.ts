import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const wrapper = fileURLToPath(new URL("nofile.pl", import.meta.url));
const isRoot = process.getuid?.() === 0;

const under = (script: string): string[] =>
  execFileSync("perl", [wrapper, "sh", "-c", script], { encoding: "utf8" }).trim().split("\n");

// A filter without no_new_privs takes root.
describe.skipIf(!isRoot || process.platform !== "linux")("behind nofile.pl", () => {
  test("raising the limit of open files succeeds and changes nothing; asking tells the truth", () => {
    const [before, raised, after, hard] = under(
      "ulimit -Sn; ulimit -n 999999999 && echo raised; ulimit -Sn; ulimit -Hn",
    );
    expect(raised).toBe("raised");
    expect(after).toBe(before);
    // All that there is, from the start.
    expect(before).toBe(hard);
  });

  test("other limits are set as ever, and what it starts is under it too", () => {
    expect(under("ulimit -Sc 0; ulimit -Sc")).toEqual(["0"]);
    expect(under("sh -c 'ulimit -n 999999999 && echo raised'")).toEqual(["raised"]);
  });

  test("the program's exit code is the wrapper's", () => {
    expect(() => under("exit 3")).toThrow(expect.objectContaining({ status: 3 }));
  });
});
