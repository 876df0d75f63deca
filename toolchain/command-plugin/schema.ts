/**
 * What the plugin's resources look like: one table of fields per type, from which the checks, the diff
 * and the published schema are all made. Names, defaults and secrets are those of the official plugin 1.2.1.
 */

export const pluginName = "command";
export const pluginVersion = "1.2.1";

/** The type of a field; `name` is how the official plugin calls the type in its messages. */
export type FieldType =
  | { kind: "text"; name?: string }
  | { kind: "number" }
  | { kind: "integer" }
  | { kind: "flag" }
  | { kind: "texts" }
  | { kind: "anything" }
  | { kind: "textMap" }
  | { kind: "source" }
  | { kind: "struct"; struct: Struct };

export interface Field {
  type: FieldType;
  required?: true;
  secret?: true;
  default?: string | number;
}

export interface Struct {
  /** As in messages, with its package: `remote.Connection`. */
  name: string;
  fields: Readonly<Record<string, Field>>;
}

export const resourceTypes = [
  "command:remote:Command",
  "command:remote:CopyToRemote",
  "command:local:Command",
] as const;
export type ResourceType = (typeof resourceTypes)[number];

export interface Resource {
  inputs: Struct;
  outputs: Struct;
}

const text: Field = { type: { kind: "text" } };
const requiredText: Field = { type: { kind: "text" }, required: true };
const secretText: Field = { type: { kind: "text" }, secret: true };

const endpoint = {
  user: { type: { kind: "text" }, default: "root" },
  password: secretText,
  host: requiredText,
  port: { type: { kind: "number" }, default: 22 },
  privateKey: secretText,
  privateKeyPassword: secretText,
  agentSocketPath: text,
  dialErrorLimit: { type: { kind: "integer" }, default: 10 },
  perDialTimeout: { type: { kind: "integer" }, default: 15 },
  hostKey: text,
} satisfies Record<string, Field>;

const proxyConnection: Struct = { name: "remote.ProxyConnection", fields: endpoint };
const connectionStruct: Struct = {
  name: "remote.Connection",
  fields: { ...endpoint, proxy: { type: { kind: "struct", struct: proxyConnection } } },
};
const connection: Field = { type: { kind: "struct", struct: connectionStruct }, required: true, secret: true };
const triggers: Field = { type: { kind: "anything" } };

const shared = (logging: string) => ({
  triggers,
  create: text,
  delete: text,
  update: text,
  stdin: text,
  logging: { type: { kind: "text", name: logging } } satisfies Field,
  environment: { type: { kind: "textMap" } } satisfies Field,
  addPreviousOutputInEnv: { type: { kind: "flag" } } satisfies Field,
});
const results = { stdout: requiredText, stderr: requiredText };

const remoteCommand = { ...shared("remote.Logging"), connection };
const localCommand = {
  ...shared("local.Logging"),
  interpreter: { type: { kind: "texts" } } satisfies Field,
  dir: text,
  assetPaths: { type: { kind: "texts" } } satisfies Field,
  archivePaths: { type: { kind: "texts" } } satisfies Field,
};
const copyToRemote = {
  connection,
  triggers,
  source: { type: { kind: "source" }, required: true } satisfies Field,
  remotePath: requiredText,
};

export const resources: Readonly<Record<ResourceType, Resource>> = {
  "command:remote:Command": {
    inputs: { name: "remote.CommandInputs", fields: remoteCommand },
    outputs: { name: "remote.CommandOutputs", fields: { ...remoteCommand, ...results } },
  },
  "command:remote:CopyToRemote": {
    inputs: { name: "remote.CopyToRemoteInputs", fields: copyToRemote },
    outputs: { name: "remote.CopyToRemoteOutputs", fields: copyToRemote },
  },
  "command:local:Command": {
    inputs: { name: "local.CommandInputs", fields: localCommand },
    outputs: { name: "local.CommandOutputs", fields: { ...localCommand, ...results } },
  },
};

/** The resource type in a URN (`urn:pulumi:stack::project::parent$type::name`). */
export function typeOf(urn: string): string {
  return (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";
}

/** The resource name in a URN. A name may itself contain `::`. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

type Json = Record<string, unknown>;

function schemaType(type: FieldType): Json {
  switch (type.kind) {
    case "text":
      return type.name === undefined
        ? { type: "string" }
        : { $ref: `#/types/${pluginName}:${type.name.replace(".", ":")}` };
    case "number":
      return { type: "number" };
    case "integer":
      return { type: "integer" };
    case "flag":
      return { type: "boolean" };
    case "texts":
      return { type: "array", items: { type: "string" } };
    case "anything":
      return { type: "array", items: { $ref: "pulumi.json#/Any" } };
    case "textMap":
      return { type: "object", additionalProperties: { type: "string" } };
    case "source":
      return { $ref: "pulumi.json#/Asset" };
    case "struct":
      return { $ref: `#/types/${pluginName}:${type.struct.name.replace(".", ":")}` };
  }
}

function schemaProperties(struct: Struct): Json {
  return Object.fromEntries(
    Object.entries(struct.fields).map(([name, field]) => [
      name,
      {
        ...schemaType(field.type),
        ...(field.secret === true ? { secret: true } : {}),
        ...(field.default === undefined ? {} : { default: field.default }),
        ...(name === "triggers" ? { replaceOnChanges: true } : {}),
      },
    ]),
  );
}

const requiredOf = (struct: Struct): string[] =>
  Object.entries(struct.fields).flatMap(([name, field]) => (field.required === true ? [name] : []));

/** The package schema as JSON text. */
export function packageSchema(): string {
  const logging = { type: "string", enum: ["stdout", "stderr", "stdoutAndStderr", "none"].map((value) => ({ value })) };
  const struct = (of: Struct): Json => ({ type: "object", properties: schemaProperties(of), required: requiredOf(of) });
  return JSON.stringify({
    name: pluginName,
    version: pluginVersion,
    config: {},
    types: {
      "command:local:Logging": logging,
      "command:remote:Logging": logging,
      "command:remote:Connection": struct(connectionStruct),
      "command:remote:ProxyConnection": struct(proxyConnection),
    },
    resources: Object.fromEntries(
      resourceTypes.map((type) => [
        type,
        {
          properties: schemaProperties(resources[type].outputs),
          required: requiredOf(resources[type].outputs),
          inputProperties: schemaProperties(resources[type].inputs),
          requiredInputs: requiredOf(resources[type].inputs),
        },
      ]),
    ),
  });
}
