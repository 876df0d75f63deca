import { chmodSync, closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { Command } from "commander";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { generateValidatorKey, keyFileJson, parseValidatorKey } from "../../contract/near-key.ts";
import { accountSchema } from "../../contract/topology.ts";
import { type CommandContext, jsonOption } from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";

export function keyCommand(context: CommandContext): Command {
  return new Command("key")
    .description("make or look at a validator key file")
    .addCommand(generateCommand(context))
    .addCommand(inspectCommand(context));
}

function generateCommand(context: CommandContext): Command {
  return new Command("generate")
    .description("make a new validator key")
    .requiredOption("--account <account>", "the staking-pool account that it is for")
    .option("--out <file>", "write it there (0600, never over an existing file); default: standard output")
    .addHelpText("after", generateHelp)
    .action((options: { account: string; out?: string }) => context.finish(generate(context, options)));
}

const generateHelp = `
Examples:
  $ holdfast key generate --account pool.example.near --out validator_key.json
  $ holdfast key generate --account pool.example.near | pulumi config set --secret holdfast:validatorKey`;

async function generate(context: CommandContext, options: { account: string; out?: string }): Promise<ExitCode> {
  if (!accountSchema.safeParse(options.account).success)
    throw new HoldfastError("HF_USAGE", `${options.account} is not a NEAR account id.`, {
      next: "Give the staking pool's account, such as pool.example.near.",
    });
  const key = generateValidatorKey(options.account);
  if (options.out === undefined) {
    context.ports.terminal.out(keyFileJson(key));
    return exitCodes.ok;
  }
  writeNewFile(options.out, keyFileJson(key));
  context.print(`${options.out}: ${key.accountId} ${key.publicKey}`);
  return exitCodes.ok;
}

function writeNewFile(file: string, text: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, "wx", 0o600);
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new HoldfastError(
      "HF_VALIDATOR_KEY",
      exists
        ? `${file} exists already; a key is never written over.`
        : `${file} could not be made: ${plainReason(error)}.`,
      { next: "Name another file with --out.", cause: error },
    );
  }
  try {
    // The umask may have taken bits away, never added any; say exactly what we promise.
    chmodSync(file, 0o600);
    writeSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

function inspectCommand(context: CommandContext): Command {
  return new Command("inspect")
    .description("show account and public key of a key file and check it; never shows the secret")
    .argument("[file]", "- or nothing: standard input", "-")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdfast key inspect validator_key.json\n  $ holdfast key inspect < validator_key.json",
    )
    .action((file: string, options: { json?: boolean }) => context.finish(inspect(context, file, options.json)));
}

async function inspect(context: CommandContext, file: string, json: boolean | undefined): Promise<ExitCode> {
  const text = file === "-" ? await context.ports.terminal.readInput() : readKeyFile(file);
  const { accountId, publicKey } = parseValidatorKey(text, undefined, file === "-" ? "The key" : file);
  if (json) context.printJson({ account: accountId, publicKey });
  else context.print(`account     ${accountId}\npublic key  ${publicKey}\nboth halves belong together`);
  return exitCodes.ok;
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new HoldfastError("HF_VALIDATOR_KEY", `${file} could not be read: ${plainReason(error)}.`, {
      next: "Name the file that neard or holdfast key generate made.",
      cause: error,
    });
  }
}
