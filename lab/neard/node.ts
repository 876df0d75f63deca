/**
 * One running neard: what it holds between the chain's messages, its signals and its RPC.
 *
 * Ways to die, all of nearcore's: SIGHUP before the handlers are there, an abort over AllShards or over a
 * key that is not the chain's, a protocol that is too old, expected_shutdown, SIGTERM, re-execution under
 * the same PID.
 */
import { randomUUID } from "node:crypto";
import { type Genesis, genesisHash } from "../chain/genesis.ts";
import type { Head, SlotMessage } from "../chain/wire.ts";
import { type NeardConfig, tracksAllShards } from "./config.ts";
import { readText } from "./home.ts";
import { type Log, panic } from "./log.ts";
import type { LabOptions } from "./options.ts";
import { Presence } from "./presence.ts";
import { accepted, type Loaded, loadHome, panicsOnLoad, type ReloadState, rejected, startState } from "./reload.ts";
import { isValidator, KeyCheck, Signing } from "./signing.ts";
import type { NodeView } from "./view.ts";

export interface NodeSetup {
  readonly home: string;
  readonly loaded: Loaded;
  readonly genesis: Genesis;
  readonly nodeKey: string;
  readonly rpcAddr: string;
  readonly networkAddr: string;
  readonly bootNodes: readonly { host: string; port: number }[];
  readonly localAddress: string | undefined;
  readonly options: LabOptions;
  readonly log: Log;
  /** Ends the process gracefully; called at most once. */
  stop(because: string): void;
}

/** nearcore's info line, and with it near_is_validator and the warnings, come this often. */
const summaryMs = 10_000;
/** near_sync_status is looked at this often: it was seen to be up to 8 s late. */
const syncStatusMs = 8000;

export class Node {
  options: LabOptions;
  readonly #setup: NodeSetup;
  readonly #genesisHash: string;
  readonly #config: NeardConfig;
  readonly #startedMs = Date.now();
  readonly #signing = new Signing();
  readonly #presence: Presence;
  readonly #keyCheck: KeyCheck;
  readonly #timers: NodeJS.Timeout[];
  #state: ReloadState;
  #reading = false;
  #head: Head | null = null;
  #slot: SlotMessage | undefined;
  #isValidator = false;
  #syncedLately = false;
  #loadedAt = performance.now();
  #stopping = false;

