/** `command:remote:Command`: one command over SSH. */
import { describeError, HoldfastError } from "../../contract/errors.ts";
import { bounded, cutOff } from "./bounded.ts";
import { type Connection, defaultLimits, dial, type StepContext } from "./dial.ts";
import { Output, quoteCommand, type Stream } from "./output.ts";
import { execute, lostWords, type Variable } from "./session.ts";

/** What local and remote commands share, in clear. */
export interface CommandInputs {
  create?: string;
  update?: string;
  delete?: string;
  stdin?: string;
  logging?: string;
  environment?: Record<string, string>;
  addPreviousOutputInEnv?: boolean;
}

export type Results = Record<Stream, string>;

/** The surroundings of a command: lines, and messages that stay after the step. */
export interface CommandContext extends StepContext {
  warn: (message: string) => void;
  fail: (message: string) => void;
}

/** The variables that tell a command what its last run printed; empty output makes none. */
export function previousOutput(inputs: CommandInputs, previous: Results): [name: string, value: string][] {
  if (inputs.addPreviousOutputInEnv === false) return [];
  const all: [string, string][] = [
    ["PULUMI_COMMAND_STDOUT", previous.stdout],
    ["PULUMI_COMMAND_STDERR", previous.stderr],
  ];
  return all.filter(([, value]) => value !== "");
}

/** The error of a command that failed: why, which (by its beginning, if it is long), and all that it printed. */
export function commandError(cause: unknown, command: string, output: Output): Error {
  return new Error(`${(cause as Error).message}: running ${quoteCommand(command)}:\n${output.both()}`, { cause });
}

const refusal = (name: string): string =>
  `Unable to set '${name}'. This only works if your SSH server is configured to accept\n\tthese variables via AcceptEnv. ` +
  "Alternatively, if a Bash-like shell runs the command on the remote host, you could\n\t" +
  "prefix the command itself with the variables in the form 'VAR=value command'";

export async function runRemote(
  command: string,
  inputs: CommandInputs & { connection: Connection },
  previous: Results,
  context: CommandContext,
): Promise<Results> {
  const variables: Variable[] = [
    ...Object.entries(inputs.environment ?? {}).map(([name, value]) => ({ name, value, required: true })),
    ...previousOutput(inputs, previous).map(([name, value]) => ({ name, value, required: false })),
  ];
  const dialled = await dial(inputs.connection, context);
  const output = new Output(inputs.logging, context.note);
  const refused = (variable: Variable): void =>
    (variable.required ? context.fail : context.warn)(refusal(variable.name));
  const { graceMs } = context.limits ?? defaultLimits;
  try {
    await bounded(dialled, inputs.connection, context, graceMs, () =>
      execute(dialled.client, { command, stdin: inputs.stdin ?? "", variables, output, refused }),
    );
  } catch (error) {
    output.end();
    throw remoteError(error as Error, command, output, inputs.connection, context);
  }
  output.end();
  return output.results();
}

function remoteError(
  error: Error,
  command: string,
  output: Output,
  connection: Connection,
  context: CommandContext,
): Error {
  if (error.message.startsWith("could not set environment variable")) return error;
  // Neither is about the command: what it printed last says how far it came.
  if (error instanceof HoldfastError || context.signal.aborted) return withLastWords(error, output);
  const failed = commandError(error, command, output);
  if (error.message === lostWords) failed.message += cutOff(connection, context);
  return failed;
}

const lastLines = 3;

function withLastWords(error: Error, output: Output): Error {
  const lines = output.both().trim().split("\n").slice(-lastLines);
  const words = lines.join("") === "" ? "" : `\nIt said last:\n  ${lines.join("\n  ")}`;
  return new Error(`${describeError(error)}${words}`, { cause: error });
}
