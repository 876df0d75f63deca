/** `command:remote:Command`: one command over SSH. */
import type { Connection, StepContext } from "./dial.ts";
import { dial } from "./dial.ts";
import { Output, quoteCommand, type Stream } from "./output.ts";
import { execute, type Variable } from "./session.ts";

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
  const { client, close } = await dial(inputs.connection, context);
  const output = new Output(inputs.logging, context.note);
  const refused = (variable: Variable): void =>
    (variable.required ? context.fail : context.warn)(refusal(variable.name));
  try {
    await execute(client, { command, stdin: inputs.stdin ?? "", variables, output, refused });
  } catch (error) {
    output.end();
    throw (error as Error).message.startsWith("could not set environment variable")
      ? error
      : commandError(error, command, output);
  } finally {
    close();
  }
  output.end();
  return output.results();
}
