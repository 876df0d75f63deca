/**
 * Makes the secrets that nobody chooses. Each is made from the system's random source and nothing else,
 * so that none can be derived from another. With one exception, see `adoptersToken`.
 */
import { hkdfSync, randomBytes, randomUUID } from "node:crypto";
import { generateValidatorKey, parseValidatorKey } from "../../contract/near-key.ts";
import type { Host, Topology } from "../config/topology.ts";
import { hasRole } from "../config/topology.ts";
import { serverName } from "../plan/consul-config.ts";
import type { CertificateRequest } from "./certificates.ts";

export interface ClusterSecretValues {
  /** 32 bytes in base64: Consul encrypts its gossip with it. */
  readonly gossipKey: string;
  /** For the operator alone: no host keeps it. */
  readonly managementToken: string;
  /** PEM: authorities that are trusted besides the deployment's own, for the certificates of adopted hosts are theirs. */
  readonly trusted?: string;
}

export interface HostSecretValues {
  readonly consulAccessor: string;
  readonly consulToken: string;
  /** neard's node_key.json. */
  readonly nodeKey: string;
}

export function makeClusterSecrets(): ClusterSecretValues {
  return { gossipKey: randomBytes(32).toString("base64"), managementToken: randomUUID() };
}

/**
 * The management token of a stack that adopts hosts none of which can tell it theirs. Its runs must find the same one until the
 * adoption is through, and the authority is what they all have; its private key never leaves the state, which has this too.
 */
export function adoptersToken(authorityKey: string): string {
  const bytes = Buffer.from(
    hkdfSync("sha256", authorityKey, "", "holdfast: management token of an adopting stack", 16),
  );
  // As RFC 9562 wants it of a UUID without a meaning: Consul takes no other text.
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export function makeHostSecrets(): HostSecretValues {
  // nearcore names the account of a node key "node"; an account id of its own means nothing there.
  const key = generateValidatorKey("node");
  const nodeKey = { account_id: "node", public_key: key.publicKey, secret_key: key.secretKey };
  return {
    consulAccessor: randomUUID(),
    consulToken: randomUUID(),
    nodeKey: `${JSON.stringify(nodeKey, null, 2)}\n`,
  };
}

/** `ed25519:<base58>`, of a node_key.json that `makeHostSecrets` made. */
export function publicNodeKey(nodeKey: string): string {
  return parseValidatorKey(nodeKey, "node").publicKey;
}

/** What the certificate of `host` says. Only a server's lets it speak as one. */
export function certificateRequest(topology: Topology, host: Host): CertificateRequest {
  const server = hasRole("consul")(host) ? [serverName(topology.consul.datacenter)] : [];
  return {
    name: host.name,
    dnsNames: [host.name, "localhost", ...server],
    addresses: ["127.0.0.1", host.address],
  };
}

/** The part of Consul's configuration that is secret. The management token is no part of any host's. */
export function consulSecretsJson(
  cluster: Pick<ClusterSecretValues, "gossipKey">,
  host: Pick<HostSecretValues, "consulToken">,
): string {
  return JSON.stringify({ encrypt: cluster.gossipKey, acl: { tokens: { agent: host.consulToken } } });
}
