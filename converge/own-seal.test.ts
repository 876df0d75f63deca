import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensureHostSecret, isOwnSeal, readHostSecret, seal, unseal } from "./own-seal.ts";

const here = randomBytes(32);
const key = '{"secret_key":"ed25519:ключ"}\n';

describe("a sealed text", () => {
  const sealed = seal(here, "validator-key", key);
  const refused = (secret: Buffer, name: string, text: string) =>
    expect(() => unseal(secret, name, text)).toThrow(`The credential ${name} was not sealed by this host`);

  test("comes back whole, the empty one too", () => {
    expect(unseal(here, "validator-key", sealed)).toBe(key);
    expect(unseal(here, "empty", seal(here, "empty", ""))).toBe("");
  });
  test("does not show what is in it, and is another one each time", () => {
    const bytes = Buffer.from(sealed.split("\n")[1] as string, "base64").toString("latin1");
    expect(`${sealed}${bytes}`).not.toContain("ed25519");
    expect(seal(here, "validator-key", key)).not.toBe(sealed);
  });
  test("is of no use on another host", () => refused(randomBytes(32), "validator-key", sealed));
  test("is of no use under another name", () => refused(here, "consul-token", sealed));
  test("is refused when any of its bytes is another one, or missing", () => {
    const [header, body = ""] = sealed.split("\n");
    const bytes = Buffer.from(body, "base64");
    const text = (changed: Buffer) => `${header}\n${changed.toString("base64")}\n`;
    for (const [position, byte] of bytes.entries()) {
      const changed = Buffer.from(bytes);
      changed[position] = byte ^ 1;
      refused(here, "validator-key", text(changed));
      refused(here, "validator-key", text(bytes.subarray(0, position)));
    }
  });
  test("is told from what systemd-creds made", () => {
    expect(isOwnSeal(sealed)).toBe(true);
    expect(isOwnSeal("k6iUCUh0RJCQyvL8k8q1UyAAAAABAAAADAAAABAAAAC1lFmbWAqWZ8dCCQkAAAAAgAAAA\n")).toBe(false);
  });
});

describe("the host's secret", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "holdfast-secret-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test("is made once, for its owner alone", async () => {
    const path = join(directory, "secret");
    const made = await ensureHostSecret(path);
    expect(made).toHaveLength(32);
    expect((await stat(path)).mode & 0o7777).toBe(0o400);
    expect(await ensureHostSecret(path)).toEqual(made);
    expect(await readHostSecret(path)).toEqual(made);
  });
  test("is used neither if others can read it, nor if it is cut off, nor if it is missing", async () => {
    const path = join(directory, "secret");
    await expect(readHostSecret(path)).rejects.toThrow("is not there");
    await writeFile(path, here.subarray(1), { mode: 0o400 });
    await expect(ensureHostSecret(path)).rejects.toThrow("is not a file of 32 bytes");
    await rm(path);
    await writeFile(path, here);
    await chmod(path, 0o440);
    await expect(ensureHostSecret(path)).rejects.toThrow("is not for root alone");
  });
});
