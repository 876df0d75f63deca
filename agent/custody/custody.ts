/**
 * The validator key's way on this host: sealed at rest as a systemd credential, in clear only in our
 * memory, and, while this host holds the lease, in one file on a tmpfs that neard may read.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { keyFileJson, parseValidatorKey, type ValidatorKey } from "../../contract/near-key.ts";
import { credentials } from "../../contract/paths.ts";
import { type Sealer, sealerFrom } from "../lease/seal.ts";
import { type KeyPlace, keyPlace, type PlaceFault } from "./key-place.ts";

/** What the agent can do with the account's keys: one, or two while it is being changed. */
export interface Custody {
  /** `validatorKey` could be unsealed, and is the right one. */
  readonly available: boolean;
  /** The same of `nextValidatorKey`; false where there is none. */
  readonly nextAvailable: boolean;
  /** Why one of them could not; null when all could. */
  readonly fault: string | null;
  /** What those who have a key can do, and nobody else; see agent/lease/seal.ts. */
  readonly sealer: Sealer;
  /**
   * Puts the key with this public half where neard finds it, in the place of whatever is there.
   * @throws Error when it is none of those that could be unsealed, or when its place is not as it must be.
   */
  write(publicKey: string): void;
  erase(): void;
  /** True also where that cannot be told. */
  filePresent(): boolean;
  /** What keeps a key from being put in its place; null: nothing. See key-place.ts. */
  placeFault(): PlaceFault | null;
  /** The same, after what a running agent can mend was mended; for a host without a lease. */
  mendPlace(): PlaceFault | null;
}

/**
 * Unseals the keys once, at start: systemd has decrypted it into the unit's own credentials directory.
 * A key that is missing or wrong makes this host unready, it does not stop the agent.
 */
export function openCustody(options: {
  credentialsDirectory: string | undefined;
  account: string;
  publicKey: string;
  /** Null: the account's key is not being changed. */
  nextPublicKey: string | null;
  /** The lock's key in Consul. */
  lockKey: string;
  keyFile: string;
  uid: number;
  gid: number;
  /** Default: the directory of `keyFile`. */
  place?: KeyPlace;
}): Custody {
  const { keyFile, uid, gid, nextPublicKey } = options;
  const place = options.place ?? keyPlace(dirname(keyFile), gid);
  const own = unseal(options, credentials.validatorKey, options.publicKey);
  const next =
    nextPublicKey === null ? { key: null, fault: null } : unseal(options, credentials.nextValidatorKey, nextPublicKey);
  const faults = [own.fault, next.fault === null ? null : `the next one: ${next.fault}`].filter((one) => one !== null);
  const keys = [own.key, next.key].filter((key) => key !== null);
  return {
    available: own.key !== null,
    nextAvailable: next.key !== null,
    fault: faults.length === 0 ? null : faults.join("; "),
    sealer: sealerFrom(keys, options.lockKey),
    write: (publicKey) => {
      const key = [own.key, next.key].find((one) => one?.publicKey === publicKey);
      if (key == null) throw new Error(`the validator key ${publicKey} is not here: ${faults.join("; ")}`);
      const fault = place.fault();
      if (fault !== null) throw new Error(fault.because);
      writeKey(keyFile, keyFileJson(key), uid, gid);
    },
    erase: () => eraseKeyFile(keyFile),
    filePresent: () => mayBeThere(keyFile),
    placeFault: () => place.fault(),
    mendPlace: () => place.mend(),
  };
}

function unseal(
  options: { credentialsDirectory: string | undefined; account: string },
  credential: string,
  publicKey: string,
): { key: ValidatorKey | null; fault: string | null } {
  if (options.credentialsDirectory === undefined) return { key: null, fault: "the unit has no credentials" };
  try {
    const json = readFileSync(join(options.credentialsDirectory, credential), "utf8");
    const key = parseValidatorKey(json, options.account);
    if (key.publicKey !== publicKey)
      return { key: null, fault: `the sealed key is ${key.publicKey}, wanted is ${publicKey}` };
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
  if (mayBeThere(keyFile)) throw new Error(`${keyFile} could not be erased`);
}

/** False only where there surely is nothing: whatever cannot be looked at may be a key. */
export function mayBeThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return !["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
  }
}

const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Whole or not at all: neard may read at any moment. 0400, so that only neard's user can. Into a file of our own making:
 * what somebody left in its place might lead elsewhere.
 */
function writeKey(file: string, text: string, uid: number, gid: number): void {
  rmSync(temporary(file), { force: true });
  const fd = openSync(temporary(file), newFile, 0o400);
  try {
    fchmodSync(fd, 0o400);
    fchownSync(fd, uid, gid);
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary(file), file);
}
