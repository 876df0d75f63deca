/**
 * Names of the cluster's secrets. A plan speaks of them by name only; infra/secrets/ makes the values.
 * Those of one host carry its name, so that one flat table holds them all.
 */
import { type HostSpecInput, managementTokenOnStdin } from "../../contract/wire/host-spec.ts";

export const clusterSecrets = {
  caCertificate: "ca-certificate",
  managementToken: managementTokenOnStdin,
  validatorKey: "validator-key",
  /** Only while the account's key is being changed. */
  nextValidatorKey: "next-validator-key",
  /** Only with fencing, by devices that need them. */
  fencingToken: "fencing-token",
  fencingSecret: "fencing-secret",
} as const;

/** Of the component that has all secrets below it. */
export const secretsParent = "secrets";

/**
 * What keeps the secrets in the stack's state: `<parent>-<part>`, with these parts for the cluster and a host's name for a
 * host. So no host may be named like one of these.
 */
export const clusterStashes = { secrets: "cluster", authority: "authority" } as const;

export type HostSecret =
  | "certificate"
  | "tls-key"
  /** Consul configuration: gossip key and tokens. */
  | "consul-secrets"
  | "consul-token"
  /** Public id of the token. */
  | "consul-accessor"
  /** neard's node_key.json. */
  | "node-key";

/**
 * Stands in a spec where the public half of its host's node key comes. It is no secret, but it is made with one, so
 * that a plan cannot know it: put in by infra/secrets/cluster-secrets.ts.
 */
export const ownNodeKey = "%{own-node-key}";

/**
 * Likewise for what a host at a cloud gets when it is made, its public IPv4 address and its SSH host key: put in by
 * infra/components/cloud-places.ts.
 */
export const ownPublicAddress = "%{own-public-address}";
export const ownHostKey = "%{own-host-key}";

export function hostSecret(host: string, secret: HostSecret): string {
  return `${host}/${secret}`;
}

/** Every secret that a spec speaks of, sorted: what must come on stdin with it. */
export function secretNamesIn(spec: HostSpecInput): string[] {
  const names = [
    ...(spec.secretFiles ?? []).map((file) => file.secret),
    ...(spec.credentials ?? []).map((credential) => credential.secret),
    ...(spec.acl === undefined
      ? []
      : [spec.acl.managementSecret, ...spec.acl.tokens.flatMap((token) => [token.accessorSecret, token.secret])]),
  ];
  return [...new Set(names)].toSorted();
}
