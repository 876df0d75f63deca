/**
 * The part of a run that concerns hosts at a cloud, in its order: what the stack's own state has, whether the API agrees and
 * can do what is wanted, then the resources, then the wait for new hosts. Nothing is registered with the provider before the token
 * is known to be of the right project.
 */
import * as pulumi from "@pulumi/pulumi";
import pRetry from "p-retry";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import type { HostNow } from "../contract/taking-away.ts";
import { claimAs, known, stackName } from "./claim.ts";
import type { Cloud } from "./components/cloud.ts";
import { type CloudPlace, type CloudPlaces, type KnownPlace, withKnownPlaces } from "./components/cloud-places.ts";
import { refuseFaults } from "./config/faults.ts";
import type { Configuration } from "./config/load-configuration.ts";
import { isAtCloud, type Topology } from "./config/topology.ts";
import { leftOutFaults } from "./left-out.ts";
import { planCloud } from "./plan/cloud.ts";
import { sectionFaults } from "./preflight/cloud-project.ts";
import {
  type CloudState,
  cloudStateFrom,
  isReady,
  placesNow,
  type ResourceOutputs,
  serverInState,
} from "./preflight/cloud-state.ts";
import { replaceableHosts } from "./replaceable.ts";

export interface CloudRun {
  /** Where the hosts are, as far as this is known before anything is made. */
  readonly topology: Topology;
  /** Names of hosts that are not there yet, or not ready: nobody can look at them before they are. */
  readonly awaited: ReadonlySet<string>;
  /** Names of what the stack's state has of commands on hosts, and of copies to them: from before this run. */
  readonly onHosts: ReadonlySet<string>;
  /** Of hosts, by name, as that state has them; see components/again.ts. */
  readonly marks: CloudState["marks"];
  /** Registers the resources. */
  make(): Promise<CloudPlaces>;
  /**
   * Only in an update: when everything is made, waits for the hosts that are new.
   * @returns where all hosts are, to look at them (again); null: none is new
   * @throws FaultsError for hosts that do not get ready
   */
  ready(places: CloudPlaces): Promise<Topology | null>;
  /** Registers what says so: after `ready`, and in a preview. */
  keepReady(): void;
}

/** Asks the servers that are to be adopted whether they are the right ones, and whose; see preflight/to-adopt.ts. */
export type AskToAdopt = typeof import("./preflight/to-adopt.ts").strangerFaults;

/**
 * @param leftOut see left-out.ts
 * @param ask for tests in which nobody can log in to a server
 * @throws FaultsError before anything is made
 */
export async function beginCloud(
  configuration: Configuration,
  leftOut: ReadonlySet<string>,
  ask: AskToAdopt = async (...given) => (await import("./preflight/to-adopt.ts")).strangerFaults(...given),
): Promise<CloudRun> {
  const { topology, hcloudToken, sshPrivateKey } = configuration;
  const plan = planCloud(topology);
  const replaceable = replaceableHosts(topology);
  if (plan === null || hcloudToken === undefined) {
    const state = await readState();
    refuseFaults("holdfast's settings", sectionFaults(state));
    const none = { make: async () => new Map(), ready: async () => null, keepReady: () => {} };
    return { topology, awaited: new Set(), onHosts: state.onHosts, marks: state.marks, ...none };
  }
  const preview = pulumi.runtime.isDryRun();
  const [state, { cloudClient, lookAgain, lookAtCloud }] = await Promise.all([
    readState(),
    import("./preflight/look-at-cloud.ts"),
  ]);
  refuseFaults("the environment", leftOutFaults(topology, state, leftOut, replaceable));
  const there = withKnownPlaces(topology, placesNow(topology.hosts.filter(isAtCloud), state));
  const client = cloudClient(plan.cloud, hcloudToken);
  const seen = await lookAtCloud(client, {
    topology,
    cloud: plan.cloud,
    state,
    replaceable,
    leftOut,
    preview,
    hostsNow: async () => (preview ? [] : await hostsNow(there, sshPrivateKey)),
  });
  for (const note of seen.notes) await pulumi.log.info(note);
  for (const warning of seen.warnings) await pulumi.log.warn(warning);
  refuseFaults("what is to be made at Hetzner", seen.faults);
  // In a preview no host is asked.
  if (!preview && seen.adopting.size > 0)
    refuseFaults(
      "what is to be adopted",
      await ask(
        topology.hosts.filter(isAtCloud),
        seen.adopting,
        loginOf(sshPrivateKey),
        claimAs(state.deployment, topology, stackName()),
      ),
    );
  const names = plan.hosts.map(({ host }) => host.name);
  const awaited = new Set(
    names.filter((name) => replaceable.has(name) || seen.doubtful.has(name) || !isReady(state, name)),
  );
  let made: Cloud | undefined;
  return {
    topology: there,
    awaited,
    onHosts: state.onHosts,
    marks: state.marks,
    make: async () => {
      const [{ Cloud }, { makeKeyPair }] = await Promise.all([
        import("./components/cloud.ts"),
        import("../ssh/key-pair.ts"),
      ]);
      const makeHostKey = (host: string) => makeKeyPair(host);
      const token = pulumi.secret(hcloudToken);
      made = new Cloud("cloud", { plan, token, replaceable, state, takingOver: seen.takingOver, makeHostKey });
      return made.places;
    },
    keepReady: () => made?.keepReady(),
    ready: async (places) => {
      const now = new Map(await Promise.all([...places].map(knownPlace)));
      const isOther = (name: string) => now.get(name)?.serverId !== String(serverInState(state, name)?.id);
      const fresh = new Set(names.filter((name) => awaited.has(name) || isOther(name)));
      if (fresh.size === 0) return null;
      const reached = withKnownPlaces(topology, now);
      const doubtful = plan.hosts.map(({ host }) => host).filter(({ name }) => seen.doubtful.has(name));
      const ids = new Map([...now].map(([name, { serverId }]) => [name, Number(serverId)]));
      refuseFaults("what was made at Hetzner", await lookAgain(client, plan.cloud, doubtful, ids));
      await waitForAll(reached, fresh, sshPrivateKey);
      return reached;
    },
  };
}

