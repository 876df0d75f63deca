/**
 * Property values as they travel between the engine and a plugin: JSON, in which a few marked objects
 * stand for secrets, assets and archives, and a few reserved strings for values that are not known yet.
 * The marks are fixed by Pulumi's protocol (sdk/go/common/resource/plugin/rpc.go).
 */

export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Properties = { [key: string]: Value };

const mark = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";
const assetMark = "c44067f5952c0a294b673a41bacd8c17";
const archiveMark = "0def7320c3a5731c473e5ecbe6d01bc7";

/** What stands for an unknown string, and for an unknown value of no particular type. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const unknowns: ReadonlySet<string> = new Set([
  unknown,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** An asset (one file or text) or an archive (a folder or a packed file) as `source` may hold it. */
export interface Source {
  kind: "asset" | "archive";
  /** sha256 of the content, computed by the engine. */
  hash: string;
  path?: string;
  text?: string;
}

export function isObject(value: Value | undefined): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSecret(value: Value | undefined): value is Properties {
  return isObject(value) && value[mark] === secretMark;
}

/** True for an object that is not one of the marked ones. */
export function isPlainObject(value: Value | undefined): value is Properties {
  return isObject(value) && !(mark in value);
}

export function isUnknown(value: Value | undefined): boolean {
  if (isSecret(value)) return isUnknown(value.value);
  return typeof value === "string" && unknowns.has(value);
}

/** Marks a value as secret; one that is secret already stays as it is. */
export function secret(value: Value): Value {
  return isSecret(value) ? value : { [mark]: secretMark, value };
}

/** The value without any secret mark, at any depth. */
export function reveal(value: Value): Value {
  if (Array.isArray(value)) return value.map(reveal);
  if (isSecret(value)) return reveal(value.value ?? null);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}

/** The asset or archive that a revealed value is, or undefined. */
export function asSource(value: Value | undefined): Source | undefined {
  if (!isObject(value)) return undefined;
  const kind = value[mark] === assetMark ? "asset" : value[mark] === archiveMark ? "archive" : undefined;
  if (kind === undefined) return undefined;
  const source: Source = { kind, hash: typeof value.hash === "string" ? value.hash : "" };
  if (typeof value.path === "string" && value.path !== "") source.path = value.path;
  if (typeof value.text === "string" && source.path === undefined && !value.uri) source.text = value.text;
  return source;
}

const isAbsent = (value: Value | undefined): boolean => value === undefined || value === null;

/**
 * The engine's equality: null is as good as absent inside an object, assets and archives are equal when
 * their content is, and a secret never equals the same value in clear.
 */
export function equal(a: Value | undefined, b: Value | undefined): boolean {
  if (isAbsent(a) || isAbsent(b)) return isAbsent(a) && isAbsent(b);
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
  }
  if (!isObject(a)) return a === b;
  if (!isObject(b)) return false;
  const source = asSource(a);
  const other = asSource(b);
  if (source !== undefined && other !== undefined && source.hash !== "") {
    return source.kind === other.kind && source.hash === other.hash;
  }
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => equal(a[key], b[key]));
}
