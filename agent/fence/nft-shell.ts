/**
 * A standing `nft --interactive`, for the one transaction that is due every second: starting a program
 * from a process as large as Node costs several times what nft itself needs.
 *
 * One line is one transaction, as one `-f` file is. nft is asked to echo what it adds, so a committed
 * feed is answered by a line with its element, and a refused one by `Error:`.
 * Awkward case: nft is stopped or hangs. Whoever waits is told after `answerMs`, and this nft is
 * killed, so that a line left in its pipe can never be carried out later.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

const answerMs = 1000;

interface Waiting {
  readonly expected: string;
  seen: string;
  resolve(): void;
  reject(error: Error): void;
}

export class NftShell {
  #child: ChildProcessWithoutNullStreams | null = null;
  #waiting: Waiting | null = null;

  /**
   * Carries out one line and returns once nft has echoed `expected`. One call at a time.
   * @throws Error with nft's words, or when it did not answer.
   */
  async transact(line: string, expected: string): Promise<void> {
    const child = this.#child ?? this.#start();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#drop(child, new Error(`nft did not answer within ${answerMs} ms`));
      }, answerMs);
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#waiting = null;
        act();
      };
      this.#waiting = {
        expected,
        seen: "",
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      child.stdin.write(`${line}\n`);
    });
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn("nft", ["--echo", "--interactive"], { stdio: "pipe" });
    this.#child = child;
    const hear = (text: string) => this.#hear(child, text);
    child.stdout.setEncoding("utf8").on("data", hear);
    child.stderr.setEncoding("utf8").on("data", hear);
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.#drop(child, error));
    child.on("close", () => this.#drop(child, new Error("nft ended")));
    return child;
  }

  #hear(child: ChildProcessWithoutNullStreams, text: string): void {
    if (child !== this.#child || this.#waiting === null) return;
    this.#waiting.seen += text;
    if (this.#waiting.seen.includes("Error:")) this.#drop(child, new Error(`nft: ${this.#waiting.seen.trim()}`));
    else if (this.#waiting.seen.includes(this.#waiting.expected)) this.#waiting.resolve();
  }

  /** This nft is of no use any more; the next transaction starts another. */
  #drop(child: ChildProcessWithoutNullStreams, error: Error): void {
    if (child !== this.#child) return;
    this.#child = null;
    child.kill("SIGKILL");
    this.#waiting?.reject(error);
  }
}
