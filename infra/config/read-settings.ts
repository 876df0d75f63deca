/**
 * Configuration as Pulumi hands it over → settings, or every fault in it.
 *
 * Awkward case: Pulumi gives each top-level value as text, objects as JSON. `validatorKey` is JSON too,
 * but a text to us: it goes to the host as it is.
 */
import * as z from "zod";
import type { Fault } from "./faults.ts";
import { nearestName } from "./nearest-name.ts";
import { type Settings, settingsSchema } from "./schema.ts";

const namespace = "holdfast";
const plainText = new Set(["network", "validatorKey"]);
/** How each secret is set; never shown. */
const secretPaths = new Map([
  ["validatorKey", "pulumi config set --secret holdfast:validatorKey < validator_key.json"],
  ["ssh.privateKey", "pulumi config set --secret --path holdfast:ssh.privateKey < KEYFILE"],
]);
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
  const parsed = settingsSchema.safeParse(given);
  if (parsed.success) return { settings: parsed.data, faults: [] };
  for (const issue of parsed.error.issues) faults.push(...faultsOf(issue, given));
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
      const names = knownNames(settingsSchema, issue.path);
      const meant = nearestName(key, names);
      const wrong = settingName([...issue.path, key], given);
      return meant === undefined
        ? fault(`${wrong} is not a setting`, `Remove it; there are: ${names.join(", ")}.`)
        : fault(`${wrong} is not a setting`, `Did you mean ${meant}?`);
    });
  const value = valueAt(given, issue.path);
  const toSet = secretPaths.get(issue.path.join("."));
  if (value === undefined)
    return [fault(`${setting} is missing`, toSet === undefined ? described : `Set it with ${toSet}`)];
  if (value === null) return [fault(`${setting} is empty`)];
  const shown = toSet !== undefined || typeof value === "object" ? "" : ` (it is ${JSON.stringify(value)})`;
  return [fault(`${setting}: ${issue.message.replace(/^Invalid input: /, "")}${shown}`)];
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
