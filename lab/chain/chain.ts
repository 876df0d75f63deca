/**
 * The slot machine: opens a height every slotMs, takes the signatures that arrive while it is open,
 * closes it, and says what became of it. Pure but for what it is handed: no clock, no sockets.
 *
 * The other validators always produce; ours does if its block came in time.
 */
import type { KeyObject } from "node:crypto";
import { type Genesis, genesisHash, hashBase58 } from "./genesis.ts";
import { nearEpochOf, producerAt, slotStartMs } from "./schedule.ts";
import { type Head, type ProducerStats, type SignatureMessage, signedText, verifyingKey, verifyText } from "./wire.ts";
import type { SignatureEvent, WitnessEvent } from "./witness-event.ts";

/** Where a signature came from. */
export interface Source {
  readonly host: string;
  readonly address: string;
}

export class Chain {
  readonly genesis: Genesis;
  readonly hash: string;
  /** The last block. */
  head: Head;
  /** The height that is open now; undefined before the first. */
  open: number | undefined;
  /** Of the present NEAR epoch, as far as this process saw it. */
  stats: ProducerStats[];
  readonly #keys: Map<string, KeyObject>;
  readonly #record: (event: WitnessEvent) => void;
  /** Kinds of our signatures that came in time for the open height. */
  #came = new Set<string>();

  constructor(genesis: Genesis, record: (event: WitnessEvent) => void, lastHeight: number) {
    this.genesis = genesis;
    this.hash = genesisHash(genesis);
    this.head = this.#blockAt(Math.max(0, lastHeight), this.hash);
    this.stats = emptyStats(genesis);
    this.#keys = new Map(genesis.validators.map((one) => [one.account_id, verifyingKey(one.public_key)]));
    this.#record = record;
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
    this.#came = new Set();
  }

  /**
   * Judges a signature that arrived at `arrivedMs` and records it. Late ones count as seen, never as
   * produced. Returns why it was rejected, or undefined.
   */
  accept(message: SignatureMessage, source: Source, arrivedMs: number): string | undefined {
    const because = this.#fault(message);
    if (because !== undefined) {
      this.#record({ type: "rejected", ...source, atMs: arrivedMs, because });
      return because;
    }
    const onTime = message.height === this.open;
    const event: SignatureEvent = {
      type: "signature",
      ...source,
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
    if (onTime && message.account === this.genesis.account) this.#came.add(message.kind);
    this.#record(event);
    return undefined;
  }

  #fault(message: SignatureMessage): string | undefined {
    const { account, height, kind } = message;
    const validator = this.genesis.validators.find((one) => one.account_id === account);
    const key = this.#keys.get(account);
    if (validator === undefined || key === undefined) return `${account} is no validator`;
    if (message.publicKey !== validator.public_key) return `${message.publicKey} is not the key of ${account}`;
    if (this.open === undefined || height > this.open) return `height ${height} has not begun`;
    if ((kind === "block") !== (producerAt(this.genesis, height) === account))
      return `${account} has no ${kind} to sign at height ${height}`;
    if (!verifyText(key, signedText(this.hash, message), message.signature))
      return `the signature of height ${height} is not by ${message.publicKey}`;
    return undefined;
  }

  #close(height: number): void {
    const { account } = this.genesis;
    const producer = producerAt(this.genesis, height);
    const produced = producer !== account || this.#came.has("block");
    if (produced) this.head = this.#blockAt(height, this.head.hash);
    for (const one of this.stats) {
      const present = one.account !== account || this.#came.size > 0;
      if (one.account === producer) {
        one.expected++;
        if (produced) one.produced++;
      } else {
        one.expectedEndorsements++;
        if (present) one.endorsed++;
      }
    }
    const endorsed = producer !== account && this.#came.size > 0;
    const startMs = slotStartMs(this.genesis, height);
    this.#record({ type: "slot", height, startMs, producer, accepted: produced, endorsed });
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
