/** What a release plans for its sample: the specs that `holdfastd apply` is given. */
import { load } from "./tree.ts";

/** The specs of the sample's first host and the cluster's ACLs, as `apply` reads them. */
export async function specsBy(root: string): Promise<{ concern: string }[]> {
  const { hostSpecSchema } = await load<typeof import("../../contract/wire/host-spec.ts")>(root, [
    "contract/wire/host-spec.ts",
    "contract/host-spec.ts",
  ]);
  return (await plannedBy(root)).map((spec) => hostSpecSchema.parse(short(spec)));
}

interface Spec {
  readonly concern: string;
  readonly files?: readonly { readonly path: string; readonly lines: readonly string[] }[];
  readonly acl?: { readonly policies: readonly unknown[]; readonly tokens: readonly unknown[] };
}

export async function plannedBy(root: string): Promise<Spec[]> {
  const { planDeployment } = await load<typeof import("../../infra/plan/deployment.ts")>(root, [
    "infra/plan/deployment.ts",
  ]);
  const sample = await load<typeof import("../../infra/testing/sample.ts")>(root, ["infra/testing/sample.ts"]);
  const { hosts, acl } = planDeployment(sample.sampleTopology(), sample.sampleArtifactsByArch);
  const [first] = hosts;
  if (first?.neard === undefined) throw new Error("the sample's first host does not validate");
  return [first.system, first.consul, acl, first.neard, first.agent].map(({ spec }) => spec as Spec);
}

/** Its shape, not its length: of what it lists alike one is enough. */
export function short(spec: Spec): Spec {
  const { files, acl } = spec;
  const short = (all: readonly unknown[]) => all.slice(0, 1);
  return {
    ...spec,
    ...(files === undefined ? {} : { files: files.map((file) => ({ ...file, lines: file.lines.slice(0, 1) })) }),
    ...(acl === undefined ? {} : { acl: { ...acl, policies: short(acl.policies), tokens: short(acl.tokens) } }),
  };
}
