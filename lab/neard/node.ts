/**
 * One running neard: what it holds between the chain's messages, its signals and its RPC.
 *
 * Ways to die, all of nearcore's: SIGHUP before the handlers are there, an abort over AllShards, a
 * protocol that is too old, expected_shutdown, SIGTERM, re-execution under the same PID.
 */
import { randomUUID } from "node:crypto";
import { type Genesis, genesisHash } from "../chain/genesis.ts";
import type { Head, SlotMessage } from "../chain/wire.ts";
import { maxHeadAgeMs, type NeardConfig, tracksAllShards } from "./config.ts";
import { readText } from "./home.ts";
import { type Link, openLink } from "./link.ts";
import { type Log, panic } from "./log.ts";
import type { LabOptions } from "./options.ts";
import { accepted, type Loaded, loadHome, panicsOnLoad, type ReloadState, rejected, startState } from "./reload.ts";
import { notValidatingBecause, Signing } from "./signing.ts";
import { version } from "./version.ts";
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

export class Node {
  options: LabOptions;
  readonly #setup: NodeSetup;
  readonly #genesisHash: string;
  readonly #config: NeardConfig;
  readonly #startedMs = Date.now();
  readonly #signing = new Signing();
  readonly #link: Link;
  /** Accounts whose key this process ever had: it goes on advertising itself for them. */
  readonly #everHad = new Set<string>();
  readonly #summary: NodeJS.Timeout;
  #state: ReloadState;
  #reading = false;
  #head: Head | null = null;
  #slot: SlotMessage | undefined;
  #isValidator = false;
  #stopping = false;

  constructor(setup: NodeSetup) {
    this.#setup = setup;
    this.options = setup.options;
    this.#config = setup.loaded.config;
    this.#genesisHash = genesisHash(setup.genesis);
    this.#panicIfAllShards(setup.loaded);
    this.#state = startState(setup.loaded, randomUUID);
    this.#link = openLink({
      bootNodes: setup.bootNodes,
      localAddress: setup.localAddress,
      silentMs: Math.max(2000, 3 * setup.genesis.slot_ms),
      hello: () => ({
        type: "hello",
        chainId: setup.genesis.chain_id,
        genesisHash: this.#genesisHash,
        nodeKey: setup.nodeKey,
        version: version.release,
        protocolVersion: this.options.protocolVersion,
        networkAddr: setup.networkAddr,
      }),
      onWelcome: ({ head }) => {
        this.#head ??= head;
        this.#advertise();
      },
      onSlot: (slot) => this.#onSlot(slot),
      log: setup.log,
    });
    this.#keyChanged();
    this.#summary = setInterval(() => this.#summarize(), summaryMs);
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
      peers: this.#link.alive() ? (this.#slot?.peers ?? 1) : 0,
      stats: this.#slot?.stats ?? [],
      knownProducers: this.#slot?.knownProducers ?? [],
      protocolVersion: this.#slot?.protocolVersion ?? genesis.protocol_version,
      latestProtocolVersion: this.options.protocolVersion,
      isValidator: this.#isValidator,
      maxHeadAgeMs: maxHeadAgeMs(this.#config),
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

  /** The link goes down; nothing is signed any more. */
  close(): void {
    clearInterval(this.#summary);
    this.#link.close();
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
      this.#state = { ...this.#state, signer: next.state.signer };
      this.#keyChanged();
    }, this.options.reloadApplyMs);
  }

  #onSlot(slot: SlotMessage): void {
    const { options } = this;
    if (options.stall || options.hang) return;
    this.#slot = slot;
    this.#head = slot.head;
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
    if (signer === null || notValidatingBecause(this.#setup.genesis, signer) !== undefined) return;
    const signature = this.#signing.sign(this.#genesisHash, signer, slot, Date.now());
    if (signature !== undefined) this.#link.send(signature);
  }

  #stop(because: string): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#setup.log("ERROR", "client", because);
    this.#setup.stop(because);
  }

  /** In sync: the chain was heard lately, and not only at the welcome. */
  #synced(): boolean {
    return this.#link.alive() && this.#slot !== undefined;
  }

  #keyChanged(): void {
    const { signer } = this.#state;
    if (signer === null) return;
    this.#warnIfNotValidating();
    this.#everHad.add(signer.key.accountId);
    this.#advertise();
  }

  #advertise(): void {
    for (const account of this.#everHad)
      if (this.#setup.genesis.validators.some((one) => one.account_id === account))
        this.#link.send({ type: "advertise", account });
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
    this.#isValidator = signer !== null && notValidatingBecause(this.#setup.genesis, signer) === undefined;
    const { validators } = this.#setup.genesis;
    const place = this.#synced() ? `#${this.#head?.height}` : `#${this.#head?.height ?? 0} Waiting for peers`;
    const role = this.#isValidator ? "Validator" : "Full node";
    this.#setup.log("INFO", "stats", `${place} ${role} | ${validators.length} validators`);
    this.#warnIfNotValidating();
    this.#warnRejected();
    this.#advertise();
  }

  #warnIfNotValidating(): void {
    const { signer } = this.#state;
    const because = signer && notValidatingBecause(this.#setup.genesis, signer);
    if (because) this.#setup.log("WARN", "client", because);
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
