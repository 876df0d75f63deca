/**
 * The cluster's secrets, by the names that the plan uses. Those that nobody chooses are made once and
 * kept, encrypted, in the stack's state: a Stash whose input is ignored after the first time.
 *
 * A host's secrets stand by themselves, so a host that comes or goes changes nobody else's.
 * Awkward case: a host whose address or role changes needs another certificate. Both are in the
 * resource's name, so that it is a new one; the rest of its secrets stay.
 * Another one: a stack that lost its state and adopts its hosts. What they have becomes the stack's own. Lost are the
 * authority's key, so the new authority is trusted beside the old one, whose certificates the hosts keep; and the
 * management token, so Consul is made to take another one.
 *
 * The authority comes first, for the deployment is known by it, and hosts are asked whose they are before anything else
 * is made.
 */
import * as pulumi from "@pulumi/pulumi";
import { deploymentId } from "../../contract/deployment.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { oneByOne } from "../one-by-one.ts";
import { clusterSecrets, clusterStashes, type HostSecret, hostSecret, ownNodeKey } from "../plan/secret-names.ts";
import type { Adopted } from "./adopted.ts";
import type { CertifiedKey } from "./certificates.ts";
import {
  adoptersToken,
  type ClusterSecretValues,
  certificateRequest,
  consulSecretsJson,
  type HostSecretValues,
  makeClusterSecrets,
  makeHostSecrets,
  publicNodeKey,
} from "./make-secrets.ts";

export class ClusterSecrets extends pulumi.ComponentResource {
  readonly #name: string;
  readonly #topology: Topology;
  readonly #authority: pulumi.Output<CertifiedKey>;
  readonly #values = new Map<string, pulumi.Output<string>>();
  /** Of the deployment that this stack is; not known yet in the preview of a new one. */
  readonly id: pulumi.Output<string>;

  /** Makes the authority; `make` makes the rest. */
  constructor(name: string, topology: Topology, options?: pulumi.ComponentResourceOptions) {
    super("holdfast:index:ClusterSecrets", name, {}, options);
    this.#name = name;
    this.#topology = topology;
    this.#authority = this.#keep<CertifiedKey>(
      `${name}-${clusterStashes.authority}`,
      unlessPreview(async () => {
        const { makeAuthority } = await import("./certificates.ts");
        return await makeAuthority(`holdfast ${topology.network}`, Date.now());
      }),
    );
    this.id = pulumi.unsecret(this.#authority.apply(({ certificate }) => deploymentId(certificate) ?? ""));
  }

