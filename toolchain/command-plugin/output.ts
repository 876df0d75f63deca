/**
 * Collects what a command prints: each stream by itself for the resource's outputs, both in order of arrival
 * for the error of a command that fails, and lines for the progress display.
 */

/** Cuts one final newline, no more: what `$(...)` would cut, the state should show. */
export const withoutFinalNewline = (text: string): string => (text.endsWith("\n") ? text.slice(0, -1) : text);

/** A text in double quotes, with the escapes that Go's %q uses. */
export function quote(text: string): string {
  const named: Record<string, string> = {
    "\x07": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
  };
  const escapeOne = (char: string): string => {
    if (char === '"' || char === "\\") return `\\${char}`;
    const code = char.charCodeAt(0);
    return named[char] ?? (code < 0x80 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u00${code.toString(16)}`);
  };
  return `"${text.replaceAll(/["\\\p{Cc}]/gu, escapeOne)}"`;
}

/** A longer command is cut after its first line: what it printed is what one looks for. */
const longestQuoted = 300;

/** The command as an error names it. */
export function quoteCommand(command: string): string {
  if (command.length <= longestQuoted) return quote(command);
  const start = (command.split("\n", 1)[0] ?? "").slice(0, longestQuoted);
  return `${quote(start)} and ${command.length - start.length} more characters`;
}

export type Stream = "stdout" | "stderr";

export class Output {
  readonly #chunks: Record<Stream | "both", Buffer[]> = { stdout: [], stderr: [], both: [] };
  readonly #logged: readonly Stream[];
  readonly #log: (line: string) => void;
  #unfinishedLine: Buffer[] = [];

  /** `logging` is the resource's input; any text that is not one of the four means none. */
  constructor(logging: string | undefined, log: (line: string) => void) {
    const all: Stream[] = ["stdout", "stderr"];
    const chosen = logging ?? "stdoutAndStderr";
    this.#logged = chosen === "stdoutAndStderr" ? all : all.filter((stream) => stream === chosen);
    this.#log = log;
  }

  add(stream: Stream, chunk: Buffer): void {
    this.#chunks[stream].push(chunk);
    this.#chunks.both.push(chunk);
    if (this.#logged.includes(stream)) this.#logLines(chunk);
  }

  /** Logs the last line, if it was not finished by a newline. */
  end(): void {
    if (this.#unfinishedLine.length > 0) this.#log(Buffer.concat(this.#unfinishedLine).toString());
    this.#unfinishedLine = [];
  }

  /** Both streams, in order of arrival. */
  both(): string {
    return Buffer.concat(this.#chunks.both).toString();
  }

  /** The streams as the resource's outputs. Throws when they are not UTF-8: the state cannot hold them. */
  results(): Record<Stream, string> {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const decode = (stream: Stream): string => {
      try {
        return withoutFinalNewline(decoder.decode(Buffer.concat(this.#chunks[stream])));
      } catch (error) {
        throw new Error("grpc: error while marshaling: string field contains invalid UTF-8", { cause: error });
      }
    };
    return { stdout: decode("stdout"), stderr: decode("stderr") };
  }

  #logLines(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...this.#unfinishedLine, chunk.subarray(from, end)]).toString();
      this.#log(line.endsWith("\r") ? line.slice(0, -1) : line);
      this.#unfinishedLine = [];
      from = end + 1;
    }
    if (from < chunk.length) this.#unfinishedLine.push(chunk.subarray(from));
  }
}
