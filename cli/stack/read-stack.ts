/** Asks Pulumi for the stack's outputs. They hold the SSH key, so they are never written anywhere. */
import { execa } from "execa";
import type { StackOutputs } from "../../contract/stack-outputs.ts";
import { parseOutputs } from "./parse-outputs.ts";

/** @throws HoldfastError HF_STACK_UNAVAILABLE, HF_PASSPHRASE, HF_TOOLCHAIN */
export async function readStack(stack: string | undefined): Promise<StackOutputs> {
  const argv = ["stack", "output", "--json", "--show-secrets", "--non-interactive", "--color", "never"];
  const named = stack === undefined ? [] : ["--stack", stack];
  const { exitCode, stdout, stderr } = await execa("pulumi", [...argv, ...named], { reject: false });
  return parseOutputs({ exitCode, stdout, stderr }, stack);
}
