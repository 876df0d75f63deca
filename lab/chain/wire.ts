/**
 * What the chain and a neard say to each other: one JSON object a line over TCP. Both sides check
 * every line that arrives; a line that does not fit ends the connection.
 *
 * Two kinds of connections, told apart by their first line. A *link* (`hello`; NEAR's tier 2) is one per
 * node key: heights come over it, signatures go over it. A *tier-1 connection* (`tier1`) is one per
 * account key and peer: over it a peer sends what is meant for the account.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { base58 } from "@scure/base";
import * as z from "zod";
import { accountSchema } from "../../contract/topology.ts";

const height = z.number().int().nonnegative();
const hash = z.string().min(1).max(64);
const key = z.string().max(60);

/** A block where the account produces the height; an endorsement of it at every other height. */
export const signatureKinds = ["block", "endorsement"] as const;

export const signatureMessageSchema = z.strictObject({
  type: z.literal("signature"),
  kind: z.enum(signatureKinds),
  height,
  prevHash: hash,
  account: accountSchema,
  publicKey: key,
  /** Base58 of the 64 bytes of ed25519 over `signedText`. */
  signature: z.string().max(100),
  /**
   * Names one stay of one key in one process: a new one at every load of a key that was not loaded
   * before. The witness tells by it whether a host signed on or signed again.
   */
  tenure: z.string().min(1).max(64),
  /** When neard sent it, on its host's wall clock. */
  sentMs: z.number(),
});
export type SignatureMessage = z.infer<typeof signatureMessageSchema>;

export const fromNeardSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("hello"),
    chainId: z.string().max(64),
    genesisHash: hash,
    nodeKey: key,
    version: z.string().max(64),
    protocolVersion: z.number().int(),
    networkAddr: z.string().max(64),
  }),
  /** First line of a tier-1 connection to the validator `peer`. The signature is over `tier1Text`. */
  z.strictObject({
    type: z.literal("tier1"),
    genesisHash: hash,
    peer: accountSchema,
    account: accountSchema,
    publicKey: key,
    nodeKey: key,
    signature: z.string().max(100),
  }),
  /**
   * Account data: "I can be reached for this account". The highest version counts. Also from a process
   * that has lost the key since; `tenure` is of the key that it has now.
   */
  z.strictObject({
    type: z.literal("advertise"),
    account: accountSchema,
    /** Data of a key that is not the account's counts for nothing. */
    publicKey: key,
    version: z.number().int(),
    tenure: z.string().min(1).max(64).nullable(),
  }),
  /** What a node says on a link in any case; by it the chain knows that the link lives. */
  z.strictObject({ type: z.literal("gossip"), height }),
  /** This neard has the account's key, and `forAccount` came to it. The token proves that it did. */
  z.strictObject({ type: z.literal("received"), from: accountSchema, height, token: z.string().max(64) }),
  signatureMessageSchema,
]);
export type FromNeard = z.infer<typeof fromNeardSchema>;
export type HelloMessage = Extract<FromNeard, { type: "hello" }>;
export type Tier1Message = Extract<FromNeard, { type: "tier1" }>;
export type AdvertiseMessage = Extract<FromNeard, { type: "advertise" }>;
export type ReceivedMessage = Extract<FromNeard, { type: "received" }>;

export const producerStatsSchema = z.strictObject({
  account: z.string(),
  produced: z.number().int(),
  expected: z.number().int(),
  endorsed: z.number().int(),
  expectedEndorsements: z.number().int(),
});
export type ProducerStats = z.infer<typeof producerStatsSchema>;

export const knownProducerSchema = z.strictObject({ account_id: z.string(), addr: z.null(), peer_id: z.string() });
export type KnownProducer = z.infer<typeof knownProducerSchema>;

export const headSchema = z.strictObject({ height, hash, timeMs: z.number() });
export type Head = z.infer<typeof headSchema>;

