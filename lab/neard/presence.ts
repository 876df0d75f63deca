/**
 * How the network sees this process: its link, its tier-1 connections, and the account data that it signs.
 * What it learns there goes to the node; what the node holds it asks for.
 */
import { type Genesis, genesisHash } from "../chain/genesis.ts";
import type { AccountDataMessage, ForAccountMessage, FromNeard, Head, SlotMessage } from "../chain/wire.ts";
import { Advertising } from "./advertising.ts";
import { type Link, openLink } from "./link.ts";
import type { Log } from "./log.ts";
import type { Signer } from "./reload.ts";
import { isValidator } from "./signing.ts";
import { openTier1, type Tier1Connections } from "./tier1.ts";
import { version } from "./version.ts";

export interface PresenceOptions {
  readonly genesis: Genesis;
  readonly nodeKey: string;
  readonly networkAddr: string;
  readonly bootNodes: readonly { host: string; port: number }[];
  readonly localAddress: string | undefined;
  /** network.tier1.enable_outbound */
  readonly tier1: boolean;
  protocolVersion(): number;
  /** The key that signs now. */
  signer(): Signer | null;
  /** The process does nothing with what arrives. */
  deaf(): boolean;
  onHead(head: Head): void;
  onSlot(slot: SlotMessage): void;
  readonly log: Log;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #link: Link;
  readonly #tier1: Tier1Connections;
  readonly #advertising: Advertising;

  constructor(options: PresenceOptions) {
    this.#options = options;
    const { genesis, nodeKey, networkAddr, bootNodes, localAddress, log } = options;
    const hash = genesisHash(genesis);
    const onForAccount = (message: ForAccountMessage) => this.#onForAccount(message);
    this.#advertising = new Advertising(nodeKey);
    this.#link = openLink({
      bootNodes,
      localAddress,
      silentMs: Math.max(2000, 3 * genesis.slot_ms),
      hello: () => ({
        type: "hello",
        chainId: genesis.chain_id,
        genesisHash: hash,
        nodeKey,
        version: version.release,
        protocolVersion: options.protocolVersion(),
        networkAddr,
      }),
      onWelcome: ({ head }) => {
        options.onHead(head);
        this.#advertise();
      },
      onSlot: (slot) => options.onSlot(slot),
      onForAccount,
      onAccountData: (message) => this.#onAccountData(message),
      log,
    });
    this.#tier1 = openTier1({
      target: bootNodes[0],
      localAddress,
      intervalMs: genesis.tier1_interval_ms,
      genesisHash: hash,
      nodeKey,
      peers: () => this.#tier1Peers(),
      signer: () => options.signer(),
      onForAccount,
      log,
    });
  }

  /** Over the link; dropped while that is not up. */
  send(message: FromNeard): void {
    this.#link.send(message);
  }

  alive(): boolean {
    return this.#link.alive();
  }

  /** The signer is another one, or the same after a while without. */
  keyLoaded(signer: Signer): void {
    if (isValidator(this.#options.genesis, signer)) this.#advertising.signAgain(signer.key, Date.now());
    this.#advertise();
  }

  /** Every now and then: data that another node's has replaced is signed again, and all is sent again. */
  tick(): void {
    const signer = this.#options.signer();
    if (signer !== null && this.#advertising.isElsewhere(signer.key.accountId))
      this.#advertising.signAgain(signer.key, Date.now());
    this.#advertise();
  }

  close(): void {
    this.#link.close();
    this.#tier1.close();
  }

  /** Something for the account whose key we have, over whichever connection. */
  #onForAccount({ from, height, token }: ForAccountMessage): void {
    const { genesis } = this.#options;
    if (this.#options.deaf() || this.#options.signer()?.key.accountId !== genesis.account) return;
    this.#link.send({ type: "received", from, height, token });
  }

  #onAccountData(message: AccountDataMessage): void {
    if (this.#options.deaf() || !this.#advertising.heard(message, this.#options.signer(), Date.now())) return;
    this.#advertise();
  }

  #tier1Peers(): string[] {
    const { genesis, tier1 } = this.#options;
    const signer = this.#options.signer();
    if (!tier1 || this.#options.deaf() || signer === null || !isValidator(genesis, signer)) return [];
    return genesis.validators.map((one) => one.account_id).filter((account) => account !== signer.key.accountId);
  }

  #advertise(): void {
    for (const message of this.#advertising.messages(this.#options.signer())) this.#link.send(message);
  }
}
