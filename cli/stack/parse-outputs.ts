/** What `pulumi stack output --json` said, as the cluster's description or as an error with its next step. Pure. */
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { readData } from "../../contract/wire/format.ts";
import { type StackOutputs, stackOutputsShape } from "../../contract/wire/stack-outputs.ts";
import { passphraseError } from "../../toolchain/passphrase.ts";

export interface PulumiResult {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * @param stack as given by --stack; undefined: the selected one
 * @throws HoldfastError HF_PASSPHRASE, HF_STACK_UNAVAILABLE
 */
export function parseOutputs(result: PulumiResult, stack: string | undefined): StackOutputs {
  if (result.exitCode !== 0) throw pulumiError(result.stderr, stack);
  const outputs: unknown = JSON.parse(result.stdout);
  const reading = readData(stackOutputsShape, outputs);
  if (reading.is === "read") return reading.value;
  const named = stack === undefined ? "The selected stack" : `The stack ${stack}`;
  if (isEmpty(outputs))
    throw unavailable(`${named} was not brought up yet.`, `Bring it up: npm run -s pulumi -- up${stackOption(stack)}.`);
  const because = reading.is === "newer" ? `format ${reading.format}, of a newer release` : plainReason(reading.error);
  throw unavailable(
    `${named} has outputs that this holdfast does not know (${because}).`,
    "Bring stack and command line to the same version: npm run -s pulumi -- up.",
  );
}

function isEmpty(outputs: unknown): boolean {
  return typeof outputs === "object" && outputs !== null && Object.keys(outputs).length === 0;
}

/** Pulumi 3.259's words, each tried. */
function pulumiError(stderr: string, stack: string | undefined): HoldfastError {
  const said = stderr
    .split("\n")
    .map((line) => line.replace(/^error: /, "").trim())
    .filter((line) => line !== "")
    .join(" ");
  const passphrase = passphraseError(stderr);
  if (passphrase !== undefined) return passphrase;
  if (/no stack selected/.test(said))
    return unavailable(
      "No stack is selected.",
      "Select one (npm run -s pulumi -- stack select) or name it with --stack; npm run localnet makes one on this machine.",
    );
  if (/no stack named/.test(said))
    return unavailable(
      `There is no stack ${stack ?? "of that name"}.`,
      stack === "localnet" ? "Bring it up: npm run localnet." : "See which there are: npm run -s pulumi -- stack ls.",
    );
  if (/no Pulumi.yaml project file/.test(said))
    return unavailable(
      "There is no Pulumi.yaml here.",
      "Run it in the checkout of holdfast that the stack belongs to.",
    );
  if (/PULUMI_ACCESS_TOKEN/.test(said))
    return unavailable(
      "Pulumi does not know where the stacks are kept.",
      "Log in (npm run -s pulumi -- login) or set PULUMI_BACKEND_URL; npm run localnet makes a stack of this machine's own.",
    );
  return unavailable(
    `The stack's outputs could not be read: ${said}`,
    "Try it by hand: npm run -s pulumi -- stack output.",
  );
}

function stackOption(stack: string | undefined): string {
  return stack === undefined ? "" : ` --stack ${stack}`;
}

function unavailable(message: string, next: string): HoldfastError {
  return new HoldfastError("HF_STACK_UNAVAILABLE", message, { next });
}
