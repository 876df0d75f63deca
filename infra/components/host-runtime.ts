/** What must be on a host before `holdfastd` can be put there, and the files that it will need. */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Claim } from "../../contract/wire/identity.ts";
import { asItIs } from "../left-out.ts";
import type { HostPlan } from "../plan/deployment.ts";
import { type Artifact, type PackedFiles, uploadPath } from "../plan/uploads.ts";
import { type CloudPlaces, fillIn } from "./cloud-places.ts";
import type { Connection } from "./connection.ts";
import { ownersOf, prepareCommand, wipeCommand } from "./host-commands.ts";

export class HostRuntime extends pulumi.ComponentResource {
  /** Copies of the artifacts, by name: whoever unpacks one waits for its copy. */
  readonly uploads: ReadonlyMap<string, pulumi.Resource>;

  /**
   * @param machine words for another one, which has nothing of this yet; see again.ts.
   * @param isLeftOut see left-out.ts
   * @param before what has to be there before anything is done on the host
   */
  constructor(
    name: string,
    plan: HostPlan,
    packed: PackedFiles,
    connection: Connection,
    places: CloudPlaces | undefined,
    claim: pulumi.Output<Claim>,
    machine: string,
    isLeftOut: boolean,
    before: pulumi.Resource,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("holdfast:index:HostRuntime", name, {}, options);
    const { user } = plan.host.ssh;
    const hostKey = fillIn(places, plan.host.name, plan.host.ssh.hostKey);
    const made = places?.get(plan.host.name)?.made ?? [];
    const another = machine === "" ? "" : `\n# ${machine}`;
    const prepared = new remote.Command(
      `${name}-prepare`,
      {
        connection,
        create: claim.apply((by) => prepareCommand(user, ownersOf(by)) + another),
        delete: claim.apply(({ id }) => wipeCommand(user, id)),
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      asItIs(isLeftOut, { parent: this, dependsOn: [before, ...made] }),
    );
    // A host key names the machine, unless it was kept: another machine at this address has no copy yet.
    const triggers = [hostKey, ...(machine === "" ? [] : [machine])];
    const copy = (artifact: Artifact) =>
      new remote.CopyToRemote(
        `${name}-${artifact.name}`,
        { connection, source: assetOf(packed(artifact)), remotePath: uploadPath(artifact), triggers },
        asItIs(isLeftOut, { parent: this, dependsOn: [prepared] }),
      );
    const { node, holdfastd } = plan.runtime;
    this.uploads = new Map([node, holdfastd, ...plan.uploads].map((artifact) => [artifact.name, copy(artifact)]));
    this.registerOutputs({});
  }
}

/**
 * Pulumi's engine knows a file by its SHA-256, and reads the whole file for it once for every host, where an asset does
 * not bring it along: at 30 hosts 2.4 s of the 5.6 s that the engine works in a preview. Exported for its test alone.
 */
export function assetOf({ path, sha256 }: ReturnType<PackedFiles>): pulumi.asset.Asset {
  return Object.assign(new pulumi.asset.FileAsset(path), { hash: sha256 });
}
