/** The stack's configuration, read once, with every fault in it reported at once. */
import * as pulumi from "@pulumi/pulumi";
import { keyFileJson, nextSetting, parseValidatorKey } from "../../contract/near-key.ts";
import { checkConfiguration } from "./check-configuration.ts";
import { FaultsError } from "./faults.ts";
import type { Settings } from "./schema.ts";
import { type Topology, topologyFrom } from "./topology.ts";

export interface Configuration {
  readonly settings: Settings;
  readonly topology: Topology;
  /** The key file's text, as neard reads it. Secret. */
  readonly validatorKey: pulumi.Output<string>;
  /** The same of the next one; absent: the account's key is not being changed. */
  readonly nextValidatorKey: pulumi.Output<string> | undefined;
  /** Absent: the keys of the ssh-agent. */
  readonly sshPrivateKey: string | undefined;
  /** Of the project at Hetzner Cloud; absent: nothing is there. */
  readonly hcloudToken: string | undefined;
  readonly warnings: readonly string[];
}

/** @throws FaultsError */
export function loadConfiguration(): Configuration {
  const { settings, faults, warnings } = checkConfiguration(pulumi.runtime.allConfig(), isSecret);
  if (settings === null) throw new FaultsError("the configuration", faults);
  const { account } = settings.validator;
  const key = parseValidatorKey(settings.validatorKey, account);
  const { nextValidatorKey } = settings;
  const next = nextValidatorKey === undefined ? undefined : parseValidatorKey(nextValidatorKey, account, nextSetting);
  return {
    settings,
    topology: topologyFrom(settings, key.publicKey, next?.publicKey ?? null),
    validatorKey: pulumi.secret(keyFileJson(key)),
    nextValidatorKey: next === undefined ? undefined : pulumi.secret(keyFileJson(next)),
    sshPrivateKey: settings.ssh.privateKey,
    hcloudToken: settings.hcloud?.token,
    warnings,
  };
}

/** Pulumi's SDK has this call, but not among its published types. */
function isSecret(name: string): boolean {
  const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };
  return isConfigSecret(`holdfast:${name}`);
}
