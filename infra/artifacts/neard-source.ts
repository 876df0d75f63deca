/** Where neard comes from: what the configuration names, else NEAR's official build of the release. */
import type { HostArch, Settings } from "../config/schema.ts";
import type { Source } from "./fetch-source.ts";

/** No checksums are published there: the configuration pins them. */
const officialBuilds = "https://s3-us-west-1.amazonaws.com/build.nearprotocol.com/nearcore";
const officialFolder: Record<HostArch, string> = { x64: "Linux-x86_64", arm64: "Linux-aarch64" };

/** All neard hosts have one architecture; the cross-checks see to it. */
export function neardSource(settings: Settings): Source {
  const { artifact, version } = settings.neard;
  const arch = settings.hosts.find((host) => host.roles.includes("neard"))?.arch ?? "x64";
  return {
    setting: "holdfast:neard.artifact",
    source: artifact.source ?? `${officialBuilds}/${officialFolder[arch]}/${version}/neard`,
    sha256: artifact.sha256,
  };
}
