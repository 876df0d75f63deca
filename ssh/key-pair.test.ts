import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { expect, test } from "vitest";
import { keyPairFrom, makeKeyPair } from "./key-pair.ts";

test("ssh-keygen and the SSH library read it, whatever its bytes and however long its comment", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-key-"));
  try {
    for (let length = 0; length < 9; length++) {
      const pair = makeKeyPair("x".repeat(length));
      const file = join(folder, `key-${length}`);
      writeFileSync(file, pair.privateKey, { mode: 0o600 });
      const [type, base64] = execFileSync("ssh-keygen", ["-y", "-P", "", "-f", file], { encoding: "utf8" }).split(/\s/);
      expect(`${type} ${base64}`).toBe(pair.publicKey);
      const read = ssh2.utils.parseKey(pair.privateKey);
      expect(read).not.toBeInstanceOf(Error);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("of the same bytes it is the same, also where they are zeros, which a library has dropped", () => {
  const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
  const pair = keyPairFrom(seed, Buffer.alloc(32), "", Buffer.alloc(4));
  expect(pair).toEqual(keyPairFrom(seed, Buffer.alloc(32), "", Buffer.alloc(4)));
  expect(Buffer.from(pair.publicKey.split(" ")[1] ?? "", "base64")).toHaveLength(51);
});

test("each is another", () => expect(makeKeyPair("").publicKey).not.toBe(makeKeyPair("").publicKey));
