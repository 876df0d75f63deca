import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { asRoot } from "../ssh/as-root.ts";
import { shellWords } from "./shell-words.ts";

test("a shell hands every argument on as it was", () => {
  const argv = ["a b", "$HOME", "it's", "", "*", "x;y", "--n=1", "`id`", "new\nline", "~", "-"];
  const printed = execFileSync("sh", ["-c", `printf '%s\\0' ${shellWords(argv)}`], { encoding: "utf8" });
  expect(printed.split("\0").slice(0, -1)).toEqual(argv);
});

test("plain words stay readable", () => {
  expect(shellWords(["journalctl", "-u", "neard.service"])).toBe("journalctl -u neard.service");
});

test("sudo only where the login is not root", () => {
  expect(asRoot("root", ["id"])).toEqual(["id"]);
  expect(asRoot("debian", ["id"])).toEqual(["sudo", "-n", "--", "id"]);
});
