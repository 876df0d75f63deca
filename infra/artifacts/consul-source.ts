/** Where Consul comes from: what the configuration names, else the one that the toolchain obtained. */
import { HoldfastError } from "../../contract/errors.ts";
import type { HostArch, Settings } from "../config/schema.ts";
import type { Source } from "./fetch-source.ts";

/** @throws HoldfastError HF_TOOLCHAIN, HF_ARTIFACT_UNAVAILABLE */
export async function consulSource(settings: Settings, arch: HostArch): Promise<Source> {
  const { artifact } = settings.consul;
  if (artifact !== undefined) return { setting: "holdfast:consul.artifact", ...artifact };
  throw new HoldfastError("HF_ARTIFACT_UNAVAILABLE", `There is no Consul for ${arch} hosts.`, {
    next: "Set holdfast:consul.artifact.",
  });
}
