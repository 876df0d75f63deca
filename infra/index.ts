/** The Pulumi program: configuration → plan → resources. What it exports are the stack's outputs. */
import "./lean-sdk.ts";
import * as pulumi from "@pulumi/pulumi";
import { prepareArtifacts } from "./artifacts/prepare-artifacts.ts";
import { claimOf, known, stackName } from "./claim.ts";
import { clearly, wordsForHandlers } from "./clearly.ts";
import { beginCloud } from "./cloud-run.ts";
import { Cluster } from "./components/cluster.ts";
import { refuseFaults } from "./config/faults.ts";
import { loadConfiguration } from "./config/load-configuration.ts";
import type { Topology } from "./config/topology.ts";
import { leftOutHosts, unreachableFaults } from "./left-out.ts";
import { stackOutputs } from "./outputs.ts";
import { planDeployment } from "./plan/deployment.ts";
import { secretsParent } from "./plan/secret-names.ts";
import { lookAtHosts, nothingSeen, type Seen } from "./preflight/preflight.ts";
import { ClusterSecrets } from "./secrets/cluster-secrets.ts";

wordsForHandlers();

export const {
  format,
  network,
  account,
  publicKey,
  hosts,
  addresses,
  agentSocket,
  statusCommand,
  sshAccess,
  consulAccess,
  hcloudAccess,
} = await clearly(async () => {
  const configuration = loadConfiguration();
  const { settings, topology, validatorKey, nextValidatorKey, fencing, sshPrivateKey, warnings } = configuration;
  for (const warning of warnings) await pulumi.log.warn(warning);
  const updating = !pulumi.runtime.isDryRun();
  const leftOut = leftOutHosts(topology);
  for (const name of leftOut) await pulumi.log.warn(`${name} is left out of this run, and stays as it is.`);
  const cloud = await beginCloud(configuration, leftOut);
  // Hosts take a second to look at themselves: they begin first, and what changes nothing goes on beside.
  const secrets = new ClusterSecrets(secretsParent, topology);
  const claim = claimOf(secrets.id, topology, stackName());
  const look = (at: Topology, except: ReadonlySet<string> = new Set()) =>
    lookAtHosts(at, sshPrivateKey, known(claim), new Set([...except, ...leftOut]));
  const looking = updating ? look(cloud.topology, cloud.awaited) : nothingSeen;
  const loading = updating ? import("./secrets/certificates.ts") : undefined;
  const artifacts = await prepareArtifacts(settings);
  refuseFaults("the artifacts", artifacts.faults);
  const plan = planDeployment(topology, artifacts.byArch, leftOut);
  refuseFaults("the environment", unreachableFaults(plan, leftOut, cloud.onHosts));
  await loading;
  let seen = await accepted(looking);
  const places = await cloud.make();
  const made = updating ? await cloud.ready(places) : null;
  if (made !== null) seen = await accepted(look(made));
  cloud.keepReady();
  const access = { ...(sshPrivateKey === undefined ? {} : { privateKey: pulumi.secret(sshPrivateKey) }), places };
  await secrets.make(validatorKey, nextValidatorKey, fencing, seen.adopted);
  const by = seen.adopted === undefined ? claim : secrets.afterAll(claim);
  await Cluster.make("cluster", {
    plan,
    secrets,
    claim: by,
    access,
    packed: artifacts.packed,
    marks: cloud.marks,
    drifted: seen.drifted,
    bare: seen.bare,
    leftOut,
  });
  return stackOutputs(configuration, places, secrets.managementToken);
});

/** @throws FaultsError for hosts that cannot be worked with */
async function accepted(looking: Promise<Seen> | Seen): Promise<Seen> {
  const seen = await looking;
  for (const warning of seen.warnings) await pulumi.log.warn(warning);
  refuseFaults("the hosts", seen.faults);
  return seen;
}
