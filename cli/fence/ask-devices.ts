/** Asks every host that might have to use a power device what it reads there: that one host reaches it says nothing of another. */

import { plainReason } from "../../contract/errors.ts";
import type { PowerReading } from "../../contract/fencing.ts";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import { postFence } from "../hosts/agent-client.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import { formatDuration } from "../terminal/duration.ts";
import type { Paint } from "../terminal/paint.ts";
import { formatTable } from "../terminal/table.ts";

/** What `by` read of the device of `reading.host`. */
export interface Seen {
  readonly by: string;
  readonly reading: PowerReading;
}

export const validators = (cluster: StackOutputs): string[] =>
  cluster.hosts.filter(({ roles }) => roles.includes("neard")).map(({ name }) => name);

/** Of each of `hosts`, by each other host with neard; in that order. Never throws. */
export async function askDevices(cluster: StackOutputs, links: HostLinks, hosts: readonly string[]): Promise<Seen[]> {
  const pairs = hosts.flatMap((host) =>
    validators(cluster)
      .filter((by) => by !== host)
      .map((by) => ({ host, by })),
  );
  return await Promise.all(pairs.map(async ({ host, by }) => ({ by, reading: await readBy(links, by, host) })));
}

async function readBy(links: HostLinks, by: string, host: string): Promise<PowerReading> {
  try {
    return await postFence(links.of(by), "test", host);
  } catch (error) {
    return { host, device: "-", state: null, because: plainReason(error), tookMs: 0 };
  }
}

export function formatDevices(seen: readonly Seen[], style: { paint: Paint; columns: number | undefined }): string {
  const { paint } = style;
  const rows = seen.map(({ by, reading: { host, device, state, because, tookMs } }) => [
    host,
    by,
    device,
    state === null ? paint.red("unknown") : state === "off" ? paint.yellow("off") : paint.green("on"),
    state === null ? "-" : formatDuration(tookMs),
    because,
  ]);
  return formatTable(["host", "asked by", "device", "power", "took", "what it said"], rows, style);
}
