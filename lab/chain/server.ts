/** Puts the chain together: clock, slots, links, witness, control socket. */
import { rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Chain } from "./chain.ts";
import { startClock } from "./clock.ts";
import { makeControl } from "./control.ts";
import { isPublicNetwork } from "./genesis.ts";
import { hostNames } from "./hosts.ts";
import { makePeers, type Peers, type PeerTimes, realTimes } from "./peers.ts";
import type { Report } from "./report.ts";
import { heightAt, nearEpochOf, producerAt, slotStartMs } from "./schedule.ts";
import { type ChainSettings, openDirectory } from "./state.ts";
import { epochsUntilKeyCounts } from "./validator-keys.ts";
import type { Head } from "./wire.ts";
import { startWitness } from "./witness.ts";

export interface ServerOptions extends ChainSettings {
  readonly directory: string;
  /** Where neards connect. Port 0 takes a free one. */
  readonly address: string;
  readonly port: number;
  /** Path of the control socket. */
  readonly control: string;
  /** Path of the file that names hosts by address. */
  readonly hosts?: string | undefined;
  /** Shorter ones for tests; the real ones otherwise. */
  readonly times?: PeerTimes | undefined;
}

/**
 * What each validator sends to our account, in bytes a second: on a real network of four validators a
 * send buffer of about 67 kB was full after 22 to 27 s.
 */
const bytesForAccountPerSecond = 3200;

/** What `GET /health` says. */
export interface Health {
  readonly chainId: string;
  readonly genesisHash: string;
  /** The open one. */
  readonly height: number | null;
  readonly head: Head;
  readonly slotMs: number;
  /** How late the open slot would be closed if it were closed now; above 0 the machine is too busy. */
  readonly lagMs: number;
  readonly protocolVersion: number;
  readonly validatorKeys: { readonly current: string; readonly next: string };
  readonly links: ReturnType<Peers["list"]>;
  readonly tier1: ReturnType<Peers["tier1"]>;
  /** near_already_connected_account of all other validators together, since the chain's start. */
  readonly nearAlreadyConnectedAccount: number;
}

export interface RunningChain {
  readonly port: number;
  readonly chain: Chain;
  /** The witness's report since the last reset. */
  report(): Report;
  /** The next report begins with the next height. */
  reset(): void;
  /** As `GET /health`. */
  health(): Health;
  /** As `POST /validator-key`. */
  setValidatorKey(publicKey: string): number;
  close(): Promise<void>;
}

