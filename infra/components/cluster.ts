/**
 * All hosts, in order: what each must have first, then Consul on its servers at once and on the other hosts after them, then its
 * ACLs, then neard, then the agents one after the other, and at last the tokens go that no host has any more. On destroy the same order backwards.
 */
import type { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Claim } from "../../contract/wire/identity.ts";
import { hasRole } from "../config/topology.ts";
import { tokenKeeper } from "../plan/acl.ts";
import type { HostPlan, Plan } from "../plan/deployment.ts";
import { syncWithinMs } from "../plan/neard.ts";
import type { PackedFiles } from "../plan/uploads.ts";
import type { ClusterSecrets } from "../secrets/cluster-secrets.ts";
import { convergeMark, machineMark } from "./again.ts";
import type { SshAccess } from "./connection.ts";
import { forgetHost } from "./gone-host.ts";
import { type Deployment, hostConcern } from "./host-concern.ts";
import { HostRuntime } from "./host-runtime.ts";
import { aclReset, hostGoodbye, hostToken, retiredTokens } from "./host-token.ts";

export interface ClusterParts {
  readonly plan: Plan;
  readonly secrets: ClusterSecrets;
  readonly claim: pulumi.Output<Claim>;
  readonly access: SshAccess;
  readonly packed: PackedFiles;
  /** Names of hosts that are not what was deployed to them. */
  readonly drifted: ReadonlySet<string>;
  /** Names of hosts whose machine has nothing of ours. */
  readonly bare: ReadonlySet<string>;
  /** Names of hosts that this run does not touch; see left-out.ts. */
  readonly leftOut: ReadonlySet<string>;
}

export class Cluster extends pulumi.ComponentResource {
  constructor(name: string, parts: ClusterParts, options?: pulumi.ComponentResourceOptions) {
    super("holdfast:index:Cluster", name, {}, options);
    const { plan } = parts;
    const mark = ({ host: { name } }: HostPlan) =>
      [name, convergeMark(name, parts.drifted.has(name) || parts.bare.has(name), { parent: this })] as const;
    const longestTurnMs = syncWithinMs[plan.topology.network];
    const deployment: Deployment = { ...parts, marks: new Map(plan.hosts.map(mark)), longestTurnMs };
    const runtimes = new Map(
      plan.hosts.map((host) => {
        const { name } = host.host;
        return [
          name,
          new HostRuntime(
            `${name}-runtime`,
            host,
            parts.packed,
            parts.access,
            parts.claim,
            machineMark(name, parts.bare.has(name), { parent: this }),
            parts.leftOut.has(name),
            { parent: this },
          ),
        ] as const;
      }),
    );
    const isServer = ({ host }: HostPlan) => hasRole("consul")(host);
    const servers = plan.hosts.filter(isServer).map((host) => this.#makeBase(host, runtimes, deployment, []));
    const bases = plan.hosts.map(
      (host) => servers.find((base) => base.plan === host) ?? this.#makeBase(host, runtimes, deployment, servers),
    );
    const consul = bases.map((base) => base.consul);
    const aclHost = plan.hosts.find(({ host }) => host.name === plan.acl.spec.host) as HostPlan;
    const resets = this.#resetAcl(deployment, consul);
    const acl = hostConcern("acl", aclHost.host, plan.acl, deployment, {
      parent: this,
      dependsOn: [...consul, ...resets],
    });
    const neards = bases.map((base) => this.#makeNeard(base, acl, deployment));
    let before: readonly remote.Command[] = [];
    for (const wave of plan.agentWaves) {
      const now = wave.map((hostName) => {
        const index = plan.hosts.findIndex(({ host }) => host.name === hostName);
        const { host, agent } = plan.hosts[index] as HostPlan;
        // Its own Consul's end too, though the ACLs imply its Consul: when a host leaves, they stay, and the order is its own.
        const own = [bases[index]?.goodbye, neards[index]].filter((resource) => resource !== undefined);
        return hostConcern(`${hostName}-agent`, host, agent, deployment, {
          parent: this,
          dependsOn: [acl, ...own, ...before],
        });
      });
      before = [...before, ...now];
    }
    retiredTokens(aclHost.host, deployment, { parent: this, dependsOn: [acl, ...before] });
    for (const name of plan.topology.gone) forgetHost(name, this);
    this.registerOutputs({});
  }

  /**
   * Consul waits until every host has its program: in a rolling upgrade the hosts come to the maintenance lock together then,
   * and the one whose server leads, and the active one, can let the others go first.
   * @param servers for a host that is none of them: its Consul waits for theirs. Pulumi runs four steps for each core of the operator's
   *   machine; were those all Consul clients that wait for a leader, the servers would not be started to elect one.
   */
  #makeBase(
    plan: HostPlan,
    runtimes: ReadonlyMap<string, HostRuntime>,
    deployment: Deployment,
    servers: readonly Base[],
  ): Base {
    const { name } = plan.host;
    const runtime = runtimes.get(name) as HostRuntime;
    const keeper = tokenKeeper(deployment.plan.topology, plan.host);
    // Not on its keeper's Consul, which depends on a token in turn: two hosts may be each other's keepers.
    const keeperReady = (runtimes.get(keeper.name) as HostRuntime).ready;
    const token = hostToken(plan.host, keeper, deployment, { parent: this, dependsOn: [keeperReady] });
    const system = hostConcern(`${name}-system`, plan.host, plan.system, deployment, {
      parent: this,
      dependsOn: [runtime.ready],
    });
    const consul = hostConcern(`${name}-consul`, plan.host, plan.consul, deployment, {
      parent: this,
      dependsOn: [
        system,
        token,
        ...[...runtimes.values()].flatMap((of) => uploadsOf(of, ["consul"])),
        ...servers.map((server) => server.consul),
      ],
    });
    const goodbye = hostGoodbye(plan.host, deployment, { parent: this, dependsOn: [consul] });
    return { plan, runtime, consul, goodbye };
  }

  /** Not before Consul runs on all hosts as this stack has it, for it is restarted for that, and another server leads. */
  #resetAcl(deployment: Deployment, consul: remote.Command[]): remote.Command[] {
    const { adopt, hosts } = deployment.plan.topology;
    if (adopt === null) return [];
    return hosts
      .filter(hasRole("consul"))
      .map((server) => aclReset(server, deployment, { parent: this, dependsOn: consul }));
  }

  #makeNeard(
    { plan, runtime, goodbye }: Base,
    acl: remote.Command,
    deployment: Deployment,
  ): remote.Command | undefined {
    if (plan.neard === undefined) return undefined;
    return hostConcern(`${plan.host.name}-neard`, plan.host, plan.neard, deployment, {
      parent: this,
      dependsOn: [acl, goodbye, ...uploadsOf(runtime, ["neard", "genesis"])],
    });
  }
}

interface Base {
  readonly plan: HostPlan;
  readonly runtime: HostRuntime;
  readonly consul: remote.Command;
  /** Comes after Consul, and goes before it. */
  readonly goodbye: remote.Command;
}

function uploadsOf(runtime: HostRuntime, names: readonly string[]): pulumi.Resource[] {
  return names.flatMap((name) => runtime.uploads.get(name) ?? []);
}
