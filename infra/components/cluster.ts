/**
 * All hosts, in order: what each must have first, then Consul on its servers at once and on the other hosts after them, then its
 * ACLs, then neard, then the agents one after the other, and at last the tokens go that no host has any more. On destroy the same order backwards.
 */
import type { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Claim } from "../../contract/wire/identity.ts";
import { hasRole } from "../config/topology.ts";
import { oneByOne } from "../one-by-one.ts";
import { tokenKeeper } from "../plan/acl.ts";
import type { HostPlan, Plan } from "../plan/deployment.ts";
import { syncWithinMs } from "../plan/neard.ts";
import type { PackedFiles } from "../plan/uploads.ts";
import type { HostMarks } from "../preflight/cloud-state.ts";
import type { ClusterSecrets } from "../secrets/cluster-secrets.ts";
import { keepMarks, machineWords, marksOf } from "./again.ts";
import { connectionsTo, type SshAccess } from "./connection.ts";
import { forgetHost } from "./gone-host.ts";
import { runtimeScript } from "./host-commands.ts";
import { connectionOf, type Deployment, hostConcern, marksAt } from "./host-concern.ts";
import { HostRuntime } from "./host-runtime.ts";
import { aclReset, hostGoodbye, hostToken, retiredTokens } from "./host-token.ts";

export interface ClusterParts {
  readonly plan: Plan;
  readonly secrets: ClusterSecrets;
  readonly claim: pulumi.Output<Claim>;
  readonly access: SshAccess;
  readonly packed: PackedFiles;
  /** As the stack's state has them, by host name; see again.ts. */
  readonly marks: ReadonlyMap<string, HostMarks>;
  /** Names of hosts that are not what was deployed to them. */
  readonly drifted: ReadonlySet<string>;
  /** Names of hosts whose machine has nothing of ours. */
  readonly bare: ReadonlySet<string>;
  /** Names of hosts that this run does not touch; see left-out.ts. */
  readonly leftOut: ReadonlySet<string>;
}

export class Cluster extends pulumi.ComponentResource {
  /** Registers all of it. */
  static async make(name: string, parts: ClusterParts, options?: pulumi.ComponentResourceOptions): Promise<void> {
    await new Cluster("holdfast:index:Cluster", name, {}, options).#make(parts);
  }

  async #make(parts: ClusterParts): Promise<void> {
    const { plan } = parts;
    const names = plan.hosts.map(({ host }) => host.name);
    const marks = marksOf(names, parts.marks, parts.drifted, parts.bare);
    const kept = keepMarks(marks, { parent: this });
    const longestTurnMs = syncWithinMs[plan.topology.network];
    const deployment = {
      ...parts,
      claimText: pulumi.jsonStringify(parts.claim),
      connections: connectionsTo(plan.topology.hosts, parts.access),
      marks,
      longestTurnMs,
    };
    const grounds = new Map(
      await oneByOne(plan.hosts, (host) => [host.host.name, this.#makeGround(host, deployment, kept)]),
    );
    const [servers, clients] = [plan.hosts.filter(isServer), plan.hosts.filter((host) => !isServer(host))];
    const first = await oneByOne(servers, (host) => this.#makeBase(host, grounds, deployment, []));
    const bases = [...first, ...(await oneByOne(clients, (host) => this.#makeBase(host, grounds, deployment, first)))];
    const consul = bases.map((base) => base.consul);
    const aclHost = plan.hosts.find(({ host }) => host.name === plan.acl.spec.host) as HostPlan;
    const resets = this.#resetAcl(deployment, consul);
    const acl = hostConcern("acl", aclHost.host, plan.acl, deployment, {
      parent: this,
      dependsOn: [...consul, ...resets],
    });
    const whole = new Map(
      await oneByOne(bases, (base) => [
        base.plan.host.name,
        { ...base, neard: this.#makeNeard(base, acl, deployment) },
      ]),
    );
    const agents: remote.Command[] = [];
    for (const wave of plan.agentWaves) {
      const before = [...agents];
      agents.push(
        ...(await oneByOne(wave, (hostName) => {
          const { plan, goodbye, neard } = whole.get(hostName) as Base & { readonly neard: remote.Command | undefined };
          // Its own Consul's end too, though the ACLs imply its Consul: when a host leaves, they stay, and the order is its own.
          return hostConcern(`${hostName}-agent`, plan.host, plan.agent, deployment, {
            parent: this,
            dependsOn: [acl, goodbye, ...(neard === undefined ? [] : [neard]), ...before],
          });
        })),
      );
    }
    retiredTokens(aclHost.host, deployment, { parent: this, dependsOn: [acl, ...agents] });
    for (const name of plan.topology.gone) forgetHost(name, this);
    this.registerOutputs({});
  }

  /** `holdfastd`, and with it what all else stands on. */
  #makeGround(plan: HostPlan, deployment: ClusterParts & Deployment, marks: pulumi.Resource): Ground {
    const { host, runtime: programs, uploads } = plan;
    const { packed, access, claim, leftOut } = deployment;
    const runtime = new HostRuntime(
      `${host.name}-runtime`,
      plan,
      packed,
      connectionOf(deployment, host),
      access.places,
      claim,
      machineWords(marksAt(deployment, host)),
      leftOut.has(host.name),
      marks,
      { parent: this },
    );
    const wanted = [programs.node, programs.holdfastd, ...uploads];
    const system = hostConcern(
      `${host.name}-system`,
      host,
      plan.system,
      deployment,
      { parent: this, dependsOn: uploadsOf(runtime, [programs.node.name, programs.holdfastd.name]) },
      (owners) => runtimeScript(programs, wanted, owners),
    );
    return { runtime, system };
  }

  /**
   * Consul waits until every host has its program: in a rolling upgrade the hosts come to the maintenance lock together then,
   * and the one whose server leads, and the active one, can let the others go first.
   * @param servers for a host that is none of them: its Consul waits for theirs. Pulumi runs four steps for each core of the operator's
   *   machine; were those all Consul clients that wait for a leader, the servers would not be started to elect one.
   */
  #makeBase(
    plan: HostPlan,
    grounds: ReadonlyMap<string, Ground>,
    deployment: Deployment,
    servers: readonly Base[],
  ): Base {
    const { name } = plan.host;
    const { runtime, system } = grounds.get(name) as Ground;
    const keeper = tokenKeeper(deployment.plan.topology, plan.host);
    // Not on its keeper's Consul, which depends on a token in turn: two hosts may be each other's keepers.
    const { system: keeperReady } = grounds.get(keeper.name) as Ground;
    const token = hostToken(plan.host, keeper, deployment, { parent: this, dependsOn: [keeperReady] });
    const consul = hostConcern(`${name}-consul`, plan.host, plan.consul, deployment, {
      parent: this,
      dependsOn: [
        system,
        token,
        ...[...grounds.values()].flatMap((of) => uploadsOf(of.runtime, ["consul"])),
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

const isServer = ({ host }: HostPlan) => hasRole("consul")(host);

interface Ground {
  readonly runtime: HostRuntime;
  /** Once it is there, `holdfastd` can be called. */
  readonly system: remote.Command;
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
