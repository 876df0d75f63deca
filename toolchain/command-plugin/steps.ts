/** What creating, updating and deleting each resource does. The connection libraries are loaded when first needed. */
import { randomBytes } from "node:crypto";
import { readState } from "./check.ts";
import type { CopyInputs } from "./copy.ts";
import { previewOfCreate, previewOfUpdate } from "./preview.ts";
import type { CommandContext, CommandInputs, Results } from "./remote-command.ts";
import { nameOf, type ResourceType, resources } from "./schema.ts";
import { asSource, type Properties, reveal } from "./values.ts";

export interface StepContext extends CommandContext {
  urn: string;
  type: ResourceType;
  /** The step is only foreseen: nothing may be dialled or run. */
  preview: boolean;
  debug: (message: string) => void;
}

export interface Created {
  id: string;
  outputs: Properties;
}

const nothing: Results = { stdout: "", stderr: "" };
const hex8 = (): string => randomBytes(4).toString("hex");

export async function create(inputs: Properties, context: StepContext): Promise<Created> {
  if (context.type === "command:remote:CopyToRemote") {
    if (!context.preview) await copy(inputs, context);
    return { id: context.preview ? "" : hex8(), outputs: inputs };
  }
  const id = `${nameOf(context.urn)}${hex8()}`;
  if (context.preview) return { id, outputs: previewOfCreate(inputs) };
  const plain = reveal(inputs) as CommandInputs;
  const results = plain.create === undefined ? nothing : await run(plain.create, inputs, nothing, context);
  return { id, outputs: { ...inputs, ...results } };
}

export async function update(state: Properties, inputs: Properties, context: StepContext): Promise<Properties> {
  const resource = resources[context.type];
  const before = readState(resource, state);
  if (context.type === "command:remote:CopyToRemote") {
    const changed =
      asSource(before.source)?.hash !== asSource(reveal(inputs.source ?? null))?.hash ||
      before.remotePath !== reveal(inputs.remotePath ?? null);
    if (changed && !context.preview) await copy(inputs, context);
    return inputs;
  }
  if (context.preview) return previewOfUpdate(Object.keys(resource.inputs.fields), state, inputs);
  const plain = reveal(inputs) as CommandInputs;
  const previous = before as Results;
  const command = plain.update ?? plain.create;
  const results = command === undefined ? previous : await run(command, inputs, previous, context);
  return { ...inputs, stdout: results.stdout, stderr: results.stderr };
}

/** Copied files stay where they are. */
export async function remove(state: Properties, context: StepContext): Promise<void> {
  if (context.type === "command:remote:CopyToRemote") return;
  const before = readState(resources[context.type], state);
  const command = (before as CommandInputs).delete;
  if (command !== undefined) await run(command, before, before as Results, context);
}

async function run(command: string, inputs: Properties, previous: Results, context: StepContext): Promise<Results> {
  const plain = reveal(inputs) as never;
  if (context.type === "command:local:Command") {
    return (await import("./local-command.ts")).runLocal(command, plain, previous, context);
  }
  return (await import("./remote-command.ts")).runRemote(command, plain, previous, context);
}

async function copy(inputs: Properties, context: StepContext): Promise<void> {
  const plain = reveal(inputs) as unknown as CopyInputs;
  const source = asSource(reveal(inputs.source ?? null));
  if (source === undefined) throw new Error("either asset or archive must be set");
  const from = source.text === undefined ? `local file ${source.path}` : "text asset";
  context.debug(`Creating file: ${plain.connection.host}:${plain.remotePath} from ${from}`);
  await (await import("./copy.ts")).copyToRemote({ ...plain, source }, context);
}
