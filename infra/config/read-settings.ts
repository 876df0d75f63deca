/**
 * Configuration as Pulumi hands it over → settings, or every fault in it.
 *
 * Awkward case: Pulumi gives each top-level value as text, objects as JSON. A validator key is JSON too,
 * but a text to us: it goes to the host as it is.
 */
import * as z from "zod";
import { setNextValidatorKey, setValidatorKey } from "../../contract/near-key.ts";
import type { Fault } from "./faults.ts";
import { issueWords } from "./issue-words.ts";
import { nearestName } from "./nearest-name.ts";
import { type Settings, settingsSchema } from "./schema.ts";
import type { IsSecret } from "./secret-checks.ts";
import { shown, shownText } from "./shown.ts";

const namespace = "holdfast";
const plainText = new Set(["network", "validatorKey", "nextValidatorKey"]);
/** How each secret is set; never shown. */
const secretPaths = new Map([
  ["validatorKey", setValidatorKey],
  ["nextValidatorKey", setNextValidatorKey],
  ["ssh.privateKey", "pulumi config set --secret --path holdfast:ssh.privateKey < KEYFILE"],
  ["hcloud.token", "pulumi config set --secret --path holdfast:hcloud.token < TOKENFILE"],
]);
/** How to set the secret that belongs at `path` or below it: there somebody may have put the secret itself. */
const howToSetSecret = (path: readonly PropertyKey[]): string | undefined =>
  [...secretPaths].find(([secret]) => `${secret}.`.startsWith(`${path.join(".")}.`))?.[1];
const described = "Correct it in Pulumi.<stack>.yaml; docs/configuration.md describes every setting.";

export type SettingName = keyof Settings;

export interface ReadSettings {
  /** null when anything has a fault. */
  readonly settings: Settings | null;
  /** Those of the top level that are sound by themselves: what depends on several is checked as far as they go. */
  readonly sound: Partial<Settings>;
  /** The others. */
  readonly broken: ReadonlySet<SettingName>;
  readonly faults: readonly Fault[];
}

/**
 * @param config all of the stack's configuration: `<namespace>:<name>` to text.
 * @param isSecret what the stack keeps encrypted is never shown, also where it stands in a wrong place
 */
export function readSettings(config: Readonly<Record<string, string>>, isSecret: IsSecret = () => false): ReadSettings {
  const values = Object.entries(config).flatMap(([key, text]): [string, unknown][] => {
    if (!key.startsWith(`${namespace}:`)) return [];
    const name = key.slice(namespace.length + 1);
    return [[name, plainText.has(name) ? text : parseValue(text)]];
  });
  // A missing key is no matter of shape: what is amiss with keys is told by secret-checks.ts.
  return check(Object.fromEntries([["validatorKey", ""], ...values]), isSecret);
}

function check(given: Record<string, unknown>, isSecret: IsSecret): ReadSettings {
  try {
    const parsed = settingsSchema.safeParse(given);
    if (parsed.success) return { settings: parsed.data, sound: parsed.data, broken: new Set(), faults: [] };
    const { issues } = parsed.error;
    const names = Object.keys(settingsSchema.shape) as SettingName[];
    const broken = new Set(names.filter((name) => issues.some(({ path }) => path[0] === name)));
    const sound = Object.fromEntries(
      names
        .filter((name) => !broken.has(name))
        .map((name) => [name, settingsSchema.shape[name].parse(given[name])])
        .filter(([, value]) => value !== undefined),
    );
    return { settings: null, sound, broken, faults: issues.flatMap((issue) => faultsOf(issue, given, isSecret)) };
  } catch (error) {
    // A value within a value, ten thousand times: no schema gets to its end.
    if (!(error instanceof RangeError)) throw error;
    const broken = new Set(Object.keys(settingsSchema.shape) as SettingName[]);
    const message = `a setting under ${namespace}: is nested too deeply to be read`;
    return { settings: null, sound: {}, broken, faults: [{ code: "HF_CONFIG_INVALID", message, next: described }] };
  }
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function faultsOf(issue: z.core.$ZodIssue, given: unknown, isSecret: IsSecret): Fault[] {
  const setting = settingName(issue.path, given);
  const fault = (message: string, next = described): Fault => ({ code: "HF_CONFIG_INVALID", message, next });
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => {
      const unfolded = issue.path.length === 0 ? setWithoutPath(key) : undefined;
      if (unfolded !== undefined) return unfolded;
      const names = knownNames(settingsSchema, issue.path);
      const meant = nearestName(key, names);
      const wrong = settingName([...issue.path, key], given);
      return meant === undefined
        ? fault(`${wrong} is not a setting`, `Remove it; there are: ${names.join(", ")}.`)
        : fault(`${wrong} is not a setting`, `Did you mean ${meant}?`);
    });
  const value = valueAt(given, issue.path);
  const toSet = howToSetSecret(issue.path);
  if (value === undefined)
    return [fault(`${setting} is missing`, toSet === undefined ? described : `Set it with ${toSet}`)];
  // A name with nothing behind it comes from Pulumi as an empty text.
  if (value === null || value === "") return [fault(`${setting} is empty`)];
  const text = toSet !== undefined || isSecret(String(issue.path[0])) ? undefined : shown(value);
  const meant = issue.code === "invalid_value" ? nearestName(String(value), issue.values.map(String)) : undefined;
  const next =
    meant !== undefined ? `Did you mean ${meant}?` : toSet !== undefined ? `Set it with ${toSet}` : described;
  return [fault(`${setting}: ${issueWords(issue)}${text === undefined ? "" : ` (it is ${text})`}`, next)];
}

/** `pulumi config set ssh.privateKey` without `--path` makes a setting of its own, which has a dot in its name. */
function setWithoutPath(key: string): Fault | undefined {
  const path = key.split(/[.[\]"]+/).filter((step) => step !== "");
  const name = path.at(-1);
  if (path.length < 2 || name === undefined || !knownNames(settingsSchema, path.slice(0, -1)).includes(name))
    return undefined;
  const whole = `${namespace}:${shownText(key)}`;
  const toSet = secretPaths.get(path.join(".")) ?? `pulumi config set --path '${whole}' VALUE`;
  return {
    code: "HF_CONFIG_INVALID",
    message: `${whole} was set without --path, so it is not part of ${namespace}:${path[0]}`,
    next: `Remove it with pulumi config rm '${whole}', and set it with ${toSet}`,
  };
}

/** `holdfast:hosts[1].address of host b`. */
function settingName(path: readonly PropertyKey[], given: unknown): string {
  const steps = path.map((key, depth) =>
    typeof key === "number" ? `[${key}]` : `${depth === 0 ? "" : "."}${shownText(String(key))}`,
  );
  const name = path[0] === "hosts" ? valueAt(given, [...path.slice(0, 2), "name"]) : undefined;
  return `${namespace}:${steps.join("")}${typeof name === "string" && path.length > 2 ? ` of host ${shownText(name)}` : ""}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );
}

/** The names that may stand at `path`. */
function knownNames(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const inner = unwrap(schema);
  const [key, ...rest] = path;
  if (inner instanceof z.ZodArray) return knownNames(inner.element, rest);
  if (!(inner instanceof z.ZodObject)) return [];
  if (key === undefined) return Object.keys(inner.shape);
  const next = Object.hasOwn(inner.shape, String(key)) ? inner.shape[String(key)] : undefined;
  return next === undefined ? [] : knownNames(next, rest);
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? unwrap(schema.def.innerType)
    : schema;
}
