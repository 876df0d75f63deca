/** The Pulumi program: configuration → plan → resources. What it exports are the stack's outputs. */
import "./lean-sdk.ts";
import * as pulumi from "@pulumi/pulumi";
import { prepareArtifacts } from "./artifacts/prepare-artifacts.ts";
import { clearly, wordsForHandlers } from "./clearly.ts";
import { Cluster } from "./components/cluster.ts";
import { refuseFaults } from "./config/faults.ts";
import { loadConfiguration } from "./config/load-configuration.ts";
import { stackOutputs } from "./outputs.ts";
import { planDeployment } from "./plan/deployment.ts";
import { lookAtHosts, nothingSeen } from "./preflight/preflight.ts";
import { ClusterSecrets } from "./secrets/cluster-secrets.ts";

wordsForHandlers();

export const { network, account, publicKey, hosts, addresses, agentSocket, statusCommand, sshAccess, consulAccess } =
  await clearly(async () => {
    const { settings, topology, validatorKey, nextValidatorKey, sshPrivateKey, warnings } = loadConfiguration();
    for (const warning of warnings) await pulumi.log.warn(warning);
    const updating = !pulumi.runtime.isDryRun();
    // Hosts take a second to look at themselves: they begin first, and what changes nothing goes on beside.
    const looking = updating ? lookAtHosts(topology, sshPrivateKey) : nothingSeen;
    const loading = updating ? import("./secrets/certificates.ts") : undefined;
    const artifacts = await prepareArtifacts(settings);
    refuseFaults("the artifacts", artifacts.faults);
    const plan = planDeployment(topology, artifacts.byArch);
    await loading;
    const { faults, drifted } = await looking;
    refuseFaults("the hosts", faults);
    const access = sshPrivateKey === undefined ? {} : { privateKey: pulumi.secret(sshPrivateKey) };
    const secrets = new ClusterSecrets("secrets", topology, validatorKey, nextValidatorKey);
    new Cluster("cluster", { plan, secrets, access, packed: artifacts.packed, drifted });
    return stackOutputs(topology, sshPrivateKey, secrets.managementToken);
  });
