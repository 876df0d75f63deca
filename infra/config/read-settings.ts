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
import { missingValidatorKey } from "./secret-checks.ts";

const namespace = "holdfast";
const plainText = new Set(["network", "validatorKey", "nextValidatorKey"]);
/** How each secret is set; never shown. */
const secretPaths = new Map([
  ["validatorKey", setValidatorKey],
  ["nextValidatorKey", setNextValidatorKey],
  ["ssh.privateKey", "pulumi config set --secret --path holdfast:ssh.privateKey < KEYFILE"],
]);
/** How to set the secret that belongs at `path` or below it: there somebody may have put the secret itself. */
const howToSetSecret = (path: readonly PropertyKey[]): string | undefined =>
  [...secretPaths].find(([secret]) => `${secret}.`.startsWith(`${path.join(".")}.`))?.[1];
const described = "Correct it in Pulumi.<stack>.yaml; docs/configuration.md describes every setting.";

export type ReadSettings =
  | { readonly settings: Settings; readonly faults: readonly [] }
  | { readonly settings: null; readonly faults: readonly Fault[] };

/** @param config all of the stack's configuration: `<namespace>:<name>` to text. */
export function readSettings(config: Readonly<Record<string, string>>): ReadSettings {
  const faults: Fault[] = [];
  const given: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(config)) {
    if (!key.startsWith(`${namespace}:`)) continue;
    const name = key.slice(namespace.length + 1);
    given[name] = plainText.has(name) ? text : parseValue(text);
  }
  // A missing key is no matter of shape: so it is told together with what else does not fit.
  const parsed = settingsSchema.safeParse({ validatorKey: "", ...given });
  if (parsed.success) return { settings: parsed.data, faults: [] };
  for (const issue of parsed.error.issues) faults.push(...faultsOf(issue, given));
  if (given.validatorKey === undefined) faults.push(missingValidatorKey);
  return { settings: null, faults };
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function faultsOf(issue: z.core.$ZodIssue, given: unknown): Fault[] {
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
  if (value === null) return [fault(`${setting} is empty`)];
  const shown = toSet !== undefined || typeof value === "object" ? "" : ` (it is ${JSON.stringify(value)})`;
  const meant = issue.code === "invalid_value" ? nearestName(String(value), issue.values.map(String)) : undefined;
  const next =
    meant !== undefined ? `Did you mean ${meant}?` : toSet !== undefined ? `Set it with ${toSet}` : described;
  return [fault(`${setting}: ${issueWords(issue)}${shown}`, next)];
}

/** `pulumi config set ssh.privateKey` without `--path` makes a setting of its own, which has a dot in its name. */
function setWithoutPath(key: string): Fault | undefined {
  const path = key.split(/[.[\]"]+/).filter((step) => step !== "");
  const name = path.at(-1);
  if (path.length < 2 || name === undefined || !knownNames(settingsSchema, path.slice(0, -1)).includes(name))
    return undefined;
  const whole = `${namespace}:${key}`;
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
    typeof key === "number" ? `[${key}]` : `${depth === 0 ? "" : "."}${String(key)}`,
  );
  const name = path[0] === "hosts" ? valueAt(given, [...path.slice(0, 2), "name"]) : undefined;
  return `${namespace}:${steps.join("")}${typeof name === "string" && path.length > 2 ? ` of host ${name}` : ""}`;
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
  const next = inner.shape[String(key)];
  return next === undefined ? [] : knownNames(next, rest);
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? unwrap(schema.def.innerType)
    : schema;
}
