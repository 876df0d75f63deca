/** What RPC and metrics show: one look at the node, taken when somebody asks. */
import type { Genesis } from "../chain/genesis.ts";
import type { Head, KnownProducer, ProducerStats } from "../chain/wire.ts";
import type { ReloadState } from "./reload.ts";

export interface NodeView {
  readonly genesis: Genesis;
  readonly genesisHash: string;
  /** `ed25519:<base58>` */
  readonly nodeKey: string;
  readonly rpcAddr: string;
  readonly startedMs: number;
  readonly nowMs: number;
  readonly reload: ReloadState;
  /** Null until the chain was heard for the first time. */
  readonly head: Head | null;
  readonly synced: boolean;
  readonly peers: number;
  readonly stats: readonly ProducerStats[];
  readonly knownProducers: readonly KnownProducer[];
  /** The network's. */
  readonly protocolVersion: number;
  /** The newest that this neard speaks. */
  readonly latestProtocolVersion: number;
  /** near_is_validator: looked at every 10 s. */
  readonly isValidator: boolean;
  /** A head older than this fails /health. */
  readonly maxHeadAgeMs: number;
}
