import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { generateValidatorKey, keyFileJson, type ValidatorKey } from "../../contract/near-key.ts";
import { credentials } from "../../contract/paths.ts";
import { mayBeThere, openCustody } from "./custody.ts";
import type { KeyPlace } from "./key-place.ts";

const account = "validator.localnet";
const [old, next] = [generateValidatorKey(account), generateValidatorKey(account)];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-custody-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const keyFile = () => join(folder, "validator_key.json");

const sound = { fault: () => null, mend: () => null };

function custody(
  sealed: Record<string, ValidatorKey | string>,
  nextPublicKey: string | null = next.publicKey,
  place: KeyPlace = sound,
) {
  for (const [name, key] of Object.entries(sealed))
    writeFileSync(join(folder, name), typeof key === "string" ? key : keyFileJson(key));
  return openCustody({
    credentialsDirectory: folder,
    account,
    publicKey: old.publicKey,
    nextPublicKey,
    lockKey: "holdfast/localnet/validator.localnet/lock",
    keyFile: keyFile(),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    place,
  });
}

const written = () => JSON.parse(readFileSync(keyFile(), "utf8")).public_key;

test("the key that is asked for takes the place of the one that is there, for neard's user alone", () => {
  const both = custody({ [credentials.validatorKey]: old, [credentials.nextValidatorKey]: next });
  expect(both).toMatchObject({ available: true, nextAvailable: true, fault: null });
  both.write(old.publicKey);
  expect(written()).toBe(old.publicKey);
  both.write(next.publicKey);
  expect(written()).toBe(next.publicKey);
  expect(statSync(keyFile()).mode & 0o777).toBe(0o400);
  both.erase();
  expect(existsSync(keyFile())).toBe(false);
});

test("a key that this host does not have is not written, and nothing else in its place", () => {
  const one = custody({ [credentials.validatorKey]: old }, null);
  expect(one).toMatchObject({ available: true, nextAvailable: false, fault: null });
  expect(() => one.write(next.publicKey)).toThrow(next.publicKey);
  expect(one.filePresent()).toBe(false);
});

test("a next key that cannot be read, or is another one, leaves the first as it is, and is told", () => {
  for (const wrong of ["no json", generateValidatorKey(account)]) {
    const half = custody({ [credentials.validatorKey]: old, [credentials.nextValidatorKey]: wrong });
    expect(half).toMatchObject({ available: true, nextAvailable: false, fault: expect.stringContaining("next") });
    expect(() => half.write(next.publicKey)).toThrow();
  }
});

test("hosts with one key and with both know each other's records, before and after the account's key has changed", () => {
  const record = { host: "host-a", session: "s", epoch: 4, seq: 9 };
  const first = custody({ [credentials.validatorKey]: old }, null).sealer;
  const both = custody({ [credentials.validatorKey]: old, [credentials.nextValidatorKey]: next }).sealer;
  for (const [writer, reader] of [
    [first, both],
    [both, first],
    [both, both],
  ] as const)
    expect(reader.isRight(record, writer.seal(record))).toBe(true);
});

test("a host that could unseal no key cannot tell who wrote a record, and seals none", () => {
  const { sealer } = custody({ [credentials.validatorKey]: "no json" }, null);
  expect(sealer.canTell).toBe(false);
});

test("a key is never written to a place that is not as it must be", () => {
  const because = `${folder} is not on a tmpfs: the key would reach a disk`;
  const fault = () => ({ because, mend: null });
  const one = custody({ [credentials.validatorKey]: old }, null, { fault, mend: fault });
  expect(one.placeFault()).toEqual({ because, mend: null });
  expect(() => one.write(old.publicKey)).toThrow(because);
  expect(one.filePresent()).toBe(false);
});

test("what somebody left where the new file is made leads the key nowhere else", () => {
  const elsewhere = join(folder, "elsewhere");
  symlinkSync(elsewhere, `${keyFile()}.new`);
  custody({ [credentials.validatorKey]: old }).write(old.publicKey);
  expect(existsSync(elsewhere)).toBe(false);
  expect(written()).toBe(old.publicKey);
});

test("a key file counts as there unless it surely is not", () => {
  expect(mayBeThere(keyFile())).toBe(false);
  expect(mayBeThere(join(folder, "none", "at", "all"))).toBe(false);
  writeFileSync(keyFile(), "");
  expect(mayBeThere(keyFile())).toBe(true);
  expect(mayBeThere(join(folder, "x".repeat(300)))).toBe(true);
});