/** What the backend has of this very stack; called before any resource is registered, for with each the engine writes it anew. */
async function readState(): Promise<CloudState> {
  // The engine's own, without a function in the SDK (pulumi 3.259: pkg/resource/deploy/builtins.go).
  const token = "pulumi:pulumi:readStackResourceOutputs";
  const read = async () =>
    (await pulumi.runtime.invoke(token, { stackName: stackName() })) as { readonly outputs: ResourceOutputs };
  try {
    // Where the backend is a folder, the engine writes the state's file in place: half of it may be there ("EOF", seen once
    // where resources were registered before this).
    const { outputs } = await pRetry(read, { retries: 3, minTimeout: 200 });
    return cloudStateFrom(outputs);
  } catch (cause) {
    throw new HoldfastError("HF_STACK_UNAVAILABLE", `The stack's own state cannot be read: ${plainReason(cause)}.`, {
      next: "Without it nobody knows whether this stack has servers at Hetzner, and which, so nothing is made. Try pulumi stack export; it says what is wrong.",
      cause,
    });
  }
}

/** Once server and attachment are there too. */
async function knownPlace([name, place]: [string, CloudPlace]): Promise<[string, KnownPlace & { serverId: string }]> {
  const { address, hostKey, serverId, made } = place;
  await known(pulumi.all(made.map(({ urn }) => urn)));
  const [at, key, server] = await known(pulumi.all([address, hostKey, serverId]));
  return [name, { address: at, hostKey: key, serverId: server }];
}

const loginOf = (privateKey: string | undefined) =>
  privateKey === undefined ? { agentSocket: process.env.SSH_AUTH_SOCK ?? "" } : { privateKey };

/** What every host's agent says of itself; asked only where the answer decides something. */
async function hostsNow({ hosts }: Topology, privateKey: string | undefined): Promise<HostNow[]> {
  const { askStatus } = await import("./preflight/ask-status.ts");
  return await Promise.all(
    hosts.map(async (host) => ({
      name: host.name,
      roles: host.roles,
      status: await askStatus(host, loginOf(privateKey)),
    })),
  );
}

async function waitForAll(
  { hosts }: Topology,
  names: ReadonlySet<string>,
  privateKey: string | undefined,
): Promise<void> {
  const [{ waitForHost }, { accessFault }] = await Promise.all([
    import("./preflight/wait-for-host.ts"),
    import("./preflight/ask-host.ts"),
  ]);
  const shutOut = accessFault(privateKey);
  if (shutOut !== undefined) refuseFaults("the way to the hosts", [shutOut]);
  const say = (name: string) => (what: string) => void pulumi.log.info(`${name}: ${what}`, undefined, undefined, true);
  const fresh = hosts.filter(isAtCloud).filter(({ name }) => names.has(name));
  const all = await Promise.all(fresh.map((host) => waitForHost(host, loginOf(privateKey), say(host.name))));
  for (const warning of all.flatMap(({ warnings }) => warnings)) await pulumi.log.warn(warning);
  refuseFaults(
    "the new hosts",
    all.flatMap(({ faults }) => faults),
  );
}
