/**
 * The agent's HTTP API as functions. What comes back is checked against the contract; an answer that
 * does not fit is an error, never a guess.
 */
import * as z from "zod";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { type PowerReading, powerReadingSchema } from "../../contract/fencing.ts";
import {
  type AgentStatus,
  agentStatusShape,
  refusalSchema,
  type StandDownRequest,
  type SwitchoverProgress,
  type SwitchoverRequest,
  snapshotSchema,
  switchoverAcceptedSchema,
  switchoverProgressSchema,
} from "../../contract/wire/agent-status.ts";
import { readData, type Shape, understood } from "../../contract/wire/format.ts";
import { type HistoryEntry, historyEntryShape, historyPageEntries } from "../../contract/wire/history.ts";
import type { AgentRequest, AgentResponse, HostLink } from "../ports.ts";

/** How long one host may take to answer, connecting included: what a dead host costs. */
export const hostDeadlineMs = 3000;

/** A command that changes something first writes to Consul, which may be electing a leader (up to 4.1 s). */
const commandDeadlineMs = 10_000;

export function getStatus(link: HostLink): Promise<AgentStatus> {
  return ask(link, { method: "GET", path: "/status", timeoutMs: hostDeadlineMs }, agentStatusShape);
}

/** Of whatever release; one that is not understood is not shown, and the page has it all the same. */
const anyEntry = z.looseObject({ epoch: z.number().int() });

/** The newest `limit` entries, newest last, page by page. An agent of before there were pages gives all at once. */
export async function getHistory(link: HostLink, limit: number): Promise<HistoryEntry[]> {
  let entries: z.infer<typeof anyEntry>[] = [];
  while (entries.length < limit) {
    const wanted = Math.min(historyPageEntries, limit - entries.length);
    const before = entries[0] === undefined ? "" : `&before=${entries[0].epoch}`;
    const path = `/history?limit=${wanted}${before}`;
    const request = { method: "GET", path, timeoutMs: commandDeadlineMs } as const;
    const page = await ask(link, request, z.array(anyEntry));
    entries = [...page, ...entries];
    if (page.length !== wanted) break;
  }
  return entries.slice(-limit).flatMap((entry) => understood(readData(historyEntryShape, entry)) ?? []);
}

/** @throws HoldfastError HF_REFUSED with the agent's own reason and next step */
export async function postSwitchover(link: HostLink, request: SwitchoverRequest): Promise<string> {
  const { id } = await ask(
    link,
    { method: "POST", path: "/switchover", body: request, timeoutMs: commandDeadlineMs },
    switchoverAcceptedSchema,
  );
  return id;
}

export function getSwitchover(link: HostLink, id: string): Promise<SwitchoverProgress> {
  const path = `/switchover/${encodeURIComponent(id)}`;
  return ask(link, { method: "GET", path, timeoutMs: hostDeadlineMs }, switchoverProgressSchema);
}

export async function postPause(link: HostLink, reason: string | undefined): Promise<void> {
  const body = reason === undefined ? {} : { reason };
  await ask(link, { method: "POST", path: "/pause", body, timeoutMs: commandDeadlineMs }, z.unknown());
}

export async function postResume(link: HostLink): Promise<void> {
  await ask(link, { method: "POST", path: "/resume", body: {}, timeoutMs: commandDeadlineMs }, z.unknown());
}

export async function postStandDown(link: HostLink, body: StandDownRequest): Promise<void> {
  await ask(link, { method: "POST", path: "/stand-down", body, timeoutMs: commandDeadlineMs }, z.unknown());
}

export async function postStandUp(link: HostLink, id: string): Promise<void> {
  await ask(link, { method: "POST", path: "/stand-up", body: { id }, timeoutMs: commandDeadlineMs }, z.unknown());
}

/** An agent gives a device 20 s for a reading, and 45 s to cut or give power. */
const fenceDeadlineMs = { test: 25_000, off: 70_000, on: 70_000 } as const;

/** @throws HoldfastError HF_REFUSED with the agent's own reason and next step */
export async function postFence(link: HostLink, action: "test" | "off" | "on", host: string): Promise<PowerReading> {
  const request = {
    method: "POST",
    path: `/fence/${action}`,
    body: { host },
    timeoutMs: fenceDeadlineMs[action],
  } as const;
  return await ask(link, request, powerReadingSchema);
}

/** @throws HoldfastError HF_REFUSED where the agent does not wait for this host to be off */
export async function postConfirm(link: HostLink, host: string): Promise<void> {
  const request = { method: "POST", path: "/fence/confirm", body: { host }, timeoutMs: commandDeadlineMs } as const;
  await ask(link, request, z.unknown());
}

/** Longer than the agent itself waits for Consul. */
const snapshotDeadlineMs = 55_000;

export async function postSave(link: HostLink, token: string): Promise<Buffer> {
  const request = { method: "POST", path: "/snapshot/save", body: { token }, timeoutMs: snapshotDeadlineMs } as const;
  return Buffer.from((await ask(link, request, snapshotSchema)).snapshot, "base64");
}

/** @throws HoldfastError HF_REFUSED with Consul's reason when it did not take the snapshot */
export async function postRestore(link: HostLink, token: string, snapshot: Buffer): Promise<void> {
  const body = { token, snapshot: snapshot.toString("base64") };
  await ask(link, { method: "POST", path: "/snapshot/restore", body, timeoutMs: snapshotDeadlineMs }, z.unknown());
}

async function ask<T>(link: HostLink, request: AgentRequest, expected: z.ZodType<T> | Shape<T>): Promise<T> {
  const response = await link.request(request);
  const what = `${request.method} ${request.path}`;
  const body = parseJson(response);
  if (response.status < 200 || response.status > 299) throw refusal(link.host, what, response, body);
  const reading = readData("schema" in expected ? expected : { name: what, format: 1, schema: expected }, body);
  if (reading.is === "read") return reading.value;
  const because = reading.is === "newer" ? `format ${reading.format}, of a newer release` : plainReason(reading.error);
  throw new HoldfastError(
    "HF_AGENT_UNREACHABLE",
    `The agent on ${link.host} answered ${what} in a form that this holdfast does not know (${because}).`,
    { next: "Bring agent and command line to the same version: pulumi up." },
  );
}

/** undefined when the body is no JSON. */
function parseJson(response: AgentResponse): unknown {
  if (response.body.trim() === "") return {};
  try {
    return JSON.parse(response.body);
  } catch {
    return undefined;
  }
}

function refusal(host: string, what: string, response: AgentResponse, body: unknown): HoldfastError {
  const parsed = refusalSchema.safeParse(body);
  const reason = parsed.success ? parsed.data.error : `HTTP ${response.status}`;
  const next = parsed.success ? parsed.data.next : undefined;
  if (response.status === 409)
    return new HoldfastError("HF_REFUSED", `${host} refused: ${reason}`, next ? { next } : {});
  return new HoldfastError("HF_AGENT_UNREACHABLE", `The agent on ${host} could not answer ${what}: ${reason}`, {
    next: next ?? `Look at its log: holdfast logs ${host}.`,
  });
}
