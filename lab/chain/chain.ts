/**
 * The slot machine: opens a height every slotMs, takes the signatures that arrive while it is open,
 * closes it, and says what became of it. Pure but for what it is handed: no clock, no sockets.
 *
 * The other validators always produce. Ours does if its block came in time and the neard that signed it
 * had been sent the approvals of the others (approvals.ts): signed is not yet accepted.
 */
import { Approvals, type Duty } from "./approvals.ts";
import { type Genesis, genesisHash, hashBase58 } from "./genesis.ts";
import { nearEpochOf, producerAt, slotStartMs } from "./schedule.ts";
import { type KeyChange, keyIn } from "./validator-keys.ts";
import {
  type AdvertiseMessage,
  type Head,
  type ProducerStats,
  type ReceivedMessage,
  type SignatureMessage,
  signedText,
  type Tier1Message,
  tier1Text,
  verifyingKey,
  verifyText,
} from "./wire.ts";
import type { SignatureEvent, WitnessEvent } from "./witness-event.ts";

/** Where something came from. */
export interface Source {
  readonly host: string;
  readonly address: string;
  /** Of the neard, as it said in its hello; empty before that. */
  readonly nodeKey: string;
}

export class Chain {
  readonly genesis: Genesis;
  readonly hash: string;
  /** The last block. */
  head: Head;
  /** The height that is open now; undefined before the first. */
  open: number | undefined;
  /** Of the present NEAR epoch, as far as this process saw it: what is in the chain. */
  stats: ProducerStats[];
  readonly #record: (event: WitnessEvent) => void;
  /** Whose tenure of our account's key was the last to begin to sign. */
  #signer: { readonly host: string; readonly tenures: Set<string> } | null = null;
  readonly #keyChanges: readonly KeyChange[];
  /** Node keys whose signature of the open height came in time, by kind. */
  #came: Record<SignatureMessage["kind"], Set<string>> = { block: new Set(), endorsement: new Set() };
  #approvals: Approvals | undefined;
  #tenures = new Set<string>();

  /** @param keyChanges is looked at whenever a key is; what is added to it later counts too */
  constructor(
    genesis: Genesis,
    record: (event: WitnessEvent) => void,
    lastHeight: number,
    keyChanges: readonly KeyChange[] = [],
  ) {
    this.genesis = genesis;
    this.hash = genesisHash(genesis);
    this.head = this.#blockAt(Math.max(0, lastHeight), this.hash);
    this.stats = emptyStats(genesis);
    this.#record = record;
    this.#keyChanges = keyChanges;
  }

  /** What the other validators send to our account at the open height. */
  get duties(): readonly Duty[] {
    return this.#approvals?.duties ?? [];
  }

