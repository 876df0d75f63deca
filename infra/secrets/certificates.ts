/**
 * The cluster's own certificate authority and the hosts' certificates (RFC 5280). Consul, its clients
 * and the agents trust this authority and no other.
 *
 * Two fixed shapes, written out here: see docs/decisions/0006-certificates-by-hand.md for why no library.
 * Keys are ECDSA P-256. Validity is ten years, for the authority and for the hosts: an expired
 * certificate would stop a cluster that is otherwise sound, and a lost host's certificate is worth
 * nothing without a token, which is revoked when the host leaves the configuration.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { bits, boolean, der, integer, ipBytes, octets, oid, sequence, set, time, utf8 } from "./der.ts";

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

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));

interface Key {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** RFC 5280, 4.2.1.2, method 1: SHA-1 of the bare public key. A name, not a protection. */
  readonly id: Buffer;
}

function keyFrom(privateKey: KeyObject): Key {
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  // An uncompressed point of P-256, 65 bytes, is the end of it.
  return { privateKey, spki, id: createHash("sha1").update(spki.subarray(-65)).digest() };
}

function makeKey(): Key {
  return keyFrom(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
}

function commonName(name: string): Buffer {
  return sequence(set(sequence(oid("2.5.4.3"), utf8(name))));
}

/** One of the extensions of RFC 5280, 4.2.1: `id` is the last number of its OID. */
function extension(id: number, critical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(`2.5.29.${id}`), ...(critical ? [boolean(true)] : []), octets(value));
}

const subjectKeyId = (id: Uint8Array) => extension(14, false, octets(id));
const authorityKeyId = (id: Uint8Array) => extension(35, false, sequence(der(0x80, id)));
/** keyCertSign and cRLSign, or digitalSignature: bits 5, 6 and 0 of KeyUsage. */
const authorityUsage = extension(15, true, bits(Buffer.from([0b0000_0110]), 1));
const hostUsage = extension(15, true, bits(Buffer.from([0b1000_0000]), 7));
/** An authority that may sign hosts, and no further authority. */
const isAuthority = extension(19, true, sequence(boolean(true), integer(Buffer.from([0]))));
const isNoAuthority = extension(19, true, sequence());
const serverAndClient = extension(37, false, sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2")));

function alternativeNames({ dnsNames, addresses }: CertificateRequest): Buffer {
  return extension(
    17,
    false,
    sequence(
      ...dnsNames.map((name) => der(0x82, Buffer.from(name, "ascii"))),
      ...addresses.map((address) => der(0x87, ipBytes(address))),
    ),
  );
}

interface Content {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly extensions: readonly Buffer[];
}

function signed(content: Content, by: KeyObject, nowMs: number): string {
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    // Random, so never the same twice.
    integer(randomBytes(16)),
    ecdsaWithSha256,
    content.issuer,
    sequence(time(new Date(nowMs - backdatedMs)), time(new Date(nowMs + validDays * 86_400_000))),
    content.subject,
    content.spki,
    der(0xa3, sequence(...content.extensions)),
  );
  return pem("CERTIFICATE", sequence(body, ecdsaWithSha256, bits(sign("sha256", body, by))));
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

function privatePem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** A new authority. */
export function makeAuthority(name: string, nowMs: number): CertifiedKey {
  const key = makeKey();
  const subject = commonName(name);
  const extensions = [isAuthority, authorityUsage, subjectKeyId(key.id)];
  return {
    name,
    certificate: signed({ issuer: subject, subject, spki: key.spki, extensions }, key.privateKey, nowMs),
    privateKey: privatePem(key.privateKey),
  };
}

/** A new key with a certificate from `authority`, good as server and as client. */
export function certify(authority: CertifiedKey, request: CertificateRequest, nowMs: number): CertifiedKey {
  const issuer = keyFrom(createPrivateKey(authority.privateKey));
  const key = makeKey();
  const extensions = [
    isNoAuthority,
    hostUsage,
    serverAndClient,
    alternativeNames(request),
    subjectKeyId(key.id),
    authorityKeyId(issuer.id),
  ];
  const content = {
    issuer: commonName(authority.name),
    subject: commonName(request.name),
    spki: key.spki,
    extensions,
  };
  return {
    name: request.name,
    certificate: signed(content, issuer.privateKey, nowMs),
    privateKey: privatePem(key.privateKey),
  };
}
