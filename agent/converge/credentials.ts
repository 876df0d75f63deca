/**
 * systemd credentials: secrets that rest on the host only sealed with the host's own key (and its TPM,
 * where it has one). The clear text goes in and out by pipes; it is never an argument, never a file.
 *
 * Whether a sealed one is still the right one is found by unsealing it: sealing the same text twice
 * gives different files, and a remembered digest would be one more thing to keep true.
 */
import { runCommand } from "./run-command.ts";

/** @returns the sealed text, for a file that LoadCredentialEncrypted= names. */
export async function sealCredential(name: string, secret: string): Promise<string> {
  return await runCommand(["systemd-creds", "encrypt", `--name=${name}`, "-", "-"], { input: secret });
}

/** @throws HoldfastError HF_APPLY_FAILED when it was sealed by another host, under another name, or is damaged. */
export async function unsealCredential(name: string, path: string): Promise<string> {
  return await runCommand(["systemd-creds", "decrypt", `--name=${name}`, path, "-"]);
}
