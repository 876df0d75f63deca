/**
 * neard's config.json. It is the same on holder and standby: both track what the validator needs
 * (ShadowValidator), so the key alone makes the difference. Only where others dial it is each host's own.
 *
 * The operator may add settings, but not touch those that safety or another part rests on.
 * Awkward case: within `network` and `rpc` neard has no defaults for some fields once the section is
 * there (nearcore: chain/network/src/config_json.rs, chain/jsonrpc/src/lib.rs); those are spelled out,
 * with nearcore's own values, and may be overridden.
 */

import { familyOf, hostPort } from "../../contract/address.ts";
import { paths } from "../../contract/paths.ts";
import type { Host, Topology } from "../config/topology.ts";
import { ownNodeKey } from "./secret-names.ts";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

const seconds = (secs: number): JsonObject => ({ secs, nanos: 0 });

/** nearcore's values for what it does not default. */
const needed: JsonObject = {
  rpc: {
    cors_allowed_origins: ["*"],
    polling_config: { polling_interval: { secs: 0, nanos: 500_000_000 }, polling_timeout: seconds(10) },
  },
  network: { handshake_timeout: seconds(20), skip_sync_wait: false, ban_window: seconds(10_800) },
};

/** A choice of holdfast's, which the operator may change. */
const loaded: JsonObject = { store: { load_mem_tries_for_tracked_shards: true } };

/** Settings that holdfast gives their value; dots between the levels. */
export const ownedSettings = [
  "genesis_file",
  "validator_key_file",
  "node_key_file",
  "tracked_shards_config",
  "rpc.addr",
  "network.addr",
  "network.boot_nodes",
  "network.tier1.enable_inbound",
  "network.tier1.enable_outbound",
  "network.public_addrs",
] as const;

/** Older ways to say what to track: neard refuses them beside tracked_shards_config. */
const supersededSettings = [
  "tracked_shards",
  "tracked_accounts",
  "tracked_shadow_validator",
  "tracked_shard_schedule",
] as const;

/** Which of the owned (or superseded) settings `config` contains. */
export function ownedSettingsIn(config: object): string[] {
  return [...ownedSettings, ...supersededSettings].filter(
    (path) =>
      path
        .split(".")
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], config) !== undefined,
  );
}

/** Sections in which holdfast owns something, or neard has no defaults; dots between the levels. */
const sections = (() => {
  const above = ownedSettings.flatMap((path) => {
    const steps = path.split(".");
    return steps.slice(1).map((_, depth) => steps.slice(0, depth + 1).join("."));
  });
  const below = (object: JsonObject, at: string): string[] =>
    Object.entries(object).flatMap(([key, value]) =>
      isObject(value) ? [`${at}${key}`, ...below(value, `${at}${key}.`)] : [],
    );
  return [...new Set([...above, ...below(needed, ""), ...below(loaded, "")])].toSorted();
})();

/** Which of these sections `config` would put something else in place of, and with it all that holdfast gives there. */
export function replacedSectionsIn(config: object): string[] {
  return sections.filter((path) => {
    const steps = path.split(".");
    let at: unknown = config;
    for (const step of steps) {
      if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return false;
      at = (at as Record<string, unknown>)[step];
    }
    return !isObject(at as Json);
  });
}

/** Whole objects are merged, everything else is replaced. */
function merge(base: JsonObject, over: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return merged;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Its own addresses under this host's node key. Where there are none nothing is said, and neard finds its address by itself. */
function publicAddrs({ network }: Topology, host: Host): JsonObject {
  if (host.publicAddrs.length === 0) return {};
  return {
    public_addrs: host.publicAddrs.map((addr) => (addr.includes("@") ? addr : `${ownNodeKey}@${addr}`)),
    // The lab's networks are private ones.
    ...(network === "localnet" ? { allow_private_ip_in_public_addrs: true } : {}),
  };
}

export function neardConfig(topology: Topology, host: Host): JsonObject {
  const { account, hosts, neard } = topology;
  const everywhere = hosts.some((host) => familyOf(host.address) === "ipv6") ? "::" : "0.0.0.0";
  const owned: JsonObject = {
    genesis_file: "genesis.json",
    node_key_file: "node_key.json",
    validator_key_file: paths.validatorKey,
    tracked_shards_config: { ShadowValidator: account },
    ...loaded,
    rpc: { addr: `127.0.0.1:${neard.rpcPort}` },
    network: {
      addr: hostPort(everywhere, neard.networkPort),
      boot_nodes: neard.bootNodes.join(","),
      // nearcore's default is on; only a wish to the contrary is written down.
      ...(neard.tier1 ? {} : { tier1: { enable_inbound: false, enable_outbound: false } }),
      ...publicAddrs(topology, host),
    },
  };
  return merge(merge(needed, owned), neard.config as JsonObject);
}
