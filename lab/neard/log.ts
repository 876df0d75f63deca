/** neard's log: one line to standard error, in the layout of nearcore's tracing. */

export type Level = "INFO" | "WARN" | "ERROR";
export type Log = (level: Level, target: string, message: string) => void;

export const logToStderr: Log = (level, target, message) => {
  process.stderr.write(`${new Date().toISOString()} ${level.padStart(5)} ${target}: ${message}\n`);
};

/** A Rust panic under `panic = "abort"`: the process dies by SIGABRT. */
export function panic(message: string): never {
  process.stderr.write(`thread 'main' panicked at neard:\n${message}\n`);
  process.abort();
}