  constructor(setup: NodeSetup) {
    this.#setup = setup;
    this.options = setup.options;
    this.#config = setup.loaded.config;
    this.#genesisHash = genesisHash(setup.genesis);
    this.#panicIfAllShards(setup.loaded);
    this.#state = startState(setup.loaded, randomUUID);
    this.#keyCheck = new KeyCheck(setup.genesis);
    this.#presence = new Presence({
      ...setup,
      tier1: this.#config.network.tier1.enable_outbound,
      protocolVersion: () => this.options.protocolVersion,
      signer: () => this.#state.signer,
      deaf: () => this.options.stall || this.options.hang,
      onHead: (head) => {
        this.#head ??= head;
      },
      onSlot: (slot) => this.#onSlot(slot),
    });
    this.#keyChanged();
    this.#timers = [
      setInterval(() => this.#summarize(), summaryMs),
      setInterval(() => {
        this.#syncedLately = this.#synced();
      }, syncStatusMs),
    ];
  }

  view(): NodeView {
    const { genesis, nodeKey, rpcAddr } = this.#setup;
    return {
      genesis,
      genesisHash: this.#genesisHash,
      nodeKey,
      rpcAddr,
      startedMs: this.#startedMs,
      nowMs: Date.now(),
      reload: this.#state,
      head: this.#head,
      synced: this.#synced(),
      syncedLately: this.#syncedLately,
      peers: this.#presence.alive() ? (this.#slot?.peers ?? 1) : 0,
      stats: this.#slot?.stats ?? [],
      knownProducers: this.#slot?.knownProducers ?? [],
      protocolVersion: this.#slot?.protocolVersion ?? genesis.protocol_version,
      latestProtocolVersion: this.options.protocolVersion,
      isValidator: this.#isValidator,
      validatorKeys: this.#slot?.validatorKeys ?? null,
    };
  }

  /** SIGHUP. While the files are being read another one is lost, as in nearcore. */
  reload(): void {
    if (this.#reading || this.options.hang) return;
    this.#reading = true;
    setTimeout(() => {
      this.#reading = false;
      this.#readAgain();
    }, this.options.reloadReadMs);
  }

  /** True while the files are being read: a SIGTERM that comes then can be lost, as in nearcore. */
  get isReading(): boolean {
    return this.#reading;
  }

  /** The link and the tier-1 connections go down; nothing is signed any more. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#presence.close();
  }

  #readAgain(): void {
    const { home, log } = this.#setup;
    let loaded: Loaded;
    try {
      if (this.options.rejectReload) throw new Error("lab-options.json says rejectReload");
      loaded = loadHome(readText, home);
    } catch (error) {
      this.#state = rejected(this.#state, error instanceof Error ? error.message : String(error));
      this.#warnRejected();
      return;
    }
    const next = accepted(this.#state, loaded, randomUUID);
    log(next.log[0], "neard", next.log[1]);
    const { signer } = this.#state;
    this.#state = { ...next.state, signer };
    setTimeout(() => {
      this.#panicIfAllShards(loaded);
      const isNew = this.#state.signer?.tenure !== next.state.signer?.tenure;
      this.#state = { ...this.#state, signer: next.state.signer };
      if (isNew) this.#keyChanged();
    }, this.options.reloadApplyMs);
  }

  #onSlot(slot: SlotMessage): void {
    const { options } = this;
    if (options.stall || options.hang) return;
    this.#slot = slot;
    this.#head = slot.head;
    this.#presence.send({ type: "gossip", height: slot.head.height });
    const wrongKey = this.#keyCheck.fault(this.#state.signer, slot, performance.now() - this.#loadedAt);
    if (wrongKey !== undefined) panic(wrongKey);
    const because = this.#endBecause(slot);
    if (because === undefined) this.#sign(slot);
    else this.#stop(because);
  }

  /** Why neard ends by itself at this slot, or undefined. */
  #endBecause(slot: SlotMessage): string | undefined {
    const { protocolVersion } = this.options;
    if (slot.protocolVersion > protocolVersion)
      return `the network's protocol version is ${slot.protocolVersion}, this neard speaks ${protocolVersion}: upgrade it`;
    const { expectedShutdown } = this.#state;
    if (expectedShutdown !== null && slot.head.height >= expectedShutdown)
      return `expected_shutdown ${expectedShutdown} is reached`;
    return undefined;
  }

  #sign(slot: SlotMessage): void {
    const { signer } = this.#state;
    if (signer === null || !isValidator(this.#setup.genesis, signer)) return;
    const signature = this.#signing.sign(this.#genesisHash, signer, slot, Date.now());
    if (signature !== undefined) this.#presence.send(signature);
  }

  #stop(because: string): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#setup.log("ERROR", "client", because);
    this.#setup.stop(because);
  }

  /** In sync: the chain was heard lately, and not only at the welcome. */
  #synced(): boolean {
    return this.#presence.alive() && this.#slot !== undefined;
  }

  /** The signer is another one, or the same after a while without. */
  #keyChanged(): void {
    const { signer } = this.#state;
    if (signer === null) return;
    this.#loadedAt = performance.now();
    this.#warnIfNotValidating();
    this.#presence.keyLoaded(signer);
  }

  #panicIfAllShards({ key }: Loaded): void {
    const { genesis } = this.#setup;
    const enforced = genesis.chain_id !== "localnet" || this.options.panicOnAllShards;
    const accounts = genesis.validators.map((one) => one.account_id);
    if (panicsOnLoad(key, tracksAllShards(this.#config), accounts, enforced))
      panic("The `chain_id` field specified in genesis is one where validators must not track all shards");
  }

  #summarize(): void {
    const { signer } = this.#state;
    this.#isValidator = signer !== null && isValidator(this.#setup.genesis, signer);
    const { validators } = this.#setup.genesis;
    const place = this.#synced() ? `#${this.#head?.height}` : `#${this.#head?.height ?? 0} Waiting for peers`;
    const role = this.#isValidator ? "Validator" : "Full node";
    this.#setup.log("INFO", "stats", `${place} ${role} | ${validators.length} validators`);
    this.#warnIfNotValidating();
    this.#warnRejected();
    this.#presence.tick();
  }

  #warnIfNotValidating(): void {
    const { signer } = this.#state;
    if (signer !== null && !isValidator(this.#setup.genesis, signer))
      this.#setup.log("WARN", "client", `${signer.key.accountId} is not a validator in this epoch`);
  }

  #warnRejected(): void {
    const { rejectedBecause } = this.#state;
    if (rejectedBecause !== null)
      this.#setup.log(
        "WARN",
        "neard",
        `Dynamically updateable configs are not valid. Please fix this ASAP otherwise the node will be unable to restart: ${rejectedBecause}`,
      );
  }
}
