/** Pulumi.<stack>.yaml for tests: the sample's settings, with secrets as Pulumi writes them. */
import { stringify } from "yaml";
import type { SettingsInput } from "../config/schema.ts";
import { sampleInput } from "./sample.ts";

/** @param cipher stands for the validator key's; another one is a key that was set anew. */
export function sampleStackFile(more: Partial<SettingsInput> = {}, cipher = "v1:AAAA:BBBB"): string {
  const { validatorKey: _, ssh, nextValidatorKey, hcloud, ...settings } = { ...sampleInput(), ...more };
  const config = {
    ...settings,
    validatorKey: { secure: cipher },
    ...(nextValidatorKey === undefined ? {} : { nextValidatorKey: { secure: nextValidatorKey } }),
    ...(hcloud === undefined ? {} : { hcloud: { ...hcloud, token: { secure: "v1:HHHH:IIII" } } }),
    ssh: { ...ssh, privateKey: { secure: "v1:CCCC:DDDD" } },
  };
  return stringify({
    encryptionsalt: "v1:EEEE:v1:FFFF:GGGG",
    config: Object.fromEntries(Object.entries(config).map(([name, value]) => [`holdfast:${name}`, value])),
  });
}
