/**
 * The cluster's own certificate authority and the hosts' certificates (RFC 5280). Consul, its clients
 * and the agents trust this authority and no other.
 *
 * Loading the library costs a tenth of a second: import this file only where certificates are made, see
 * docs/decisions/0006-certificates-by-a-library.md.
 *
 * Keys are ECDSA P-256. Validity is ten years, for the authority and for the hosts: an expired
 * certificate would stop a cluster that is otherwise sound, and a lost host's certificate is worth
 * nothing without a token, which is revoked when the host leaves the configuration.
 */
import "reflect-metadata/lite"; // the library wants it, and does not bring it
import { createPrivateKey, KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** Both as PEM; the key as PKCS #8. */
export interface CertifiedKey {
  /** Common name of the subject. */
  readonly name: string;
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateRequest {
  readonly name: string;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
}

const validDays = 3653;
/** Clocks may differ; a certificate must be valid the moment it arrives. */
const backdatedMs = 3_600_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;
const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;

/** A new authority. */
export async function makeAuthority(name: string, nowMs: number): Promise<CertifiedKey> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: commonName(name),
    keys,
    signingAlgorithm: algorithm,
    ...validity(nowMs),
    extensions: [
      // It may sign hosts, and no further authority.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return certified(name, certificate, keys);
}

/** A new key with a certificate from `authority`, good as server and as client. */
export async function certify(
  authority: CertifiedKey,
  request: CertificateRequest,
  nowMs: number,
): Promise<CertifiedKey> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    // As it stands there, byte by byte: that is how Go compares an issuer with its subject.
    issuer: issuer.subjectName,
    subject: commonName(request.name),
    publicKey: keys.publicKey,
    signingKey: createPrivateKey(authority.privateKey).toCryptoKey(algorithm, false, ["sign"]),
    signingAlgorithm: algorithm,
    ...validity(nowMs),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...request.dnsNames.map((value) => ({ type: "dns", value }) as const),
        ...request.addresses.map((value) => ({ type: "ip", value }) as const),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return certified(request.name, certificate, keys);
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

const commonName = (name: string) => [{ CN: [name] }];

const validity = (nowMs: number) => ({
  notBefore: new Date(nowMs - backdatedMs),
  notAfter: new Date(nowMs + validDays * 86_400_000),
});

function certified(name: string, certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): CertifiedKey {
  const privateKey = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString();
  return { name, certificate: `${certificate.toString("pem")}\n`, privateKey };
}
