/**
 * Consul snapshots, saved and restored through this host's Consul, with a token that the operator
 * brings along (`acl = "write"`; facts of Consul's ACL system: /v1/snapshot). It is used for this one
 * request and kept nowhere. Whether restoring is safe now is not decided here.
 */
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { ConsulConnection } from "./client.ts";
import { ConsulRefused, ConsulUnknown } from "./errors.ts";

/** Consul writes a snapshot to disk, replicates it, and answers when the leader has taken it in. */
const timeoutMs = 45_000;
/** Our keys, sessions and ACLs take tens of kilobytes. Far above that it is not ours, and would not fit into the agent's memory. */
export const maxSnapshotBytes = 2 * 1024 * 1024;

type Access = Omit<ConsulConnection, "token">;

/** @throws ConsulRefused for a token without the right; ConsulUnknown when nothing is known */
export async function saveSnapshot(access: Access, token: string): Promise<Buffer> {
  return await exchange(access, token, "GET", undefined);
}

/** @throws ConsulRefused when Consul did not take it; ConsulUnknown when it may have */
export async function restoreSnapshot(access: Access, token: string, snapshot: Buffer): Promise<void> {
  await exchange(access, token, "PUT", snapshot);
}

async function exchange(
  { url, ca, cert, key }: Access,
  token: string,
  method: "GET" | "PUT",
  content: Buffer | undefined,
): Promise<Buffer> {
  const headers = {
    "x-consul-token": token,
    ...(content === undefined ? {} : { "content-type": "application/octet-stream", "content-length": content.length }),
  };
  const signal = AbortSignal.timeout(timeoutMs);
  return await new Promise((resolve, reject) => {
    const lost = (error: Error) => reject(new ConsulUnknown(`${url}: ${error.message}`));
    const sent = request(`${url}/v1/snapshot`, { method, headers, ca, cert, key, agent: false, signal }, (response) => {
      collect(response).then((answer) => {
        if (response.statusCode === 200) resolve(answer);
        else reject(new ConsulRefused(response.statusCode ?? 0, answer.toString("utf8").trim()));
      }, lost);
    });
    sent.on("error", lost);
    sent.end(content);
  });
}

async function collect(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxSnapshotBytes) throw new Error(`the snapshot is above ${maxSnapshotBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
