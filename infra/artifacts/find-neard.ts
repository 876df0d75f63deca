/** neard: what the configuration names, else NEAR's official build of the release. */
import { open } from "node:fs/promises";
import { HoldfastError } from "../../contract/errors.ts";
import type { HostArch, Settings } from "../config/schema.ts";
import { fetchSource, type LocalFile } from "./fetch-source.ts";

/** No checksums are published there: the configuration pins them. */
const officialBuilds = "https://s3-us-west-1.amazonaws.com/build.nearprotocol.com/nearcore";
const officialFolder: Record<HostArch, string> = { x64: "Linux-x86_64", arm64: "Linux-aarch64" };

/** In the first 4 KiB of the lab's neard, see lab/neard/. */
const labMarker = "holdfast-lab-neard";

/** @throws HoldfastError HF_ARTIFACT_UNAVAILABLE, HF_ARTIFACT_CHECKSUM, HF_CONFIG_INVALID */
export async function findNeard(settings: Settings): Promise<LocalFile> {
  const { artifact, version } = settings.neard;
  // All neard hosts have one architecture; the cross-checks see to it.
  const arch = settings.hosts.find((host) => host.roles.includes("neard"))?.arch ?? "x64";
  const file = await fetchSource({
    setting: "holdfast:neard.artifact",
    source: artifact.source ?? `${officialBuilds}/${officialFolder[arch]}/${version}/neard`,
    sha256: artifact.sha256,
  });
  if (settings.network === "localnet" || !(await holdsMarker(file.path))) return file;
  throw new HoldfastError(
    "HF_CONFIG_INVALID",
    `holdfast:neard.artifact is the lab's neard, which validates nothing, but holdfast:network is ${settings.network}.`,
    { next: "Give the official neard of the release." },
  );
}

async function holdsMarker(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(4096), position: 0 });
    return buffer.subarray(0, bytesRead).includes(labMarker);
  } finally {
    await file.close();
  }
}
