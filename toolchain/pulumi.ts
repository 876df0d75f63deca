/**
 * `npm run -s pulumi -- <arguments>`: runs Pulumi as it is, with our tools and the environment of the stack that
 * the arguments name, or else of the selected one. Its words about a passphrase, which stop it before our program
 * could say anything, are put into ours.
 */
import "../contract/first.ts";
import { spawn } from "node:child_process";
import { runEntry } from "../contract/entry.ts";
import { describeError, type HoldfastError } from "../contract/errors.ts";
import { repositoryRoot } from "./node-packages.ts";
import { passphraseError, withoutPassphraseErrors } from "./passphrase.ts";
import { printProgress } from "./print-progress.ts";
import { readArguments, rememberStack, selectedStack, stackEnvironment, usesCloud } from "./stack.ts";
import { ensureTools } from "./tools.ts";

async function main(args: string[]): Promise<number> {
  const { stack, effect } = readArguments(args);
  const plugins = [
    "command-plugin",
    ...(usesCloud(repositoryRoot, stack) ? (["hcloud-plugin"] as const) : []),
  ] as const;
  const tools = await ensureTools({
    only: ["pulumi", "pulumi-language-nodejs", ...plugins],
    onProgress: printProgress,
  });
  const child = spawn(tools.pulumi.path, args, {
    stdio: ["inherit", "inherit", "pipe"],
    env: stackEnvironment(tools, repositoryRoot, stack),
  });
  let unsaid: HoldfastError | undefined;
  child.stderr.setEncoding("utf8").on("data", (said: string) => {
    unsaid ??= passphraseError(said);
    process.stderr.write(withoutPassphraseErrors(said));
  });
  // The terminal sends an interrupt to Pulumi as well; it is Pulumi that decides when to end.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => signal === "SIGTERM" && child.kill(signal));
  const status = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 130)));
  });
  if (unsaid !== undefined) console.error(describeError(unsaid));
  if (status === 0 && stack !== undefined) {
    if (effect === "select") rememberStack(repositoryRoot, stack);
    if (effect === "remove" && selectedStack(repositoryRoot) === stack) rememberStack(repositoryRoot, undefined);
  }
  return status;
}

await runEntry("npm run pulumi", () => main(process.argv.slice(2)));