  /**
   * @param validatorKey the text of the key file, and `nextValidatorKey` of the next one's, where there is one.
   * @param given other secrets of the operator's, by their names in `clusterSecrets`
   * @param adopted what the hosts of a deployment that is being taken over have
   */
  async make(
    validatorKey: pulumi.Output<string>,
    nextValidatorKey: pulumi.Output<string> | undefined,
    given: Readonly<Partial<Record<"fencingToken" | "fencingSecret", pulumi.Output<string>>>> = {},
    adopted?: Adopted,
  ): Promise<this> {
    const name = `${this.#name}-${clusterStashes.secrets}`;
    const cluster = this.#keep<ClusterSecretValues>(
      name,
      makeClusterSecrets(),
      adopted && this.#adoptersSecrets(adopted),
    );
    const certificates = pulumi
      .all([this.#authority, cluster])
      .apply(([{ certificate }, { trusted = "" }]) => certificate + trusted);
    this.#values.set(clusterSecrets.managementToken, cluster.managementToken);
    this.#values.set(clusterSecrets.caCertificate, certificates);
    this.#values.set(clusterSecrets.validatorKey, validatorKey);
    if (nextValidatorKey !== undefined) this.#values.set(clusterSecrets.nextValidatorKey, nextValidatorKey);
    for (const name of ["fencingToken", "fencingSecret"] as const) {
      const value = given[name];
      if (value !== undefined) this.#values.set(clusterSecrets[name], value);
    }
    await oneByOne(this.#topology.hosts, (host) => this.#addHost(host, cluster, adopted));
    this.registerOutputs({});
    return this;
  }

  #adoptersSecrets({ cluster, managementToken }: Adopted): pulumi.Output<ClusterSecretValues> {
    return this.#authority.apply(({ privateKey }) => ({
      ...cluster,
      managementToken: managementToken ?? adoptersToken(privateKey),
    }));
  }

  /**
   * `value`, but not before all secrets are in the stack's state. For what adopts hosts: one that is this stack's already is
   * not asked for its secrets again, should this run be cut off.
   */
  afterAll<T>(value: pulumi.Output<T>): pulumi.Output<T> {
    const all = pulumi.all([...this.#values.values()]);
    return pulumi.unsecret(pulumi.all([value, all]).apply(([given]) => given)) as pulumi.Output<T>;
  }

  /** Consul's management token: for the operator's own commands, by the stack's outputs. */
  get managementToken(): pulumi.Output<string> {
    const value = this.#values.get(clusterSecrets.managementToken);
    if (value === undefined) throw new TypeError("the cluster has no management token");
    return value;
  }

  /** `text` with this host's public node key where the plan left room for it; what has no room stays plain. */
  withNodeKey(host: string, text: string): pulumi.Input<string> {
    if (!text.includes(ownNodeKey)) return text;
    const nodeKey = this.#values.get(hostSecret(host, "node-key"));
    if (nodeKey === undefined) throw new TypeError(`the plan names the node key of a host that has none: ${host}`);
    // Its public half alone: everybody who dials the node knows it, and a preview shows it.
    const publicKey = pulumi.unsecret(nodeKey.apply(publicNodeKey));
    return publicKey.apply((key) => text.replaceAll(ownNodeKey, key));
  }

  /** JSON object of the secrets with these names, and of `more`: stdin of one `apply`. */
  json(names: readonly string[], more: Readonly<Record<string, pulumi.Input<string>>> = {}): pulumi.Output<string> {
    const wanted = names.map((name) => {
      const value = this.#values.get(name);
      if (value === undefined) throw new TypeError(`the plan names a secret that nobody makes: ${name}`);
      return [name, value] as const;
    });
    return pulumi.secret(pulumi.jsonStringify({ ...Object.fromEntries(wanted), ...more }));
  }

  #addHost(host: Host, cluster: pulumi.Output<ClusterSecretValues>, adopted: Adopted | undefined): void {
    const name = this.#name;
    const theirs = adopted?.hosts.get(host.name);
    const made = makeHostSecrets();
    const own = this.#keep<HostSecretValues>(
      `${name}-${host.name}`,
      made,
      theirs && { ...made, consulToken: theirs.consulToken, nodeKey: theirs.nodeKey ?? made.nodeKey },
    );
    const server = hasRole("consul")(host);
    const tls = this.#keep<CertifiedKey>(
      `${name}-${host.name}-certificate-${server ? "server" : "client"}-${host.address}`,
      unlessPreview(async () => {
        const { certify } = await import("./certificates.ts");
        return this.#authority.apply((by) => certify(by, certificateRequest(this.#topology, host), Date.now()));
      }),
      theirs?.certified,
    );
    const values: Record<HostSecret, pulumi.Output<string>> = {
      certificate: tls.certificate,
      "tls-key": tls.privateKey,
      "consul-secrets": pulumi.all([cluster, own]).apply(([c, o]) => consulSecretsJson(c, o)),
      "consul-token": own.consulToken,
      "consul-accessor": own.consulAccessor,
      "node-key": own.nodeKey,
    };
    for (const [secret, value] of Object.entries(values))
      this.#values.set(hostSecret(host.name, secret as HostSecret), value);
  }

  /** The value of the first run, whatever is given later; or `instead`, from now on. */
  #keep<T>(name: string, first: pulumi.Input<T>, instead?: pulumi.Input<T>): pulumi.Output<T> {
    const stash = new pulumi.Stash(
      name,
      { input: pulumi.secret(instead ?? first) },
      // What a Stash gives out is its first input: for another, it must be another.
      instead === undefined
        ? { parent: this, ignoreChanges: ["input"] }
        : { parent: this, replaceOnChanges: ["input"] },
    );
    return pulumi.secret(stash.output) as pulumi.Output<T>;
  }
}

/**
 * A certificate for a Stash that may have one already: a program cannot ask the state first. A preview
 * makes none, for it changes no state; what it shows of a new one is that it is not known yet.
 */
function unlessPreview(make: () => Promise<pulumi.Input<CertifiedKey>>): pulumi.Output<CertifiedKey> {
  return pulumi.output(
    pulumi.runtime.isDryRun() ? (pulumi.unknown as unknown as CertifiedKey) : make(),
  ) as pulumi.Output<CertifiedKey>;
}
