/**
 * Everything that hosts need as files: found, checked against its pinned checksum, packed. What is wrong
 * is collected, not thrown one by one.
 */
import { hostConsul, hostNode } from "../../toolchain/tools.ts";
import { type Fault, faultFrom } from "../config/faults.ts";
import type { HostArch, Settings } from "../config/schema.ts";
import { machines } from "../config/schema.ts";
import { settle } from "../config/settled-host.ts";
import type { ArtifactsByArch } from "../plan/deployment.ts";
import type { Artifact, HostArtifacts, PackedFiles } from "../plan/uploads.ts";
import { bundleHoldfastd } from "./bundle.ts";
import { knownSha256Of, packed } from "./cache.ts";
import { fetchSource, type LocalFile } from "./fetch-source.ts";
import { findNeard } from "./find-neard.ts";

export interface PreparedArtifacts {
  readonly byArch: ArtifactsByArch;
  readonly packed: PackedFiles;
  readonly faults: readonly Fault[];
}

export async function prepareArtifacts(settings: Settings): Promise<PreparedArtifacts> {
  const faults: Fault[] = [];
  const files = new Map<string, LocalFile>();
  /** The artifact that `find` finds; a placeholder once there is a fault, for then no plan is made. */
  const prepare = async (name: string, find: () => Promise<LocalFile>): Promise<Artifact> => {
    try {
      const { path, sha256 } = await find();
      files.set(sha256, await known(await packed(path, sha256)));
      return { name, sha256 };
    } catch (error) {
      faults.push(faultFrom(error));
      return { name, sha256: "" };
    }
  };
  const { genesis } = settings.neard;
  const holdfastd = prepare("holdfastd", bundleHoldfastd);
  const common = {
    holdfastd,
    neard: prepare("neard", () => findNeard(settings)),
    genesis:
      genesis === undefined
        ? undefined
        : prepare("genesis", () => fetchSource({ setting: "holdfast:neard.genesis", ...genesis })),
  };
  const forArch = async (arch: HostArch): Promise<[HostArch, HostArtifacts]> => {
    const [node, consul, bundle, neard, genesisFile] = await Promise.all([
      prepare("node", async () => known(await hostNode(machines[arch]))),
      prepare("consul", () => findConsul(settings, arch)),
      common.holdfastd,
      common.neard,
      common.genesis,
    ]);
    const optional = genesisFile === undefined ? {} : { genesis: genesisFile };
    return [arch, { node, consul, holdfastd: bundle, neard, ...optional }];
  };
  const archs = [...new Set(settings.hosts.map((host) => settle(host, settings.hcloud).arch))];
  const byArch = Object.fromEntries(await Promise.all(archs.map(forArch)));
  return { byArch, packed: (artifact) => files.get(artifact.sha256) ?? { path: "", sha256: "" }, faults };
}

async function known(path: string): Promise<LocalFile> {
  return { path, sha256: await knownSha256Of(path) };
}

async function findConsul({ consul }: Settings, arch: HostArch): Promise<LocalFile> {
  if (consul.artifact !== undefined)
    return await fetchSource({ setting: "holdfast:consul.artifact", ...consul.artifact });
  return await known(await hostConsul(machines[arch]));
}
