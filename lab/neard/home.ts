/** What neard reads from its home at start, and the checks that come before anything runs. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseJsonWithComments } from "../../contract/json-with-comments.ts";
import { type Genesis, genesisSchema, isPublicNetwork } from "../chain/genesis.ts";
import type { NeardConfig } from "./config.ts";
import { type ReadText, readKey } from "./reload.ts";

/**
 * Reads a file; null when it does not exist. A dangling symlink and a file in a folder that we may not
 * search count as absent, as in nearcore, which asks `Path::exists` first: so a key can be lost by them.
 * @throws Error when it exists and cannot be read
 */
export const readText: ReadText = (path) => {
  if (!existsSync(path)) return null;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
};

/** Thrown where the lab's neard must not run at all; never an abort, so that no supervisor retries blindly. */
export class Refused extends Error {}

/**
 * The genesis file.
 * @throws Refused for a public network's; Error for one that is broken or absent
 */
export function readGenesis(home: string, config: Pick<NeardConfig, "genesis_file">): Genesis {
  const path = resolve(home, config.genesis_file);
  const text = readText(path);
  if (text === null) throw new Error(`there is no ${path}`);
  const data = parseJsonWithComments(text);
  const chainId = typeof data === "object" && data !== null && "chain_id" in data ? String(data.chain_id) : "";
  refusePublicNetwork(chainId);
  return genesisSchema.parse(data);
}

/** @throws Refused */
export function refusePublicNetwork(chainId: string): void {
  if (isPublicNetwork(chainId))
    throw new Refused(`this is holdfast-lab-neard, a stand-in for tests: it never runs on ${chainId}`);
}

/** This node's own public key. @throws Error when node_key.json is absent or broken */
export function readNodeKey(home: string, config: Pick<NeardConfig, "node_key_file">): string {
  const path = resolve(home, config.node_key_file);
  const key = readKey(readText, path);
  if (key === null) throw new Error(`there is no ${path}`);
  return key.publicKey;
}

/** The hard limit of open files from /proc/self/limits; infinity when unlimited or unknown. */
export function hardNofileLimit(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === undefined || hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}

/**
 * The real one raises its limit of open files before anything else, even before it says its version. Node
 * cannot raise its soft limit; the hard one is what decides whether the real neard could.
 * @throws Refused
 */
export function refuseFewFiles(required: number): void {
  const limit = hardNofileLimit(readText("/proc/self/limits") ?? "");
  if (limit < required)
    throw new Refused(`couldn't set the file descriptor limit to ${required}, the hard limit is ${limit}`);
}

/** What neard wants of the kernel, and warns about otherwise (nearcore: check_kernel_params). */
const kernelParameters = {
  "net.core.rmem_max": "8388608",
  "net.core.wmem_max": "8388608",
  "net.ipv4.tcp_rmem": "4096 87380 8388608",
  "net.ipv4.tcp_wmem": "4096 16384 8388608",
  "net.ipv4.tcp_slow_start_after_idle": "0",
  "net.ipv4.tcp_congestion_control": "bbr",
  "net.core.default_qdisc": "fq",
  "net.ipv4.tcp_mtu_probing": "1",
  "net.ipv4.tcp_max_syn_backlog": "8096",
} as const;

/** One warning for every kernel parameter that is readable and not as neard wants it. */
export function kernelWarnings(read: ReadText): string[] {
  return Object.entries(kernelParameters).flatMap(([name, wanted]) => {
    const value = read(`/proc/sys/${name.replaceAll(".", "/")}`)
      ?.trim()
      .replaceAll(/\s+/g, " ");
    return value === undefined || value === wanted ? [] : [`${name} is ${value}, expected ${wanted}`];
  });
}
