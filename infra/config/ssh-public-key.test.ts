import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bareKey, isWholePublicKey, publicKeyIn } from "./ssh-public-key.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-keys-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function keygen(...options: string[]): { privateKey: string; publicKey: string } {
  const file = join(folder, "key");
  execFileSync("ssh-keygen", ["-q", "-N", "", "-C", "a comment of two", "-f", file, ...options]);
  return { privateKey: readFileSync(file, "utf8"), publicKey: readFileSync(`${file}.pub`, "utf8").trim() };
}

test.each([
  ["ed25519", []],
  ["ecdsa", ["-b", "384"]],
  ["rsa", ["-b", "2048"]],
])("the public half of a key that ssh-keygen made: %s", (type, more) => {
  const { privateKey, publicKey } = keygen("-t", type, ...more);
  expect(isWholePublicKey(publicKey)).toBe(true);
  expect(publicKeyIn(privateKey)).toBe(bareKey(publicKey));
  for (const cut of [1, 40, 90])
    expect(isWholePublicKey(bareKey(publicKey).replace(/=+$/, "").slice(0, -cut))).toBe(false);
});

test("of another form it is not told", () => {
  const { privateKey } = keygen("-t", "rsa", "-b", "2048", "-m", "PEM");
  expect(publicKeyIn(privateKey)).toBeNull();
  expect(publicKeyIn("")).toBeNull();
});

test("of a file that was cut short neither", () => {
  const { privateKey } = keygen("-t", "ed25519");
  const [head = "", ...lines] = privateKey.split("\n");
  const whole = Buffer.from(lines.slice(0, -2).join(""), "base64");
  for (let length = 0; length < 94; length++) {
    const cut = whole.subarray(0, length).toString("base64");
    expect(publicKeyIn(`${head}\n${cut}\n-----END OPENSSH PRIVATE KEY-----\n`)).toBeNull();
  }
});

test.each(["", "ssh-ed25519", "ssh-dss AAAA", "constructor AAAA", "ssh-ed25519 AAAA\nssh-ed25519 AAAA", "a b c"])(
  "%j is no public key",
  (text) => expect(isWholePublicKey(text)).toBe(false),
);
