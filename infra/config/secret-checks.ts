/** The two secrets that the operator gives us: the validator key, and the way into the hosts. */
import { parseValidatorKey } from "../../contract/near-key.ts";
import { type Fault, configFault as fault, faultFrom } from "./faults.ts";
import type { Settings } from "./schema.ts";

/** Whether the top-level setting `name` is kept encrypted in the stack's configuration. */
export type IsSecret = (name: string) => boolean;

export function validatorKeyFaults(settings: Settings, isSecret: IsSecret): Fault[] {
  const faults: Fault[] = [];
  if (!isSecret("validatorKey"))
    faults.push({
      code: "HF_VALIDATOR_KEY",
      message: "holdfast:validatorKey is in the stack's file in clear",
      next: "Set it again with pulumi config set --secret holdfast:validatorKey < validator_key.json; if the file has left this machine, the key is no secret any more: use another.",
    });
  try {
    parseValidatorKey(settings.validatorKey, settings.validator.account);
  } catch (error) {
    faults.push(faultFrom(error));
  }
  return faults;
}

export function sshFaults(settings: Settings, isSecret: IsSecret): Fault[] {
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
    ...(/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(privateKey)
      ? []
      : [
          fault(
            "holdfast:ssh.privateKey is not a private key file",
            "Give the text of the file that ssh-keygen made, not the .pub beside it.",
          ),
        ]),
  ];
}
