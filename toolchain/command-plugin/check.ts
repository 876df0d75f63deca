/**
 * Checks inputs and completes them: every fault at once, in the official plugin's words, defaults put in,
 * connections made secret. Pure. Awkward case: a value that is not known yet has no type, so it passes here
 * and is checked again when it is known.
 */
import { type Field, type FieldType, type Resource, type ResourceType, resources, type Struct } from "./schema.ts";
import {
  asSource,
  isObject,
  isPlainObject,
  isSecret,
  isUnknown,
  type Properties,
  reveal,
  secret,
  type Value,
} from "./values.ts";

export interface Failure {
  property: string;
  reason: string;
}

export interface Checked {
  inputs: Properties;
  failures: Failure[];
}

/** Checks the inputs of one resource. With failures, the inputs come back as they were, connections secret. */
export function checkInputs(type: ResourceType, news: Properties): Checked {
  const resource = resources[type];
  const failures = [...structFailures(resource.inputs, news), ...specialFailures(type, news)];
  const inputs = failures.length > 0 ? { ...news } : completeStruct(resource.inputs, news);
  for (const [name, field] of Object.entries(resource.inputs.fields)) {
    const value = inputs[name];
    if (field.secret === true && value !== undefined) inputs[name] = secret(revealUnlessUnknown(value));
  }
  return { inputs, failures };
}

/**
 * The properties of a resource's state, in clear and known to be complete.
 * Throws in the official plugin's words where they are not (a resource that was imported).
 */
export function readState(resource: Resource, state: Properties): Properties {
  const failures = structFailures(resource.outputs, state);
  if (failures.length > 0) throw new Error(describeFailures(failures));
  return reveal(state) as Properties;
}

/** One secret around the whole is enough: marks inside it go. */
const revealUnlessUnknown = (value: Value): Value => (isUnknown(value) ? value : reveal(value));

function structFailures(struct: Struct, value: Properties): Failure[] {
  const faults: Failure[] = [];
  for (const [key, field] of Object.entries(struct.fields)) {
    const given = value[key] ?? undefined;
    if (given !== undefined) faults.push(...fieldFailures(struct, key, field.type, given));
    else if (field.required === true) {
      faults.push({ property: key, reason: `Missing required field '${key}' on '${struct.name}'` });
    }
  }
  for (const key of Object.keys(value).sort()) {
    if (!(key in struct.fields) && !isAddedByEngine(key)) {
      faults.push({ property: key, reason: `Unrecognized field '${key}' on '${struct.name}'` });
    }
  }
  return faults;
}

const isAddedByEngine = (key: string): boolean => key === "version" || key.startsWith("__");

function fieldFailures(struct: Struct, key: string, type: FieldType, given: Value): Failure[] {
  const value = isSecret(given) ? (given.value ?? null) : given;
  if (value === null || isUnknown(value)) return [];
  const wrong = (property: string, expected: string, actual: Value): Failure => ({
    property,
    reason: `Field '${property}' on '${struct.name}' must be a '${expected}'; got '${goTypeOf(actual)}' instead`,
  });
  const undecodable = (cause: string): Failure => ({
    property: key,
    reason: `An error occurred decoding '${struct.name.split(".")[1]}.${key}': ${cause}`,
  });
  const expected = goTypeName(type);
  switch (type.kind) {
    case "text":
    case "number":
    case "integer":
    case "flag": {
      const matches =
        typeof value === { text: "string", number: "number", integer: "number", flag: "boolean" }[type.kind];
      if (matches) return [];
      return isObject(value)
        ? [undecodable(`Cannot decode Object{} to type ${expected}; it isn't a struct, and no custom decoder exists`)]
        : [wrong(key, expected, value)];
    }
    case "anything":
      return Array.isArray(value) ? [] : [wrong(key, expected, value)];
    case "texts": {
      if (!Array.isArray(value)) return [wrong(key, expected, value)];
      const index = value.findIndex((item) => !isText(item));
      return index < 0 ? [] : [wrong(`${key}[${index}]`, "string", value[index] ?? null)];
    }
    case "textMap": {
      if (!isPlainObject(value)) return [wrong(key, expected, value)];
      const entry = Object.entries(value).find(([, item]) => !isText(item));
      return entry === undefined ? [] : [wrong(`${key}[${entry[0]}] value`, "string", entry[1])];
    }
    case "struct": {
      if (!isPlainObject(value)) return [wrong(key, expected, value)];
      const inner = structFailures(type.struct, value);
      return inner.length === 0 ? [] : [undecodable(describeFailures(inner))];
    }
    case "source":
      return [];
  }
}

const isText = (value: Value): boolean => typeof reveal(value) === "string";

function describeFailures(failures: readonly Failure[]): string {
  const lines = failures.map((failure) => `\n\t${failure.property}: ${failure.reason}`);
  return `${failures.length} failures decoding:${lines.join("")}`;
}

/** The rules that no type can express. */
function specialFailures(type: ResourceType, news: Properties): Failure[] {
  switch (type) {
    case "command:remote:Command":
      return [];
    case "command:local:Command":
      return ["assetPaths", "archivePaths"].flatMap((property) =>
        (news[property] ?? undefined) === undefined
          ? []
          : [{ property, reason: "holdfast's own command plugin does not collect files; install the official plugin" }],
      );
    case "command:remote:CopyToRemote": {
      const source = asSource(reveal(news.source ?? null));
      if (source === undefined) return [{ property: "asset", reason: "either asset or archive must be set" }];
      if (source.kind === "asset" && source.path === undefined && source.text === undefined) {
        return [{ property: "asset", reason: "asset must be a path-based file asset or a text asset" }];
      }
      if (source.kind === "archive" && source.path === undefined) {
        return [{ property: "archive", reason: "archive must be a path to a file or directory" }];
      }
      return [];
    }
  }
}

function completeStruct(struct: Struct, value: Properties): Properties {
  const complete: Properties = {};
  for (const [key, field] of Object.entries(struct.fields)) {
    const given = value[key] ?? field.default;
    if (given !== undefined && given !== null) complete[key] = completeField(field, given);
  }
  return complete;
}

function completeField(field: Field, value: Value): Value {
  if (isUnknown(value)) return value;
  if (isSecret(value)) return secret(completeField(field, value.value ?? null));
  if (field.type.kind === "integer" && typeof value === "number") return Math.trunc(value);
  if (field.type.kind === "struct" && isPlainObject(value)) return completeStruct(field.type.struct, value);
  return value;
}

function goTypeName(type: FieldType): string {
  switch (type.kind) {
    case "text":
      return type.name ?? "string";
    case "number":
      return "float64";
    case "integer":
      return "int";
    case "flag":
      return "bool";
    case "texts":
      return "[]string";
    case "anything":
      return "[]interface {}";
    case "textMap":
      return "map[string]string";
    case "struct":
      return type.struct.name;
    case "source":
      return "types.AssetOrArchive";
  }
}

function goTypeOf(value: Value): string {
  if (Array.isArray(value)) return "[]interface {}";
  const names: Record<string, string> = { string: "string", number: "float64", boolean: "bool" };
  return names[typeof value] ?? "map[string]interface {}";
}
