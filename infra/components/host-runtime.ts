/** What must be on a host before `holdfastd apply` can run there, and the files that it will need. */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Claim } from "../../contract/wire/identity.ts";
import { asItIs } from "../left-out.ts";
import type { HostPlan } from "../plan/deployment.ts";
import { type Artifact, type PackedFiles, uploadPath } from "../plan/uploads.ts";
import { fillIn } from "./cloud-places.ts";
import { connectionTo, type SshAccess } from "./connection.ts";
import { type Owners, prepareCommand, runtimeCommand, wipeCommand } from "./host-commands.ts";

export class HostRuntime extends pulumi.ComponentResource {
  /** Copies of the other artifacts, by name: whoever unpacks one waits for its copy. */
  readonly uploads: ReadonlyMap<string, pulumi.Resource>;
  /** `holdfastd` can be called. */
  readonly ready: pulumi.Resource;

  /**
   * @param machine see again.ts: another one has nothing of this yet.
   * @param isLeftOut see left-out.ts
   */
  constructor(
    name: string,
    plan: HostPlan,
    packed: PackedFiles,
    access: SshAccess,
    claim: pulumi.Output<Claim>,
    machine: pulumi.Output<string>,
    isLeftOut: boolean,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("holdfast:index:HostRuntime", name, {}, options);
    const { user } = plan.host.ssh;
    const owners = claim.apply(({ id, adopt }): Owners => [id, ...(adopt === undefined ? [] : [adopt])]);
    const connection = connectionTo(plan.host, access);
    const hostKey = fillIn(access.places, plan.host.name, plan.host.ssh.hostKey);
    const made = access.places?.get(plan.host.name)?.made ?? [];
    const prepared = new remote.Command(
      `${name}-prepare`,
      {
        connection,
        create: forMachine(
          machine,
          owners.apply((ids) => prepareCommand(user, ids)),
        ),
        delete: claim.apply(({ id }) => wipeCommand(user, id)),
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      asItIs(isLeftOut, { parent: this, dependsOn: [...made] }),
    );
    const copy = (artifact: Artifact) =>
      new remote.CopyToRemote(
        `${name}-${artifact.name}`,
        {
          connection,
          source: assetOf(packed(artifact)),
          remotePath: uploadPath(artifact),
          // A host key names the machine, unless it was kept: another machine at this address has no copy yet.
          triggers: pulumi.all([machine, hostKey]).apply(([words, key]) => [key, ...(words === "" ? [] : [words])]),
        },
        asItIs(isLeftOut, { parent: this, dependsOn: [prepared] }),
      );
    const { runtime } = plan;
    this.ready = new remote.Command(
      `${name}-unpack`,
      {
        connection,
        create: forMachine(
          machine,
          owners.apply((ids) => runtimeCommand(user, runtime, [runtime.node, runtime.holdfastd, ...plan.uploads], ids)),
        ),
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      asItIs(isLeftOut, { parent: this, dependsOn: [copy(runtime.node), copy(runtime.holdfastd)] }),
    );
    this.uploads = new Map(plan.uploads.map((artifact) => [artifact.name, copy(artifact)]));
    this.registerOutputs({});
  }
}

/** Another text for another machine, for a command runs again only with another input. */
function forMachine(machine: pulumi.Output<string>, command: pulumi.Output<string>): pulumi.Output<string> {
  return pulumi.all([machine, command]).apply(([words, text]) => (words === "" ? text : `${text}\n# ${words}`));
}

/**
 * Pulumi's engine knows a file by its SHA-256, and reads the whole file for it once for every host, where an asset does
 * not bring it along: at 30 hosts 2.4 s of the 5.6 s that the engine works in a preview. Exported for its test alone.
 */
export function assetOf({ path, sha256 }: ReturnType<PackedFiles>): pulumi.asset.Asset {
  return Object.assign(new pulumi.asset.FileAsset(path), { hash: sha256 });
}