  /** Our account's public key at `height` and in the NEAR epoch after. */
  validatorKeys(height: number): { current: string; next: string } {
    const { number } = nearEpochOf(this.genesis, height);
    const at = (nearEpoch: number) => keyIn(this.genesis, this.#keyChanges, this.genesis.account, nearEpoch) ?? "";
    return { current: at(number), next: at(number + 1) };
  }

  /** Closes the open height, if any, and opens `height`, which must be above it. */
  advance(height: number): void {
    if (this.open !== undefined) {
      if (height <= this.open) throw new Error(`height ${height} does not follow ${this.open}`);
      this.#close(this.open);
      if (nearEpochOf(this.genesis, height).number !== nearEpochOf(this.genesis, this.open).number)
        this.stats = emptyStats(this.genesis);
    }
    this.open = height;
    this.#came = { block: new Set(), endorsement: new Set() };
    this.#approvals = new Approvals(this.genesis, height);
  }

  /** What another validator sent reached the neard of `source`. */
  received(message: ReceivedMessage, source: Source): void {
    this.#approvals?.received(message, source.nodeKey);
  }

  /**
   * A neard advertises itself; the first word of a tenure is recorded. False: the key is not the
   * account's, neither in this NEAR epoch nor in the next, and what it signs counts for nothing.
   */
  advertised(message: AdvertiseMessage, { host, address }: Source, atMs: number): boolean {
    const { account, publicKey, tenure } = message;
    const height = this.open ?? this.head.height;
    const counts = [height, height + this.genesis.epoch_length].some((at) => this.#keyAt(account, at) === publicKey);
    if (!counts) return false;
    if (tenure !== null && !this.#tenures.has(tenure)) {
      this.#tenures.add(tenure);
      this.#record({ type: "key", host, address, account, tenure, atMs });
    }
    return true;
  }

  /** Bytes came by a connection of a process that had the key: none may once another host signs. */
  holderSent({ host, address }: Source, bytes: number, atMs: number): void {
    if (this.#signer === null || this.#signer.host === host) return;
    this.#record({ type: "stray", host, address, bytes, atMs });
  }

  /** Why the first line of a tier-1 connection is not taken, or undefined. */
  tier1Fault(message: Tier1Message): string | undefined {
    if (message.genesisHash !== this.hash) return `its genesis is ${message.genesisHash}, this one's is ${this.hash}`;
    if (!this.genesis.validators.some((one) => one.account_id === message.peer))
      return `${message.peer} is no validator`;
    const expected = this.#keyAt(message.account, this.open ?? this.head.height);
    if (expected === undefined) return `${message.account} is no validator`;
    if (message.publicKey !== expected) return `${message.publicKey} is not the key of ${message.account}`;
    if (!verifyText(verifyingKey(expected), tier1Text(message), message.signature))
      return `the tier-1 handshake is not signed by ${message.publicKey}`;
    return undefined;
  }

  /**
   * Judges a signature that arrived at `arrivedMs` and records it. Late ones count as seen, never as
   * accepted. Returns why it was rejected, or undefined.
   */
  accept(message: SignatureMessage, source: Source, arrivedMs: number): string | undefined {
    const { host, address } = source;
    const because = this.#fault(message);
    if (because !== undefined) {
      this.#record({ type: "rejected", host, address, atMs: arrivedMs, because });
      return because;
    }
    const onTime = message.height === this.open;
    const event: SignatureEvent = {
      type: "signature",
      host,
      address,
      account: message.account,
      key: message.publicKey,
      tenure: message.tenure,
      height: message.height,
      kind: message.kind,
      signature: message.signature,
      sentMs: message.sentMs,
      arrivedMs,
      onTime,
    };
    if (message.account === this.genesis.account) this.#signs(host, message.tenure);
    if (onTime && message.account === this.genesis.account) this.#came[message.kind].add(source.nodeKey);
    this.#record(event);
    return undefined;
  }

  /** A key that merely lies in a neard is no holder's: somebody may have left it there, and its agent kills it. */
  #signs(host: string, tenure: string): void {
    const tenures = this.#signer?.tenures ?? new Set<string>();
    if (!tenures.has(tenure)) this.#signer = { host, tenures: tenures.add(tenure) };
  }

  #keyAt(account: string, height: number): string | undefined {
    return keyIn(this.genesis, this.#keyChanges, account, nearEpochOf(this.genesis, height).number);
  }

  #fault(message: SignatureMessage): string | undefined {
    const { account, height, kind } = message;
    const key = this.#keyAt(account, height);
    if (key === undefined) return `${account} is no validator`;
    if (message.publicKey !== key) return `${message.publicKey} is not the key of ${account}`;
    if (this.open === undefined || height > this.open) return `height ${height} has not begun`;
    if ((kind === "block") !== (producerAt(this.genesis, height) === account))
      return `${account} has no ${kind} to sign at height ${height}`;
    if (!verifyText(verifyingKey(key), signedText(this.hash, message), message.signature))
      return `the signature of height ${height} is not by ${message.publicKey}`;
    return undefined;
  }

  #close(height: number): void {
    const { account } = this.genesis;
    const producer = producerAt(this.genesis, height);
    const approvals = this.#approvals;
    const isApproved = [...this.#came.block].some((nodeKey) => approvals?.approve(nodeKey));
    const accepted = producer !== account || isApproved;
    const endorsed =
      producer !== account && [...this.#came.endorsement].some((nodeKey) => approvals?.witnessed(nodeKey));
    if (accepted) this.head = this.#blockAt(height, this.head.hash);
    for (const one of this.stats) {
      if (one.account === producer) {
        one.expected++;
        if (accepted) one.produced++;
      } else {
        one.expectedEndorsements++;
        if (one.account !== account || endorsed) one.endorsed++;
      }
    }
    const startMs = slotStartMs(this.genesis, height);
    this.#record({ type: "slot", height, startMs, producer, accepted, endorsed });
  }

  #blockAt(height: number, prevHash: string): Head {
    return { height, hash: hashBase58(`${prevHash} ${height}`), timeMs: slotStartMs(this.genesis, height) };
  }
}

function emptyStats(genesis: Genesis): ProducerStats[] {
  return genesis.validators.map((one) => ({
    account: one.account_id,
    produced: 0,
    expected: 0,
    endorsed: 0,
    expectedEndorsements: 0,
  }));
}
