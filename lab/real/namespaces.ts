/**
 * Network namespaces on the lab's bridge, one for each neard of the network around the hosts. A name is
 * written down before its namespace is made; what is removed is what was written down, and whatever runs in
 * it. Nothing is ever looked for by a pattern.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import { type Lab, labPaths } from "../hosts/description.ts";
import { writeAtomic } from "../hosts/files.ts";
import { run } from "../hosts/machine.ts";
import { startProgram } from "../hosts/process.ts";

const lateCableProgram = fileURLToPath(new URL("late-cable.pl", import.meta.url));

const namespaceSchema = z.strictObject({
  /** As `ip netns` knows it. */
  name: z.string(),
  /** This machine's end of its cable, a port of the bridge. */
  cable: z.string(),
  address: z.ipv4(),
});
export type Namespace = z.infer<typeof namespaceSchema>;

/** Where `ip netns` keeps them. */
const fileOf = ({ name }: Namespace) => `/run/netns/${name}`;

/** What was written down. Empty where the lab has no such network, or it is off. */
export function recordedNamespaces(lab: Lab): Namespace[] {
  const file = labPaths(lab.name).namespaces;
  return existsSync(file) ? z.array(namespaceSchema).parse(JSON.parse(readFileSync(file, "utf8"))) : [];
}

/** The command that runs `command` in the namespace; it becomes that command, under the same process id. */
export const inNamespace = (namespace: Namespace, command: readonly string[]): string[] => [
  "nsenter",
  `--net=${fileOf(namespace)}`,
  "--",
  ...command,
];

/**
 * Makes a namespace for each node; what an earlier run left is removed first.
 * @param lateMs how much later everything arrives on each node's cable, in either direction; 0: a plain cable
 */
export async function makeNamespaces(
  lab: Lab,
  nodes: readonly { readonly name: string; readonly address: string }[],
  lateMs = 0,
): Promise<Namespace[]> {
  await removeNamespaces(lab);
  const planned = nodes.map(({ name, address }) => ({
    name: `hf-${lab.name}-${name}`,
    cable: `vn-hf${lab.index}-${address.split(".")[3]}`,
    address,
  }));
  writeAtomic(labPaths(lab.name).namespaces, `${JSON.stringify(planned, null, 2)}\n`);
  for (const namespace of planned) {
    const { name, cable, address } = namespace;
    await run("ip", ["netns", "add", name]);
    if (lateMs > 0) await lateCable(lab, namespace, lateMs);
    else await run("ip", ["link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name]);
    await run("ip", ["link", "set", cable, "master", lab.bridge, "up"]);
    await run("ip", ["-n", name, "link", "set", "lo", "up"]);
    await run("ip", ["-n", name, "address", "add", `${address}/24`, "dev", "eth0"]);
    await run("ip", ["-n", name, "link", "set", "eth0", "up"]);
  }
  return planned;
}

/** Its process is one of the namespace's, so it ends with it. */
async function lateCable(lab: Lab, namespace: Namespace, lateMs: number): Promise<void> {
  const { name, cable } = namespace;
  const perl = ["perl", lateCableProgram, "eth0", cable, String(lateMs)];
  await startProgram(inNamespace(namespace, perl), `${labPaths(lab.name).chain}/nodes/cables.log`);
  const giveUpAt = performance.now() + 5000;
  const ours = ["-n", name, "link", "set", cable, "netns", String(process.pid)];
  for (;;)
    try {
      await run("ip", ours);
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await sleep(20);
    }
}

/** Ends what runs in the recorded namespaces, and removes them. Right also after a run that was cut off. */
export async function removeNamespaces(lab: Lab): Promise<void> {
  const recorded = recordedNamespaces(lab);
  const there = recorded.filter((namespace) => existsSync(fileOf(namespace)));
  await endProcesses(there);
  for (const { name, cable } of there) {
    // The cable first: a namespace that something still holds on to would keep it.
    if (existsSync(`/sys/class/net/${cable}`)) await run("ip", ["link", "delete", cable]);
    await run("ip", ["netns", "delete", name]);
  }
  rmSync(labPaths(lab.name).namespaces, { force: true });
}

/** Processes in the namespace; none when it is not there. */
export async function processesIn(namespace: Namespace): Promise<number[]> {
  if (!existsSync(fileOf(namespace))) return [];
  return (await run("ip", ["netns", "pids", namespace.name])).split("\n").filter(Boolean).map(Number);
}

/** SIGTERM, then SIGKILL to what is left: neard takes about a second. */
async function endProcesses(namespaces: readonly Namespace[]): Promise<void> {
  const all = async () => (await Promise.all(namespaces.map(processesIn))).flat();
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    for (const pid of await all())
      try {
        process.kill(pid, signal);
      } catch {
        // It ended by itself.
      }
    const giveUpAt = performance.now() + 5000;
    while ((await all()).length > 0 && performance.now() < giveUpAt) await sleep(50);
  }
  const left = await all();
  if (left.length > 0)
    throw new HoldfastError("HF_LAB", `The network's processes ${left.join(", ")} could not be ended.`);
}
