/** The real terminal and the real clock. */
import { createInterface } from "node:readline/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Terminal } from "../ports.ts";
import { leaveWithReader } from "./reader-left.ts";

export function processTerminal(interrupted: AbortSignal): Terminal {
  const { stdin, stdout, stderr, env } = process;
  leaveWithReader();
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outIsTty: stdout.isTTY === true,
    errIsTty: stderr.isTTY === true,
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    get columns() {
      return stdout.isTTY === true ? stdout.columns : undefined;
    },
    // https://no-color.org: present and not empty.
    color: stdout.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb",
    async readInput() {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString("utf8");
    },
    async confirm(question) {
      const prompt = createInterface({ input: stdin, output: stderr });
      try {
        const answer = await prompt.question(`${question} [y/N] `, { signal: interrupted });
        return /^y(es)?$/i.test(answer.trim());
      } catch (error) {
        // Ctrl-C or Ctrl-D instead of an answer is a no.
        if ((error as Error).name !== "AbortError") throw error;
        stderr.write("\n");
        return false;
      } finally {
        prompt.close();
      }
    },
  };
}

export const processClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  },
};
