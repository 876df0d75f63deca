/** neard's /metrics in Prometheus' text format, from a NodeView. Pure. */
import { version } from "./version.ts";
import type { NodeView } from "./view.ts";

/** Sync status 0 is a node in sync, 1 one that waits for peers. */
const syncStatus = { synced: 0, awaitingPeers: 1 } as const;

/** All metrics that holdfast and its users' dashboards read. */
export function metricsText(view: NodeView): string {
  const metrics: [name: string, type: "gauge" | "counter", help: string, samples: [labels: string, value: number][]][] =
    [
      [
        "near_block_height_head",
        "gauge",
        "Height of the current head of the blockchain",
        [["", view.head?.height ?? 0]],
      ],
      [
        "near_sync_status",
        "gauge",
        "Node sync status",
        [["", view.syncedLately ? syncStatus.synced : syncStatus.awaitingPeers]],
      ],
      ["near_is_validator", "gauge", "Bool to denote if it is currently validating", [["", Number(view.isValidator)]]],
      ["near_peer_connections_total", "gauge", "Number of connected peers", [["", view.peers]]],
      [
        "near_validators_blocks_produced",
        "gauge",
        "Number of blocks produced by a validator",
        perValidator(view, "produced"),
      ],
      [
        "near_validators_blocks_expected",
        "gauge",
        "Number of blocks expected to be produced by a validator",
        perValidator(view, "expected"),
      ],
      [
        "near_validators_chunks_produced",
        "gauge",
        "Number of chunks produced by a validator",
        perValidator(view, "produced"),
      ],
      [
        "near_validators_chunks_expected",
        "gauge",
        "Number of chunks expected to be produced by a validator",
        perValidator(view, "expected"),
      ],
      [
        "near_config_correct",
        "gauge",
        "Are the current dynamically loadable configs correct",
        [["", Number(view.reload.correct)]],
      ],
      [
        "near_config_reloads_total",
        "counter",
        "Number of times the configs were reloaded during the current run of the process",
        [["", view.reload.reloads]],
      ],
      [
        "near_build_info",
        "counter",
        "Metric whose labels indicate node's version",
        [[`build="${version.build}",release="${version.release}",rustc_version="${version.rustc}"`, 1]],
      ],
      [
        "near_boot_time_seconds",
        "gauge",
        "Unix timestamp in seconds of the moment the client was started",
        [["", Math.floor(view.startedMs / 1000)]],
      ],
      [
        "near_node_protocol_version",
        "gauge",
        "Max protocol version supported by the node",
        [["", view.latestProtocolVersion]],
      ],
    ];
  return metrics
    .map(([name, type, help, samples]) => {
      const lines = samples.map(([labels, value]) => `${name}${labels === "" ? "" : `{${labels}}`} ${value}\n`);
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
    })
    .join("");
}

function perValidator(view: NodeView, field: "produced" | "expected"): [string, number][] {
  return view.stats.map((stat) => [`account_id="${stat.account}"`, stat[field]]);
}
