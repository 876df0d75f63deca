/**
 * Runs a program and waits for its end. No library here, for the agent does without what it can: what counts
 * is one spawn, a bound, and the whole stderr.
 */
import { spawn } from "node:child_process";

export interface RunResult {
  readonly stdout: string;
}

/**
 * @throws Error with the command's name, its exit status and stderr; with the system's own as its cause where it could not
 * be started; or when `timeoutMs` passed, or `signal` aborted, after which it was killed. stdin is never part of the message.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: { stdin?: string; timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const ends = {
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    ...(options.signal && { signal: options.signal }),
  } as const;
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...ends });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error) => reject(new Error(`${command}: ${error.message}`, { cause: error })));
    child.on("close", (status, signal) => {
      if (status === 0) resolve({ stdout });
      else if (signal !== null) reject(new Error(`${command} was ended by ${signal} (bound: ${timeoutMs} ms)`));
      else reject(new Error(`${command} ended with status ${status}: ${stderr.trim() || stdout.trim()}`));
    });
    // A program that ends without reading its input is judged by its status, not by the broken pipe.
    child.stdin.on("error", () => {});
    child.stdin.end(options.stdin ?? "");
  });
}
