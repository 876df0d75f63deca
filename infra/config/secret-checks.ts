/** The secrets that the operator gives us: the validator key, or two while it is changed, and the way into the hosts. */
import { nextSetting, parseValidatorKey, setNextValidatorKey, setValidatorKey } from "../../contract/near-key.ts";
import { type Fault, configFault as fault, faultFrom } from "./faults.ts";
import type { Settings } from "./schema.ts";

/** Whether the top-level setting `name` is kept encrypted in the stack's configuration. */
export type IsSecret = (name: string) => boolean;

type Keys = Pick<Settings, "validator" | "validatorKey" | "nextValidatorKey">;

/** Nothing is there, or nothing in it. */
const missingValidatorKey: Fault = {
  code: "HF_VALIDATOR_KEY",
  message: "holdfast:validatorKey is missing",
  next: `Set it with ${setValidatorKey}`,
};

/** @param name of a key's setting: whatever stands in it, nobody but its stack may read it. */
export function clearKeyFaults(
  name: "validatorKey" | "nextValidatorKey",
  settings: Partial<Pick<Settings, "validatorKey" | "nextValidatorKey">>,
  isSecret: IsSecret,
): Fault[] {
  if ((settings[name] ?? "").trim() === "") return [];
  return clearFaults(name, name === "validatorKey" ? setValidatorKey : setNextValidatorKey, isSecret);
}

export function validatorKeyFaults(settings: Keys): Fault[] {
  const { validatorKey, nextValidatorKey } = settings;
  if (validatorKey.trim() === "") return [missingValidatorKey];
  const faults: Fault[] = [];
  const key = parsed(validatorKey, settings, "holdfast:validatorKey", faults);
  if (nextValidatorKey === undefined) return faults;
  const next = parsed(nextValidatorKey, settings, nextSetting, faults);
  if (key !== null && key === next)
    faults.push({
      code: "HF_VALIDATOR_KEY",
      message: `${nextSetting} is the same key as holdfast:validatorKey (${key})`,
      next: `After a rotation remove it: pulumi config rm ${nextSetting}; before one make another: holdfast key generate.`,
    });
  return faults;
}

function clearFaults(name: string, toSet: string, isSecret: IsSecret): Fault[] {
  if (isSecret(name)) return [];
  return [
    {
      code: "HF_VALIDATOR_KEY",
      message: `holdfast:${name} is in the stack's file in clear`,
      next: `Set it again with ${toSet}; if the file has left this machine, the key is no secret any more: use another.`,
    },
  ];
}

/** The public half; null where it is no sound key of the account, which is added to `faults`. */
function parsed(text: string, settings: Keys, source: string, faults: Fault[]): string | null {
  try {
    return parseValidatorKey(text, settings.validator.account, source).publicKey;
  } catch (error) {
    faults.push(faultFrom(error));
    return null;
  }
}

/** For a preview to say: a rotation is no state to stay in. */
export function rotationWarnings(settings: Pick<Settings, "nextValidatorKey">): string[] {
  if (settings.nextValidatorKey === undefined) return [];
  return [
    `${nextSetting} is set: the hosts get both keys, and load the one that the chain has for the account in each NEAR ` +
      "epoch. When it is the new one, make it holdfast:validatorKey and remove this (docs/operate/rotate-validator-key.md)",
  ];
}

export function sshFaults(settings: Pick<Settings, "ssh">, isSecret: IsSecret): Fault[] {
  const { privateKey, agent } = settings.ssh;
  if (privateKey === undefined)
    return agent
      ? []
      : [
          fault(
            "holdfast:ssh has neither a privateKey nor agent: true",
            "Set one: pulumi config set --secret --path ssh.privateKey < KEYFILE, or pulumi config set --path ssh.agent true.",
          ),
        ];
  return [
    ...(agent ? [fault("holdfast:ssh has both a privateKey and agent: true", "Keep one of them.")] : []),
    ...(isSecret("ssh")
      ? []
      : [
          fault(
            "holdfast:ssh.privateKey is in the stack's file in clear",
            "Set it again with pulumi config set --secret --path ssh.privateKey, and use another key if the file has left this machine.",
          ),
        ]),
    ...privateKeyFaults(privateKey),
  ];
}

/** What can be told without the SSH library, which a preview has no time to load; it reads the key before a login. */
function privateKeyFaults(text: string): Fault[] {
  const kind = /^-----BEGIN ([A-Z ]*)PRIVATE KEY-----/.exec(text)?.[1]?.trim();
  if (kind === undefined)
    return [
      fault(
        "holdfast:ssh.privateKey is not a private key file",
        "Give the text of the file that ssh-keygen made, not the .pub beside it.",
      ),
    ];
  if (kind === "ENCRYPTED" || isEncrypted(text))
    return [
      fault(
        "holdfast:ssh.privateKey is protected by a passphrase, which nobody is there to type",
        "Make a key for this stack alone (ssh-keygen -t ed25519 -N '' -f KEYFILE), or let an ssh-agent hold yours (ssh.agent true).",
      ),
    ];
  if (kind === "")
    return [
      fault(
        "holdfast:ssh.privateKey is in the form PKCS#8, which is not understood",
        "Give a key as ssh-keygen makes it, which begins with BEGIN OPENSSH PRIVATE KEY.",
      ),
    ];
  return [];
}

/** OpenSSH's form names its cipher after a magic word; the older ones say it in a header. */
function isEncrypted(text: string): boolean {
  if (/^Proc-Type: 4,ENCRYPTED/m.test(text)) return true;
  const inner = Buffer.from(text.split("\n").slice(1).join(""), "base64");
  const magic = "openssh-key-v1\0";
  if (inner.subarray(0, magic.length).toString("latin1") !== magic || inner.length < magic.length + 4) return false;
  const at = magic.length + 4;
  return inner.subarray(at, at + inner.readUInt32BE(magic.length)).toString("latin1") !== "none";
}