export const fromChainSchema = z.discriminatedUnion("type", [
  /** First line of a connection, before any slot: the head, but nothing to sign. */
  z.strictObject({ type: z.literal("welcome"), nodeKey: key, head: headSchema }),
  /** A height begins; `head` is the last block before it. */
  z.strictObject({
    type: z.literal("slot"),
    height,
    timeMs: z.number(),
    producer: z.string(),
    head: headSchema,
    protocolVersion: z.number().int(),
    peers: z.number().int(),
    /** Of the present NEAR epoch. */
    stats: z.array(producerStatsSchema),
    knownProducers: z.array(knownProducerSchema),
    /** Our account's public key in the NEAR epoch of `height`, and in the next one. */
    validatorKeys: z.strictObject({ current: key, next: key }),
  }),
  /**
   * What the validator `from` sends to our account at `height`: its approval where the height is ours, the
   * state witness of its chunk or parts of chunks elsewhere. It goes where `from` believes the account to be.
   */
  z.strictObject({
    type: z.literal("forAccount"),
    from: z.string(),
    height,
    token: z.string(),
    /** So that a send buffer fills as fast as measured; what is in it means nothing. */
    padding: z.string(),
  }),
  /** The newest account data of our account, whenever it changes and after the welcome. */
  z.strictObject({ type: z.literal("accountData"), account: z.string(), nodeKey: key, version: z.number().int() }),
  /** The tier-1 connection stands. */
  z.strictObject({ type: z.literal("tier1Accepted"), peer: z.string() }),
  /** The chain turns this neard away; the connection ends. */
  z.strictObject({ type: z.literal("refused"), because: z.string() }),
]);
export type FromChain = z.infer<typeof fromChainSchema>;
export type SlotMessage = Extract<FromChain, { type: "slot" }>;
export type ForAccountMessage = Extract<FromChain, { type: "forAccount" }>;
export type AccountDataMessage = Extract<FromChain, { type: "accountData" }>;

/** What a signature covers. The genesis hash keeps signatures of one lab chain out of another. */
export function signedText(
  genesisHash: string,
  message: Pick<SignatureMessage, "height" | "kind" | "prevHash" | "account">,
): string {
  return ["holdfast-lab", genesisHash, message.height, message.kind, message.prevHash, message.account].join(":");
}

/** What the first line of a tier-1 connection covers: only who has the account's key can open one. */
export function tier1Text(message: Omit<Tier1Message, "type" | "signature">): string {
  return ["holdfast-lab-tier1", message.genesisHash, message.peer, message.account, message.nodeKey].join(":");
}

// RFC 8410: the fixed DER around an ed25519 key's 32 bytes.
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

function rawKey(key: string): Uint8Array {
  return base58.decode(key.replace(/^ed25519:/, "")).subarray(0, 32);
}

/** The signing half of a NEAR secret key, for `signText`. */
export function signingKey(secretKey: string): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, rawKey(secretKey)]), format: "der", type: "pkcs8" });
}

/** The other half, from a NEAR public key, for `verifyText`. */
export function verifyingKey(publicKey: string): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiPrefix, rawKey(publicKey)]), format: "der", type: "spki" });
}

/** ed25519 over `text`, base58. */
export function signText(key: KeyObject, text: string): string {
  return base58.encode(sign(null, Buffer.from(text), key));
}

/** Whether `signature` is `key`'s over `text`; false too for what is no signature at all. */
export function verifyText(key: KeyObject, text: string, signature: string): boolean {
  let bytes: Uint8Array;
  try {
    bytes = base58.decode(signature);
  } catch {
    return false;
  }
  return verify(null, Buffer.from(text), key, bytes);
}

/**
 * Cuts a byte stream into lines. A line longer than `maxBytes` is a fault: nobody honest sends one.
 * @throws Error when the line is too long
 */
export function lineReader(onLine: (line: string) => void, maxBytes = 65_536): (chunk: Buffer) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxBytes) throw new Error(`a line is longer than ${maxBytes} bytes`);
    for (const line of lines) onLine(line);
  };
}
