/**
 * Consul snapshots, saved and restored through this host's Consul, with a token that the operator
 * brings along (`acl = "write"`; facts of Consul's ACL system: /v1/snapshot). It is used for this one
 * request and kept nowhere. Whether restoring is safe now is not decided here.
 */
import { snapshotFault } from "../../contract/snapshot-file.ts";
import type { ConsulConnection } from "./client.ts";
import { ConsulRefused, ConsulUnknown } from "./errors.ts";
import { exchange } from "./exchange.ts";

/** Consul writes a snapshot to disk, replicates it, and answers when the leader has taken it in. */
const restoreTimeoutMs = 45_000;
/** Some hundred kilobytes; there are other servers to ask. */
const saveTimeoutMs = 5000;
/** Our keys, sessions and ACLs take tens of kilobytes. Far above that it is not ours, and would not fit into the agent's memory. */
export const maxSnapshotBytes = 2 * 1024 * 1024;

type Access = Omit<ConsulConnection, "token">;

/**
 * Asks one server after the other, each twice: a server that is not the leader can lose the leader's answer although
 * nothing is wrong (hashicorp/consul issue 6893); the leader itself cannot.
 * @throws ConsulRefused for a token without the right; ConsulUnknown when no server gave a whole snapshot
 */
export async function saveSnapshot(
  servers: readonly Access[],
  token: string,
  ask: typeof askForSnapshot = askForSnapshot,
): Promise<Buffer> {
  let last: unknown;
  for (const server of [...servers, ...servers]) {
    try {
      const snapshot = await ask(server, token, "GET", undefined);
      const fault = await snapshotFault(snapshot);
      if (fault === null) return snapshot;
      last = new ConsulUnknown(`${server.url}: its snapshot cannot be used: ${fault}`);
    } catch (error) {
      if (!(error instanceof ConsulUnknown)) throw error;
      last = error;
    }
  }
  throw last;
}

/** @throws ConsulRefused when Consul did not take it; ConsulUnknown when it may have */
export async function restoreSnapshot(access: Access, token: string, snapshot: Buffer): Promise<void> {
  await askForSnapshot(access, token, "PUT", snapshot);
}

/** What Consul says with status 500 of a file that it has not begun to restore (Consul, snapshot/snapshot.go). */
const refusals = /failed to (decompress snapshot|read snapshot file)/;

async function askForSnapshot(
  { url, ca, cert, key }: Access,
  token: string,
  method: "GET" | "PUT",
  content: Buffer | undefined,
): Promise<Buffer> {
  const headers = {
    "x-consul-token": token,
    ...(content === undefined ? {} : { "content-type": "application/octet-stream" }),
  };
  const { status, content: answer } = await exchange(
    `${url}/v1/snapshot`,
    { method, headers, ca, cert, key, agent: false },
    { content, withinMs: content === undefined ? saveTimeoutMs : restoreTimeoutMs, maxBytes: maxSnapshotBytes },
  );
  if (answer === null) throw new ConsulUnknown(`${url}: the snapshot is above ${maxSnapshotBytes} bytes`);
  if (status === 200) return answer;
  const text = answer.toString("utf8").trim();
  if (status < 500 || refusals.test(text)) throw new ConsulRefused(status, text);
  throw new ConsulUnknown(`${url}: ${text}`);
}
