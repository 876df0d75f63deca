/**
 * The cluster's secrets, by the names that the plan uses. Those that nobody chooses are made once and
 * kept, encrypted, in the stack's state: a Stash whose input is ignored after the first time.
 *
 * A host's secrets stand by themselves, so a host that comes or goes changes nobody else's.
 * Awkward case: a host whose address or role changes needs another certificate. Both are in the
 * resource's name, so that it is a new one; the rest of its secrets stay.
 */
import * as pulumi from "@pulumi/pulumi";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { clusterSecrets, clusterStashes, type HostSecret, hostSecret, ownNodeKey } from "../plan/secret-names.ts";
import type { CertifiedKey } from "./certificates.ts";
import {
  type ClusterSecretValues,
  certificateRequest,
  consulSecretsJson,
  type HostSecretValues,
  makeClusterSecrets,
  makeHostSecrets,
  publicNodeKey,
} from "./make-secrets.ts";

export class ClusterSecrets extends pulumi.ComponentResource {
  readonly #values = new Map<string, pulumi.Output<string>>();

  /** @param validatorKey the text of the key file, and `nextValidatorKey` of the next one's, where there is one. */
  constructor(
    name: string,
    topology: Topology,
    validatorKey: pulumi.Output<string>,
    nextValidatorKey: pulumi.Output<string> | undefined,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("holdfast:index:ClusterSecrets", name, {}, options);
    const cluster = this.#keep<ClusterSecretValues>(`${name}-${clusterStashes.secrets}`, makeClusterSecrets());
    const authority = this.#keep<CertifiedKey>(
      `${name}-${clusterStashes.authority}`,
      unlessPreview(async () => {
        const { makeAuthority } = await import("./certificates.ts");
        return await makeAuthority(`holdfast ${topology.network}`, Date.now());
      }),
    );
    this.#values.set(clusterSecrets.managementToken, cluster.managementToken);
    this.#values.set(clusterSecrets.caCertificate, authority.certificate);
    this.#values.set(clusterSecrets.validatorKey, validatorKey);
    if (nextValidatorKey !== undefined) this.#values.set(clusterSecrets.nextValidatorKey, nextValidatorKey);
    for (const host of topology.hosts) this.#addHost(name, topology, host, cluster, authority);
    this.registerOutputs({});
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

  #addHost(
    name: string,
    topology: Topology,
    host: Host,
    cluster: pulumi.Output<ClusterSecretValues>,
    authority: pulumi.Output<CertifiedKey>,
  ): void {
    const own = this.#keep<HostSecretValues>(`${name}-${host.name}`, makeHostSecrets());
    const server = hasRole("consul")(host);
    const tls = this.#keep<CertifiedKey>(
      `${name}-${host.name}-certificate-${server ? "server" : "client"}-${host.address}`,
      unlessPreview(async () => {
        const { certify } = await import("./certificates.ts");
        return authority.apply((by) => certify(by, certificateRequest(topology, host), Date.now()));
      }),
    );
    const values: Record<HostSecret, pulumi.Output<string>> = {
      certificate: tls.certificate,
      "tls-key": tls.privateKey,
      "consul-secrets": pulumi.all([cluster, own]).apply(([c, o]) => consulSecretsJson(c, o, server)),
      "consul-token": own.consulToken,
      "consul-accessor": own.consulAccessor,
      "node-key": own.nodeKey,
    };
    for (const [secret, value] of Object.entries(values))
      this.#values.set(hostSecret(host.name, secret as HostSecret), value);
  }

  /** The value of the first run, whatever is given later. */
  #keep<T>(name: string, first: pulumi.Input<T>): pulumi.Output<T> {
    const stash = new pulumi.Stash(name, { input: pulumi.secret(first) }, { parent: this, ignoreChanges: ["input"] });
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
