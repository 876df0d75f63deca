/**
 * Pulumi.<stack>.yaml as it stands in a checkout → what Pulumi would hand to the program, without its secrets. Pure.
 *
 * Nothing is decrypted, and nothing that is encrypted gets further than this file: in its place comes a text of the right
 * form, and a mark of the cipher text, so that one that was set anew can be told.
 * Awkward case: a setting of which only a part is encrypted (`ssh`, a value in `neard.config`): Pulumi counts all of it as
 * secret, and so do we where values are shown.
 */
import { createHash } from "node:crypto";
import { parseDocument } from "yaml";
import { HoldfastError } from "../../contract/errors.ts";
import type { SettingName } from "../config/read-settings.ts";

export interface StackFile {
  /** `holdfast:<name>` to text, as Pulumi gives it. */
  readonly config: Readonly<Record<string, string>>;
  /** The same as data, with each secret as `[secret 1a2b3c4d]`: for comparing and for showing. */
  readonly shown: Readonly<Record<string, unknown>>;
  /** Names of the top-level settings in which something is encrypted. */
  readonly secret: ReadonlySet<string>;
  /** Mark of what stands at the top level encrypted as a whole, by name. */
  readonly sealed: ReadonlyMap<string, string>;
  /** Mark of what the secrets are encrypted with; null: the file does not say. */
  readonly encryption: string | null;
}

const prefix = "holdfast:";
/** Of the right form for a key that cannot be looked at: no cipher, and one public half, of zeros. */
const unseenKey = (() => {
  const part = (text: string | Buffer) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
  const publicHalf = Buffer.concat([part("ssh-ed25519"), part(Buffer.alloc(32))]);
  const one = Buffer.from([0, 0, 0, 1]);
  const bytes = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    part("none"),
    part("none"),
    part(""),
    one,
    part(publicHalf),
  ]);
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`;
})();
/** Likewise for a token of Hetzner Cloud. */
const unseenToken = "0".repeat(64);
/** What stands in for the secrets of a section: whatever else it has of them. */
const unseenIn: Readonly<Record<string, string>> = { ssh: unseenKey, hcloud: unseenToken };
/** Settings of the top level that are secrets as a whole, and so cannot be looked at. */
export const sealedSettings = ["validatorKey", "nextValidatorKey"] as const satisfies readonly SettingName[];

/** @param title what messages call the file. @throws HoldfastError HF_CONFIG_INVALID */
export function readStackFile(text: string, title: string): StackFile {
  const top = parseYaml(text, title);
  const given = Object.entries(isSection(top.config) ? top.config : {}).filter(([key]) => key.startsWith(prefix));
  const named = given.map(([key, value]) => [key.slice(prefix.length), value] as const);
  const encryption = [top.encryptionsalt, top.encryptedkey, top.secretsprovider].filter((one) => one !== undefined);
  return {
    config: Object.fromEntries(
      named.map(([name, value]) => {
        const unseen = (mark: string) => unseenIn[name] ?? shownMark(mark);
        return [prefix + name, asText(replaceSecrets(value, unseen))];
      }),
    ),
    shown: Object.fromEntries(named.map(([name, value]) => [name, replaceSecrets(value, shownMark)])),
    secret: new Set(named.filter(([, value]) => holdsSecret(value)).map(([name]) => name)),
    sealed: new Map(named.flatMap(([name, value]) => (isSecret(value) ? [[name, markOf(value.secure)] as const] : []))),
    encryption: encryption.length === 0 ? null : markOf(JSON.stringify(encryption)),
  };
}

function parseYaml(text: string, title: string): Record<string, unknown> {
  // Strict, with a bound on what its aliases may unfold to.
  const document = parseDocument(text, { prettyErrors: false, strict: true, uniqueKeys: true });
  const [error] = document.errors;
  try {
    if (error !== undefined) throw error;
    const data: unknown = document.toJS({ maxAliasCount: 100 });
    if (isSection(data)) return data;
    if (data === null) return {};
  } catch (cause) {
    const where = error?.linePos?.[0];
    throw new HoldfastError(
      "HF_CONFIG_INVALID",
      `${title} is not YAML${where === undefined ? "" : ` (line ${where.line}, column ${where.col})`}.`,
      { next: "Correct it; pulumi config shows what Pulumi makes of it.", cause },
    );
  }
  throw new HoldfastError("HF_CONFIG_INVALID", `${title} is no stack's file.`, {
    next: "It must be a section with config: in it.",
  });
}

const shownMark = (mark: string) => `[secret ${mark}]`;

type Section = Record<string, unknown>;
const isSection = (value: unknown): value is Section =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isSecret = (value: unknown): value is { secure: string } =>
  isSection(value) && Object.keys(value).length === 1 && typeof value.secure === "string";

function holdsSecret(value: unknown): boolean {
  if (isSecret(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsSecret);
}

function replaceSecrets(value: unknown, by: (mark: string) => string): unknown {
  if (isSecret(value)) return by(markOf(value.secure));
  if (Array.isArray(value)) return value.map((entry) => replaceSecrets(entry, by));
  if (!isSection(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, replaceSecrets(entry, by)]));
}

const asText = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? "null"));

/** Eight digits of the checksum of a cipher text: two are the same only if it is. */
function markOf(cipher: string): string {
  return createHash("sha256").update(cipher).digest("hex").slice(0, 8);
}
