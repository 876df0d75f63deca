/** Asks Pulumi for the stack's outputs. They hold the SSH key, so they are never written anywhere. */
import { execa } from "execa";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import { repositoryRoot } from "../../toolchain/node-packages.ts";
import { printProgress } from "../../toolchain/print-progress.ts";
import { selectedStack, stackEnvironment } from "../../toolchain/stack.ts";
import { ensureTools } from "../../toolchain/tools.ts";
import { parseOutputs } from "./parse-outputs.ts";

/**
 * @param name absent: the stack that was selected last
 * @throws HoldfastError HF_STACK_UNAVAILABLE, HF_PASSPHRASE, HF_TOOLCHAIN
 */
export async function readStack(name: string | undefined): Promise<StackOutputs> {
  const tools = await ensureTools({
    only: ["pulumi", "pulumi-language-nodejs", "command-plugin"],
    onProgress: printProgress,
  });
  const stack = name ?? selectedStack(repositoryRoot);
  const options = ["--json", "--show-secrets", "--non-interactive", "--color", "never"];
  const named = stack === undefined ? [] : ["--stack", stack];
  const { exitCode, stdout, stderr } = await execa(tools.pulumi.path, ["stack", "output", ...options, ...named], {
    cwd: repositoryRoot,
    env: stackEnvironment(tools, repositoryRoot, stack),
    extendEnv: false,
    reject: false,
  });
  return parseOutputs({ exitCode, stdout, stderr }, stack);
}
