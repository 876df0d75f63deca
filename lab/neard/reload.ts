/**
 * What SIGHUP does to the validator key: nearcore's rules as a pure state machine.
 *
 * Three files count: log_config.json, config.json, and the key file that config.json names. If any is
 * broken the whole reload is rejected and the old signer stays: a node that should have lost its key
 * goes on validating. Absent is not broken: without key file there is no signer.
 */
import { resolve } from "node:path";
import * as z from "zod";
import { parseJsonWithComments } from "../../contract/json-with-comments.ts";
import { parseValidatorKey, type ValidatorKey } from "../../contract/near-key.ts";
import { accountSchema } from "../../contract/topology.ts";
import { type NeardConfig, parseConfig } from "./config.ts";
import type { Level } from "./log.ts";

/** The text of a file, or null when there is none. Throws when it is there but cannot be read. */
export type ReadText = (path: string) => string | null;

/** The key that signs, and the name of its present stay in this process (wire.ts, `tenure`). */
export interface Signer {
  readonly key: ValidatorKey;
  readonly tenure: string;
}

export interface Loaded {
  readonly config: NeardConfig;
  readonly key: ValidatorKey | null;
  readonly keyPath: string;
}

export interface ReloadState {
  readonly signer: Signer | null;
  /** near_config_correct */
  readonly correct: boolean;
  /** near_config_reloads_total: 1 after start. */
  readonly reloads: number;
  /** Dynamic: neard stops at this height. */
  readonly expectedShutdown: number | null;
  /** Why the last reload was rejected; logged every 10 s until one is not. */
  readonly rejectedBecause: string | null;
}

const logConfigSchema = z.looseObject({
  rust_log: z.string().nullish(),
  verbose_module: z.string().nullish(),
  opentelemetry: z.string().nullish(),
});

/**
 * Reads and validates the three files.
 * @throws Error that names every broken one
 */
export function loadHome(read: ReadText, home: string): Loaded {
  const faults: string[] = [];
  const attempt = <T>(name: string, load: () => T): T | undefined => {
    try {
      return load();
    } catch (error) {
      faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  attempt("log_config.json", () => {
    const text = read(resolve(home, "log_config.json"));
    if (text !== null) logConfigSchema.parse(parseJsonWithComments(text));
  });
  const config = attempt("config.json", () => {
    const text = read(resolve(home, "config.json"));
    if (text === null) throw new Error("there is no such file");
    return parseConfig(text);
  });
  const keyPath = resolve(home, config?.validator_key_file ?? "validator_key.json");
  const key = config && attempt(keyPath, () => readKey(read, keyPath));
  if (faults.length > 0 || config === undefined) throw new Error(faults.join("; "));
  return { config, key: key ?? null, keyPath };
}

/** A key file; null when there is none. @throws Error; the message holds no part of the secret */
export function readKey(read: ReadText, path: string): ValidatorKey | null {
  const text = read(path);
  if (text === null) return null;
  const key = parseValidatorKey(JSON.stringify(parseKeyJson(text)));
  accountSchema.parse(key.accountId);
  return key;
}

/** A JSON parser's message quotes the text, and this text is a secret. */
function parseKeyJson(text: string): unknown {
  try {
    return parseJsonWithComments(text);
  } catch {
    throw new Error("is not JSON");
  }
}

/** The state after start. */
export function startState(loaded: Loaded, newTenure: () => string): ReloadState {
  return {
    signer: loaded.key === null ? null : { key: loaded.key, tenure: newTenure() },
    correct: true,
    reloads: 1,
    expectedShutdown: loaded.config.expected_shutdown ?? null,
    rejectedBecause: null,
  };
}

/** A reload that went well: the next state, and what neard logs. */
export function accepted(
  state: ReloadState,
  loaded: Loaded,
  newTenure: () => string,
): { state: ReloadState; log: [Level, string] } {
  const { key, keyPath } = loaded;
  const same =
    key !== null && state.signer?.key.secretKey === key.secretKey && state.signer.key.accountId === key.accountId;
  return {
    state: {
      signer: key === null ? null : { key, tenure: same ? (state.signer as Signer).tenure : newTenure() },
      correct: true,
      reloads: state.reloads + 1,
      expectedShutdown: loaded.config.expected_shutdown ?? null,
      rejectedBecause: null,
    },
    log: ["INFO", key === null ? `no validator key ${keyPath}` : `hot loading validator key ${keyPath}`],
  };
}

/** A reload that was rejected: everything stays but the verdict. */
export function rejected(state: ReloadState, because: string): ReloadState {
  return { ...state, correct: false, rejectedBecause: because };
}

/** Whether loading `loaded` makes nearcore panic: a current validator that tracks all shards. */
export function panicsOnLoad(
  key: ValidatorKey | null,
  tracksAll: boolean,
  validators: readonly string[],
  enforced: boolean,
): boolean {
  return enforced && tracksAll && key !== null && validators.includes(key.accountId);
}
