/** What Pulumi says of a passphrase, as an error of ours with its next step. Pure. Pulumi 3.259's words, each tried. */
import { HoldfastError } from "../contract/errors.ts";

const aboutPassphrase = /^\s*error: .*passphrase/i;

/** What is left of it to show as it is. */
export function withoutPassphraseErrors(said: string): string {
  return said
    .split(/(?<=\n)/)
    .filter((line) => !aboutPassphrase.test(line))
    .join("");
}

/** Undefined when it says nothing of a passphrase. @param said pulumi's stderr. */
export function passphraseError(said: string): HoldfastError | undefined {
  const errors = said.split("\n").filter((line) => aboutPassphrase.test(line));
  if (errors.length === 0) return undefined;
  return new HoldfastError("HF_PASSPHRASE", messageOf(errors.join(" ")), {
    next: "Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds it.",
  });
}

function messageOf(said: string): string {
  if (/incorrect passphrase/.test(said)) return "The stack's passphrase is wrong.";
  if (/unable to read/.test(said)) return "The file that PULUMI_CONFIG_PASSPHRASE_FILE names cannot be read.";
  return "The stack's passphrase is missing.";
}
