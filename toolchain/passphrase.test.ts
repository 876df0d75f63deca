import { expect, test } from "vitest";
import { passphraseError, withoutPassphraseErrors } from "./passphrase.ts";

test.each([
  [
    "The stack's passphrase is wrong.",
    "warning: something else\nerror: getting stack configuration: get stack secrets manager: incorrect passphrase\n",
  ],
  [
    "The stack's passphrase is wrong.",
    "error: failed to decrypt: incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase or set PULUMI_CONFIG_PASSPHRASE_FILE to a file containing the passphrase",
  ],
  [
    "The file that PULUMI_CONFIG_PASSPHRASE_FILE names cannot be read.",
    'error: constructing secrets manager of type "passphrase": constructing secrets manager: unable to read PULUMI_CONFIG_PASSPHRASE_FILE: open /nonexistent: no such file or directory',
  ],
  [
    "The stack's passphrase is missing.",
    'error: constructing secrets manager of type "passphrase": constructing secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables',
  ],
])("%s", (message, said) => {
  const error = passphraseError(said);
  expect(error?.code).toBe("HF_PASSPHRASE");
  expect(error?.message).toBe(message);
});

test("anything else is not about the passphrase, such as a prompt for it", () => {
  expect(passphraseError("Enter your passphrase to unlock config/secrets\n")).toBeUndefined();
  expect(passphraseError("error: no stack named 'nope' found")).toBeUndefined();
});

test("what Pulumi says besides is shown as it is", () => {
  const warning = "warning: a new version is there\n";
  expect(withoutPassphraseErrors(`${warning}error: incorrect passphrase\n  more`)).toBe(`${warning}  more`);
  expect(withoutPassphraseErrors("Enter your passphrase: ")).toBe("Enter your passphrase: ");
});
