/**
 * The validator key's way on this host: sealed at rest as a systemd credential, in clear only in our
 * memory, and, while this host holds the lease, in one file on a tmpfs that neard may read.
 */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { keyFileJson, parseValidatorKey, type ValidatorKey } from "../../contract/near-key.ts";
import { credentials } from "../../contract/paths.ts";

/** What the agent can do with the key. */
export interface Custody {
  /** The key could be unsealed, and is the right one. */
  readonly available: boolean;
  /** Why not; null when it could. */
  readonly fault: string | null;
  write(): void;
  erase(): void;
  filePresent(): boolean;
}

/**
 * Unseals the key once, at start: systemd has decrypted it into the unit's own credentials directory.
 * A key that is missing or wrong makes this host unready, it does not stop the agent.
 */
export function openCustody(options: {
  credentialsDirectory: string | undefined;
  account: string;
  publicKey: string;
  keyFile: string;
  uid: number;
  gid: number;
}): Custody {
  const { key, fault } = unseal(options);
  const { keyFile, uid, gid } = options;
  return {
    available: key !== null,
    fault,
    write: () => {
      if (key === null) throw new Error(fault ?? "no validator key");
      writeKey(keyFile, keyFileJson(key), uid, gid);
    },
    erase: () => eraseKeyFile(keyFile),
    filePresent: () => existsSync(keyFile),
  };
}

function unseal(options: { credentialsDirectory: string | undefined; account: string; publicKey: string }): {
  key: ValidatorKey | null;
  fault: string | null;
} {
  if (options.credentialsDirectory === undefined) return { key: null, fault: "the unit has no credentials" };
  try {
    const json = readFileSync(join(options.credentialsDirectory, credentials.validatorKey), "utf8");
    const key = parseValidatorKey(json, options.account);
    if (key.publicKey !== options.publicKey)
      return { key: null, fault: `the sealed key is ${key.publicKey}, wanted is ${options.publicKey}` };
    return { key, fault: null };
  } catch (error) {
    return { key: null, fault: error instanceof Error ? error.message : String(error) };
  }
}

const temporary = (file: string): string => `${file}.new`;

/** The key, and what an interrupted write may have left of it. @throws Error when it is still there. */
export function eraseKeyFile(keyFile: string): void {
  rmSync(keyFile, { force: true });
  rmSync(temporary(keyFile), { force: true });
  if (existsSync(keyFile)) throw new Error(`${keyFile} could not be erased`);
}

/** Whole or not at all: neard may read at any moment. 0400, so that only neard's user can. */
function writeKey(file: string, text: string, uid: number, gid: number): void {
  const fd = openSync(temporary(file), "w", 0o400);
  try {
    fchmodSync(fd, 0o400);
    fchownSync(fd, uid, gid);
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary(file), file);
}
