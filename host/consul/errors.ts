/**
 * The two ways in which a request to Consul fails: refused, which is certain, and unknown, which is
 * neither a yes nor a no. What cannot be told for certain is unknown.
 */
import * as z from "zod";

/** Consul did not answer in time, or answered that it cannot say (no leader): nothing is known. */
export class ConsulUnknown extends Error {
  override readonly name = "ConsulUnknown";
}

/** Consul answered, and refused (403, 404 on a call that needs the thing, 409). */
export class ConsulRefused extends Error {
  override readonly name = "ConsulRefused";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const txnErrors = z.object({ Errors: z.array(z.object({ OpIndex: z.number(), What: z.string() })).nullish() });

/**
 * What Consul says with status 500 and means as a no (agent/consul/state: session.go, kvs.go). Everything else with
 * that status is about the cluster, not about what was asked: no leader, one that is not found, a broken connection.
 */
const refusals = /invalid session|Missing node registration|is in critical state/i;

/** Whether a transaction was refused for a lock-delay alone (Consul, agent/consul/txn_endpoint.go). */
export function refusedByLockDelay(because: string): boolean {
  return /^failed to lock key "[^"]*" due to lock delay$/.test(because);
}

/** Whether a transaction was refused because the token lacks a right, or is not known (Consul, agent/consul/txn_endpoint.go). */
export function refusedForRight(because: string): boolean {
  return /permission denied|ACL not found/i.test(because);
}

/** Whether Consul has no such token: it lost its ACLs, or never had them. Not one that merely lacks a right. */
export function tokenUnknown(error: unknown): boolean {
  return error instanceof ConsulRefused && error.status === 403 && /ACL not found/i.test(error.message);
}

/**
 * Whether a server could not pass on what only the leader may answer: it follows that leader's Raft log, and gossip has it
 * take the leader for dead (Consul, agent/structs/errors.go, ErrLeaderNotTracked).
 */
export function leaderUntracked(error: unknown): boolean {
  return error instanceof ConsulUnknown && /Raft leader not found in server lookup mapping/i.test(error.message);
}

/** Turns the library's errors into one of our two kinds. */
export function classify(error: unknown, url: string): Error {
  const { response, message } = error as { response?: { statusCode?: number; body?: unknown }; message?: string };
  const status = response?.statusCode;
  if (status === undefined) return new ConsulUnknown(`${url}: ${message ?? String(error)}`);
  const text = bodyText(response?.body) || (message ?? "");
  if (status > 500) return new ConsulUnknown(`${url}: ${status} ${text}`);
  if (status === 500 && !refusals.test(text)) return new ConsulUnknown(`${url}: ${text}`);
  return new ConsulRefused(status, text);
}

function bodyText(body: unknown): string {
  const errors = txnErrors.safeParse(body);
  if (errors.success && errors.data.Errors) return errors.data.Errors.map((e) => e.What).join("; ");
  if (Buffer.isBuffer(body)) return body.toString("utf8").trim();
  return typeof body === "string" ? body.trim() : "";
}
