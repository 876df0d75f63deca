/** `holdfast`: gives the program its real terminal, clock, stack and hosts. No decisions. */
import "../contract/first.ts";
import { readFileSync } from "node:fs";
import { runEntry } from "../contract/entry.ts";
import { repositoryRoot } from "../toolchain/node-packages.ts";
import { selectedStack } from "../toolchain/stack.ts";
import { exitCodes } from "./exit-codes.ts";
import { openShell } from "./hosts/open-shell.ts";
import { createSshLink } from "./hosts/ssh-link.ts";
import { gitCheckout } from "./plan/git-checkout.ts";
import type { Ports } from "./ports.ts";
import { runProgram } from "./program.ts";
import { readStack } from "./stack/read-stack.ts";
import { runPulumi } from "./stack/run-pulumi.ts";
import { processClock, processTerminal } from "./terminal/process-terminal.ts";

/** What a command may still do after Ctrl-C: close its connections and say its last words. */
const afterwordsMs = 1000;

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    if (othersTerminal) return;
    interrupt.abort();
    setTimeout(() => process.exit(process.exitCode ?? exitCodes.interrupted), afterwordsMs).unref();
  });

/** ssh or Pulumi has the terminal: Ctrl-C is for the host, or for Pulumi, which ends well by itself. */
let othersTerminal = false;

function readVersion(): string {
  const file = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(file) as { version: string }).version;
}

const ports: Ports = {
  terminal: processTerminal(interrupt.signal),
  clock: processClock,
  interrupted: interrupt.signal,
  readStack,
  checkout: gitCheckout(repositoryRoot),
  selectedStack: () => selectedStack(repositoryRoot),
  link: createSshLink,
  openShell(cluster, host, command) {
    othersTerminal = true;
    return openShell(cluster, host, command);
  },
  async pulumi(stack, arguments_) {
    othersTerminal = true;
    return await runPulumi(stack, arguments_).finally(() => {
      othersTerminal = false;
    });
  },
};

await runEntry("holdfast", () => runProgram(process.argv.slice(2), readVersion(), ports));
