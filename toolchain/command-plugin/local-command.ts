/** `command:local:Command`: one command on this machine. */
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { reasonOf } from "./credentials.ts";
import { Output } from "./output.ts";
import {
  type CommandContext,
  type CommandInputs,
  commandError,
  previousOutput,
  type Results,
} from "./remote-command.ts";

export interface LocalInputs extends CommandInputs {
  dir?: string;
  interpreter?: string[];
}

export async function runLocal(
  command: string,
  inputs: LocalInputs,
  previous: Results,
  context: CommandContext,
): Promise<Results> {
  const output = new Output(inputs.logging, context.note);
  try {
    await run(command, inputs, previous, output, context.signal);
  } catch (error) {
    output.end();
    throw commandError(error, command, output);
  }
  output.end();
  return output.results();
}

/** Cancelling kills the program alone; the step then waits until nobody holds its output. */
function run(
  command: string,
  inputs: LocalInputs,
  previous: Results,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const [program = "", ...args] = [...(inputs.interpreter?.length ? inputs.interpreter : ["/bin/sh", "-c"]), command];
  const cwd = inputs.dir ?? process.cwd();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...inputs.environment, ...Object.fromEntries(previousOutput(inputs, previous)) },
      stdio: "pipe",
    });
    const kill = (): boolean => child.kill("SIGKILL");
    signal.addEventListener("abort", kill);
    if (signal.aborted) kill();
    child.stdout.on("data", (chunk: Buffer) => output.add("stdout", chunk));
    child.stderr.on("data", (chunk: Buffer) => output.add("stderr", chunk));
    child.stdin.on("error", () => {}); // the command may end without reading all of its stdin
    child.stdin.end(inputs.stdin ?? "");
    child.once("error", (error: NodeJS.ErrnoException) => {
      signal.removeEventListener("abort", kill);
      reject(new Error(describeStart(program, cwd, error), { cause: error }));
    });
    child.once("close", (status, killedBy) => {
      signal.removeEventListener("abort", kill);
      if (status === 0) resolve();
      else
        reject(new Error(killedBy === null ? `exit status ${status}` : `signal: ${signalNames[killedBy] ?? killedBy}`));
    });
  });
}

const signalNames: Partial<Record<NodeJS.Signals, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGABRT: "aborted",
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated",
};

function describeStart(program: string, cwd: string, error: NodeJS.ErrnoException): string {
  const directory = statSync(cwd, { throwIfNoEntry: false });
  if (directory === undefined) return `chdir ${cwd}: no such file or directory`;
  if (!directory.isDirectory()) return `chdir ${cwd}: not a directory`;
  if (!program.includes("/")) return `exec: ${JSON.stringify(program)}: executable file not found in $PATH`;
  return `fork/exec ${program}: ${reasonOf(error)}`;
}
