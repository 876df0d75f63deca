/**
 * The lab's network: one bridge on this machine, with the gateway's address, and nothing routed. The
 * hosts reach each other and this machine, no further. Also here: numbering labs, so that two never
 * share a subnet.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { HoldfastError } from "../../contract/errors.ts";
import { defaultLabName, ipv6Of, type Lab, labRoot } from "./description.ts";
import { run } from "./machine.ts";

const marker = (index: number) => `${labRoot()}/index-${index}`;

/**
 * Takes the lowest free index (1 is kept for the default lab), or finds the one the lab has already. A symbolic link says whose an
 * index is: making one either works or finds it taken, so two commands never get the same.
 */
export function reserveIndex(name: string): number {
  mkdirSync(labRoot(), { recursive: true });
  for (const entry of readdirSync(labRoot()))
    if (entry.startsWith("index-") && readlinkSync(`${labRoot()}/${entry}`) === name)
      return Number(entry.slice("index-".length));
  const inUse = new Set(
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ address }) => address.startsWith("10.77."))
      .map(({ address }) => Number(address.split(".")[2])),
  );
  for (let index = name === defaultLabName ? 1 : 2; index <= 254; index++) {
    if (inUse.has(index)) continue;
    try {
      symlinkSync(name, marker(index));
      return index;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw new HoldfastError("HF_LAB", "All 254 lab networks of this machine are taken.", {
    next: "Remove a lab: npm run -s lab -- down --lab <name>",
  });
}

export function releaseIndex(lab: Lab): void {
  try {
    unlinkSync(marker(lab.index));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

export function bridgeIsUp(lab: Lab): boolean {
  return networkInterfaces()[lab.bridge]?.some(({ address }) => address === lab.gateway) ?? false;
}

/**
 * Makes the bridge. Its MAC address is fixed: a bridge without one takes the lowest of its ports', so
 * the gateway would change its address under the hosts whenever one of them starts or dies.
 */
export async function ensureBridge(lab: Lab): Promise<void> {
  if (bridgeIsUp(lab)) return;
  await removeBridge(lab);
  const digest = createHash("sha256").update(lab.bridge).digest("hex");
  const mac = `02:${digest.slice(0, 10).match(/../g)?.join(":")}`;
  await run("ip", [
    "link",
    "add",
    lab.bridge,
    "address",
    mac,
    "type",
    "bridge",
    "stp_state",
    "0",
    "forward_delay",
    "0",
  ]);
  await run("ip", ["address", "add", `${lab.gateway}/24`, "dev", lab.bridge]);
  // Where nobody else can have it: usable at once.
  if (lab.family === "ipv6")
    await run("ip", ["address", "add", `${ipv6Of(lab, lab.gateway)}/64`, "dev", lab.bridge, "nodad"]);
  await run("ip", ["link", "set", lab.bridge, "up"]);
}

export async function removeBridge(lab: Lab): Promise<void> {
  const links = await run("ip", ["-o", "link", "show", "type", "bridge"]);
  if (links.split("\n").some((line) => line.split(": ")[1] === lab.bridge))
    await run("ip", ["link", "delete", lab.bridge]);
}
