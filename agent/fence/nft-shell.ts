/**
 * A standing `nft --interactive`, for the one transaction that is due every second: starting a program
 * from a process as large as Node costs several times what nft itself needs.
 *
 * One line is one transaction, as one `-f` file is. nft is asked to echo what it adds, so a committed
 * feed is answered by a line with its element, and a refused one by `Error:`.
 * Awkward case: nft is stopped or hangs. After `answerMs` this nft is killed, and whoever waits is told
 * once it is gone: so a line that is left in its pipe, or that the kernel is busy with, is never carried out
 * after what comes next.
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
  /** Why `#child` was killed, until it is gone. */
  #killedFor: Error | null = null;

  /**
   * Carries out one line and returns once nft has echoed `expected`. One call at a time.
   * @throws Error with nft's words, or when it did not answer.
   */
  async transact(line: string, expected: string): Promise<void> {
    const child = this.#child ?? this.#start();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#kill(child, new Error(`nft did not answer within ${answerMs} ms`));
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
    if (child !== this.#child || this.#waiting === null || this.#killedFor !== null) return;
    this.#waiting.seen += text;
    if (this.#waiting.seen.includes("Error:")) this.#kill(child, new Error(`nft: ${this.#waiting.seen.trim()}`));
    else if (this.#waiting.seen.includes(this.#waiting.expected)) this.#waiting.resolve();
  }

  /** This nft is of no use any more. */
  #kill(child: ChildProcessWithoutNullStreams, error: Error): void {
    if (child !== this.#child) return;
    this.#killedFor ??= error;
    child.kill("SIGKILL");
  }

  /** It is gone; the next transaction starts another. */
  #drop(child: ChildProcessWithoutNullStreams, error: Error): void {
    if (child !== this.#child) return;
    this.#child = null;
    const because = this.#killedFor ?? error;
    this.#killedFor = null;
    this.#waiting?.reject(because);
  }
}
