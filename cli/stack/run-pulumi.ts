/**
 * Pulumi on this terminal, as `npm run -s pulumi` runs it. Its output goes to the error output: what a command of ours prints on the
 * other one is its own.
 */
import { spawn } from "node:child_process";
import { HoldfastError } from "../../contract/errors.ts";
import { repositoryRoot } from "../../toolchain/node-packages.ts";
import { printProgress } from "../../toolchain/print-progress.ts";
import { selectedStack, stackEnvironment, usesCloud } from "../../toolchain/stack.ts";
import { ensureTools } from "../../toolchain/tools.ts";

/**
 * @param name absent: the stack that was selected last
 * @returns its exit code; 130 when a signal ended it
 * @throws HoldfastError HF_TOOLCHAIN
 */
export async function runPulumi(
  name: string | undefined,
  arguments_: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<number> {
  const stack = name ?? selectedStack(repositoryRoot);
  const plugins = [
    "command-plugin",
    ...(usesCloud(repositoryRoot, stack) ? (["hcloud-plugin"] as const) : []),
  ] as const;
  const tools = await ensureTools({
    only: ["pulumi", "pulumi-language-nodejs", ...plugins],
    onProgress: printProgress,
  });
  const named = stack === undefined ? [] : ["--stack", stack];
  const child = spawn(tools.pulumi.path, [...arguments_, ...named], {
    cwd: repositoryRoot,
    stdio: ["inherit", process.stderr, "inherit"],
    env: { ...stackEnvironment(tools, repositoryRoot, stack), ...variables },
  });
  // The terminal sends an interrupt to Pulumi as well; whoever ends us by name ends it.
  const end = () => void child.kill("SIGTERM");
  process.on("SIGTERM", end);
  return await new Promise<number>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new HoldfastError("HF_TOOLCHAIN", `Pulumi could not be started: ${cause.message}.`, { cause })),
    );
    child.once("close", (code) => resolve(code ?? 130));
  }).finally(() => process.off("SIGTERM", end));
}
