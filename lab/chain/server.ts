/** Puts the chain together: clock, slots, links, witness, control socket. */
import { rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Chain } from "./chain.ts";
import { startClock } from "./clock.ts";
import { makeControl } from "./control.ts";
import { isPublicNetwork } from "./genesis.ts";
import { hostNames } from "./hosts.ts";
import { makePeers } from "./peers.ts";
import type { Report } from "./report.ts";
import { heightAt, producerAt, slotStartMs } from "./schedule.ts";
import { type ChainSettings, openDirectory } from "./state.ts";
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
}

export interface RunningChain {
  readonly port: number;
  readonly chain: Chain;
  /** The witness's report since the last reset. */
  report(): Report;
  /** The next report begins with the next height. */
  reset(): void;
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
  const chain = new Chain(genesis, witness.record, state.lastHeight);
  const peers = makePeers(
    {
      refuse(hello) {
        if (hello.chainId !== genesis.chain_id) return `its chain is ${hello.chainId}, this one is ${genesis.chain_id}`;
        if (hello.genesisHash !== chain.hash) return `its genesis is ${hello.genesisHash}, this one's is ${chain.hash}`;
        return undefined;
      },
      welcome: () => ({ type: "welcome", nodeKey, head: chain.head }),
      onSignature: (message, source) => chain.accept(message, source, nowMs()),
      onRejected: (source, because) => witness.record({ type: "rejected", ...source, atMs: nowMs(), because }),
    },
    hostNames(options.hosts),
  );

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
    });
  };

  const nextHeight = () => (chain.open ?? firstHeight - 1) + 1;
  const control = makeControl({
    witness,
    nowMs,
    nextHeight,
    health: () => ({
      chainId: genesis.chain_id,
      genesisHash: chain.hash,
      height: chain.open ?? null,
      head: chain.head,
      slotMs: genesis.slot_ms,
      /** How late the open slot would be closed if it were closed now; above 0 the machine is too busy. */
      lagMs: chain.open === undefined ? 0 : Math.max(0, nowMs() - slotStartMs(genesis, chain.open + 1)),
      protocolVersion: state.protocolVersion,
      links: peers.list(),
    }),
    setProtocolVersion(version) {
      state.protocolVersion = version;
    },
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