/** Starts the chain; resolves when neards can connect and the control socket answers. */
export async function startChain(options: ServerOptions): Promise<RunningChain> {
  const directory = openDirectory(options.directory, options);
  const { genesis, nodeKey } = directory;
  if (isPublicNetwork(genesis.chain_id)) throw new Error("the lab never runs on a public network");
  const { state } = directory;
  const nowMs = startClock(slotStartMs(genesis, state.lastHeight + 1));
  const firstHeight = heightAt(genesis, nowMs()) + 1;
  const witness = startWitness(genesis, join(options.directory, "witness.jsonl"), firstHeight);
  const chain = new Chain(genesis, witness.record, state.lastHeight, state.keyChanges);
  let nearAlreadyConnectedAccount = 0;
  const peers = makePeers(
    {
      refuse(hello) {
        if (hello.chainId !== genesis.chain_id) return `its chain is ${hello.chainId}, this one is ${genesis.chain_id}`;
        if (hello.genesisHash !== chain.hash) return `its genesis is ${hello.genesisHash}, this one's is ${chain.hash}`;
        return undefined;
      },
      welcome: () => ({ type: "welcome", nodeKey, head: chain.head }),
      refuseTier1: (message) => chain.tier1Fault(message),
      onSignature: (message, source) => chain.accept(message, source, nowMs()),
      onReceived: (message, source) => chain.received(message, source),
      onAdvertise: (message, source) => chain.advertised(message, source, nowMs()),
      onAlreadyConnected({ peer, account }, { host, address }) {
        nearAlreadyConnectedAccount++;
        witness.record({ type: "already-connected", host, address, account, peer, atMs: nowMs() });
      },
      onRejected: ({ host, address }, because) =>
        witness.record({ type: "rejected", host, address, atMs: nowMs(), because }),
    },
    hostNames(options.hosts),
    options.times ?? realTimes,
  );

  const paddingBytes = Math.round((bytesForAccountPerSecond * genesis.slot_ms) / 1000);
  const openSlot = (height: number) => {
    chain.advance(height);
    state.lastHeight = height;
    directory.save(state);
    peers.broadcast({
      type: "slot",
      height,
      timeMs: slotStartMs(genesis, height),
      producer: producerAt(genesis, height),
      head: chain.head,
      protocolVersion: state.protocolVersion,
      peers: peers.list().length,
      stats: chain.stats,
      knownProducers: peers.knownProducers(),
      validatorKeys: chain.validatorKeys(height),
    });
    peers.sendToAccount(genesis.account, height, chain.duties, paddingBytes);
  };

  const nextHeight = () => (chain.open ?? firstHeight - 1) + 1;
  const setValidatorKey = (publicKey: string) => {
    const fromNearEpoch = nearEpochOf(genesis, nextHeight() - 1).number + epochsUntilKeyCounts;
    state.keyChanges.push({ publicKey, fromNearEpoch });
    directory.save(state);
    return fromNearEpoch;
  };
  const health = (): Health => ({
    chainId: genesis.chain_id,
    genesisHash: chain.hash,
    height: chain.open ?? null,
    head: chain.head,
    slotMs: genesis.slot_ms,
    lagMs: chain.open === undefined ? 0 : Math.max(0, nowMs() - slotStartMs(genesis, chain.open + 1)),
    protocolVersion: state.protocolVersion,
    validatorKeys: chain.validatorKeys(chain.open ?? firstHeight),
    links: peers.list(),
    tier1: peers.tier1(),
    nearAlreadyConnectedAccount,
  });
  const control = makeControl({
    witness,
    nowMs,
    nextHeight,
    health,
    setProtocolVersion(version) {
      state.protocolVersion = version;
    },
    setValidatorKey,
  });

  await listen(peers.server, { host: options.address, port: options.port });
  const { port } = peers.server.address() as AddressInfo;
  directory.writeBootNode(options.address, port);
  rmSync(options.control, { force: true });
  await listen(control, { path: options.control });
  const stopSlots = runSlots(
    nowMs,
    (ms) => heightAt(genesis, ms),
    (height) => slotStartMs(genesis, height),
    openSlot,
  );

  return {
    port,
    chain,
    report: () => witness.report(nowMs()),
    reset: () => witness.reset(nextHeight()),
    health,
    setValidatorKey,
    async close() {
      stopSlots();
      peers.close();
      control.closeAllConnections();
      control.close();
      await witness.close();
    },
  };
}

/**
 * Calls `open` at the beginning of every slot. What has already arrived is read first (setImmediate
 * runs after the sockets): a busy machine must not turn a block that came in time into a missed one.
 * Slots that the process slept through are left out.
 */
function runSlots(
  nowMs: () => number,
  heightOf: (ms: number) => number,
  startOf: (height: number) => number,
  open: (height: number) => void,
): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let last = heightOf(nowMs());
  const schedule = () => {
    timer = setTimeout(() => setImmediate(tick), Math.max(0, startOf(last + 1) - nowMs()));
  };
  const tick = () => {
    if (stopped) return;
    const height = heightOf(nowMs());
    if (height > last) {
      last = height;
      open(height);
    }
    schedule();
  };
  schedule();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function listen(
  server: { listen: (options: object, done: () => void) => unknown; once: NodeJS.EventEmitter["once"] },
  at: object,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, () => resolve());
  });
}
