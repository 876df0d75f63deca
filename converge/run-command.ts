/**
 * Runs one program of the host and says so while it takes long. Secrets go in by `input` alone, never
 * by argv; on failure the error carries the program's own last words, which our programs keep free of
 * secrets.
 */
import { execa } from "execa";
import { HoldfastError } from "../contract/errors.ts";
import { type Progress, whileWaiting } from "./progress.ts";

/** Most of our programs answer within milliseconds; this bounds one that hangs. */
const defaultTimeoutMs = 60_000;

export interface CommandOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly progress?: Progress;
}

/** @returns stdout as it is. @throws HoldfastError HF_APPLY_FAILED, or HF_TIMEOUT when it did not end in time. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const [program = "", ...args] = argv;
  const running = execa(program, args, {
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    timeout: options.timeoutMs ?? defaultTimeoutMs,
    stripFinalNewline: false,
    reject: false,
  });
  const line = argv.join(" ");
  const result = await (options.progress === undefined ? running : whileWaiting(options.progress, line, running));
  if (!result.failed) return result.stdout;
  if (result.timedOut)
    throw new HoldfastError(
      "HF_TIMEOUT",
      `"${line}" did not end within ${(options.timeoutMs ?? defaultTimeoutMs) / 1000} s.`,
    );
  const words = `${result.stderr}${result.stdout}`.trim().split("\n").slice(-5).join("\n  ");
  const end = result.exitCode === undefined ? (result.shortMessage ?? "did not start") : `exit code ${result.exitCode}`;
  throw new HoldfastError("HF_APPLY_FAILED", `"${line}" failed (${end})${words === "" ? "." : `: ${words}`}`);
}
