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
  /** near_sync_status: the same as it was up to 8 s ago. */
  readonly syncedLately: boolean;
  readonly peers: number;
  readonly stats: readonly ProducerStats[];
  readonly knownProducers: readonly KnownProducer[];
  /** The network's. */
  readonly protocolVersion: number;
  /** The newest that this neard speaks. */
  readonly latestProtocolVersion: number;
  /** near_is_validator: looked at every 10 s. */
  readonly isValidator: boolean;
  /** Our account's public key in this NEAR epoch and the next; null until the chain was heard. */
  readonly validatorKeys: { readonly current: string; readonly next: string } | null;
}
