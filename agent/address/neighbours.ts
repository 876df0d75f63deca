/**
 * The mover `arp`: for a host on the same layer 2. This host takes the address on its own interface, for a bounded time
 * that the kernel counts, and asks for a neighbour in its name. That question is a broadcast, and every machine on the
 * link that knew the address takes this host's for it from then on (RFC 826): so no
 * tool is needed that hosts may lack.
 * Nor is it taken from a host that still answers on the link, whatever else it does not.
 * Awkward case: an address that is routed, not on the link, cannot be had this way; announcing it would do nothing.
 */
import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../host/system/run.ts";
import type { AddressMover } from "./mover.ts";

/** The address is announced at once, and again after these: a lost broadcast must not matter. */
const againAfterMs: readonly number[] = [300, 1000];
/** Nothing listens there (RFC 863 names it for what is thrown away); only the question for the neighbour counts. */
const discardPort = 9;
const boundMs = 2000;

/** How long a machine on the link has to say that it has an address; Linux asks again after 1 s only. */
const onLinkMs = 400;

interface Neighbour {
  readonly dst: string;
  readonly lladdr?: string;
  readonly state?: readonly string[];
}

/** The interface whose link `address` is on. @throws Error when it is behind a router, or this host's own */
export function linkOf(route: string, address: string): string {
  const [found] = JSON.parse(route) as { dev?: string; gateway?: string; type?: string }[];
  if (found?.dev === undefined) throw new Error(`there is no route to ${address}`);
  if (found.type === "local") throw new Error(`${address} is this host's own address`);
  if (found.gateway !== undefined)
    throw new Error(
      `${address} is behind the router ${found.gateway}, not on the same layer 2: the mover arp cannot move it`,
    );
  return found.dev;
}

/** Neighbours that can be asked for, by `ip -j neighbour`. */
export function askable(neighbours: string, address: string): string[] {
  return (
    (JSON.parse(neighbours || "[]") as Neighbour[])
      // One that somebody set by hand would not come back.
      .filter(({ state = [] }) => !state.includes("PERMANENT"))
      .map(({ dst }) => dst)
      .filter((dst) => dst !== address && isIPv4(dst))
  );
}

/** The hardware address that has answered for `address`, by `ip -j neighbour`; null: none has. */
export function answeredBy(neighbours: string, address: string): string | null {
  const found = (JSON.parse(neighbours || "[]") as Neighbour[]).find(({ dst }) => dst === address);
  return found?.state?.includes("FAILED") === true ? null : (found?.lladdr ?? null);
}

/** @param onTrouble told when a later announcement fails */
export const announceByNeighbours = (onTrouble: (what: string) => void): AddressMover => ({
  async take(address, forMs) {
    const ip = async (...args: string[]) => (await run("ip", args, { timeoutMs: boundMs })).stdout;
    const link = linkOf(await ip("-j", "route", "get", address), address);
    // A host that is cut off, by a router or a filter, still says on its link that it is there: it keeps its address.
    await ip("neighbour", "del", address, "dev", link).catch(() => {});
    await say(null, address);
    await sleep(onLinkMs);
    const mac = answeredBy(await ip("-j", "neighbour", "show", "to", address, "dev", link), address);
    if (mac !== null) throw new Error(`${address} answers on ${link} (${mac}): its host is cut off, not dark`);
    const seconds = String(Math.ceil(forMs / 1000));
    // The kernel removes it by itself when its life is over, whether or not this agent still runs.
    const life = ["valid_lft", seconds, "preferred_lft", seconds];
    // Or for longer, where it is on that link from a take-over before.
    await ip("address", "replace", `${address}/32`, "dev", link, ...life);
    const announce = async () => {
      const asked = askable(await ip("-j", "neighbour", "show", "dev", link), address);
      if (asked.length === 0) throw new Error(`${link} has no neighbour, so nobody hears that ${address} moved`);
      for (const neighbour of asked.slice(0, 3)) {
        await ip("neighbour", "del", neighbour, "dev", link).catch(() => {});
        await say(address, neighbour);
      }
    };
    await announce();
    for (const afterMs of againAfterMs)
      void sleep(afterMs)
        .then(announce)
        .catch((error: Error) => onTrouble(`${address} was not announced again: ${error.message}`));
  },
});

/**
 * One datagram from `address` (null: this host's own), for which the kernel must ask who `neighbour` is, and so says
 * who `address` is.
 */
async function say(address: string | null, neighbour: string): Promise<void> {
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(address === null ? {} : { address }, () =>
        socket.send(Buffer.alloc(1), discardPort, neighbour, (error) => (error === null ? resolve() : reject(error))),
      );
    });
  } finally {
    socket.close();
  }
}
