/**
 * Publishes the settings for editors and for people, from the schema itself:
 * `node infra/config/publish-schema.ts` writes docs/holdfast.schema.json and docs/configuration.md.
 */
import { writeFile } from "node:fs/promises";
import * as z from "zod";
import { runEntry } from "../../contract/entry.ts";
import { settingsSchema } from "./schema.ts";

type JsonSchema = z.core.JSONSchema.JSONSchema;

const docs = new URL("../../docs/", import.meta.url);
export const published = {
  schema: new URL("holdfast.schema.json", docs),
  page: new URL("configuration.md", docs),
};

function settings(): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(settingsSchema, { io: "input" });
  return schema as JsonSchema;
}

const encrypted: JsonSchema = {
  type: "object",
  properties: { secure: { type: "string" } },
  required: ["secure"],
  additionalProperties: false,
};

/** A secret stands encrypted in the file. */
function withEncrypted(schema: JsonSchema): JsonSchema {
  const properties = Object.entries(propertiesOf(schema)).map(([name, property]): [string, JsonSchema] => {
    const isSecret = property.description?.startsWith("Secret: ") === true;
    return [name, isSecret ? { ...encrypted, description: property.description ?? "" } : withEncrypted(property)];
  });
  return properties.length === 0 ? schema : { ...schema, properties: Object.fromEntries(properties) };
}

function propertiesOf(schema: JsonSchema): Record<string, JsonSchema> {
  return (schema.properties ?? {}) as Record<string, JsonSchema>;
}

/** JSON schema of a whole Pulumi.<stack>.yaml, as editors want it. */
export function stackFileSchema(): JsonSchema {
  const { required = [], ...rest } = withEncrypted(settings());
  const properties = Object.entries(propertiesOf(rest)).map(([name, property]) => [`holdfast:${name}`, property]);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A stack of holdfast: Pulumi.<stack>.yaml",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(properties),
        required: required.map((name) => `holdfast:${name}`),
      },
    },
  } as JsonSchema;
}

interface Row {
  readonly path: string;
  readonly type: string;
  readonly preset: string;
  readonly description: string;
}

/** Every setting below `schema`, in order; `path` leads to it. */
function rows(schema: JsonSchema, path: string, required: boolean): Row[] {
  const isList = schema.type === "array" && (schema.items as JsonSchema).type === "object";
  const inner = propertiesOf(isList ? (schema.items as JsonSchema) : schema);
  if (Object.keys(inner).length === 0) return [row(schema, path, required)];
  const owner = isList ? (schema.items as JsonSchema) : schema;
  const below = Object.entries(inner).flatMap(([name, property]) =>
    rows(property, `${path}${isList ? "[]" : ""}.${name}`, required && owner.required?.includes(name) === true),
  );
  return below;
}

function row(schema: JsonSchema, path: string, required: boolean): Row {
  const preset =
    schema.default === undefined ? (required ? "**required**" : "") : `\`${JSON.stringify(schema.default)}\``;
  return { path, type: typeName(schema), preset, description: schema.description ?? "" };
}

function typeName(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.type === "array") return `list of ${typeName(schema.items as JsonSchema)}`;
  return schema.type === "integer" ? "number" : String(schema.type);
}

const preamble = `# Settings

<!-- Made by \`node infra/config/publish-schema.ts\`; edit infra/config/schema.ts instead. -->

A stack's settings stand in \`Pulumi.<stack>.yaml\` under \`config:\`, each with \`holdfast:\` before its name. An editor
that knows JSON schema checks and completes them when the file begins with

\`\`\`yaml
# yaml-language-server: $schema=docs/holdfast.schema.json
\`\`\`

The secrets are set on the command line, so that they never stand in the file in clear:

\`\`\`sh
npm run -s pulumi -- config set --secret validatorKey < validator_key.json
npm run -s pulumi -- config set --secret --path ssh.privateKey < ~/.ssh/id_ed25519
npm run -s pulumi -- config set --secret --path hcloud.token < TOKENFILE    # only for hosts at Hetzner Cloud
\`\`\`

Another, \`nextValidatorKey\`, is there only while [the validator's key is changed](operate/rotate-validator-key.md).

\`--path\` is for what is inside a section; without it there would be a setting with a dot in its name, which is refused.

Everything is checked before any host is changed, and all faults of one kind are reported at once. What depends on several settings:
at least three hosts with the role \`consul\` (better an odd number), at least two with \`neard\`, no name or address twice, the
[timing rule](security.md#the-timing-rule), a validator key for the configured account. neard's own \`config.json\` may
get further settings by \`neard.config\`, except those that holdfast owns.
`;

/** docs/configuration.md */
export function configurationPage(): string {
  const all = settings();
  const sections = Object.entries(propertiesOf(all)).map(([name, schema]) => {
    const table = rows(schema, name, all.required?.includes(name) === true).map(
      ({ path, type, preset, description }) =>
        `| \`${path}\` | ${type} | ${preset} | ${description.replaceAll("|", "\\|")} |`,
    );
    return [
      `## ${name}`,
      "",
      ...(schema.description === undefined || table.length === 1 ? [] : [`${schema.description}.`, ""]),
      "| setting | type | default | meaning |",
      "|---|---|---|---|",
      ...table,
    ].join("\n");
  });
  return `${[preamble.trimEnd(), ...sections].join("\n\n")}\n`;
}

if (import.meta.main)
  await runEntry("publish-schema", async () => {
    await writeFile(published.schema, `${JSON.stringify(stackFileSchema(), null, 2)}\n`);
    await writeFile(published.page, configurationPage());
  });
