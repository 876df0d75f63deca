/**
 * Whether this machine lets the hosts talk. Frames between two hosts only cross a bridge, yet a
 * firewall may see them as forwarded packets (br_netfilter), and Docker, for one, makes it drop those.
 */
import { HoldfastError } from "../../contract/errors.ts";
import { ports } from "../../contract/paths.ts";
import type { Lab, LabHost } from "./description.ts";
import { onHost } from "./ssh.ts";

/** @throws HoldfastError HF_LAB with the rule that would let them */
export async function checkReach(lab: Lab): Promise<void> {
  const [first, second] = lab.hosts;
  if (first === undefined || second === undefined) return;
  const [toHost, toChain] = await Promise.all([
    passes(lab, first, second.address, ports.ssh),
    passes(lab, first, lab.gateway, ports.neardNetwork),
  ]);
  const allow = (chain: string, match: string) =>
    `Allow it, then run the same command again: iptables -I ${chain} ${match} -j ACCEPT`;
  if (!toHost)
    throw new HoldfastError(
      "HF_LAB",
      `${first.name} does not reach ${second.name}: this machine's firewall drops it.`,
      {
        next: allow("FORWARD", `-i ${lab.bridge} -o ${lab.bridge}`),
      },
    );
  if (!toChain)
    throw new HoldfastError("HF_LAB", `${first.name} does not reach this machine: its firewall drops it.`, {
      next: allow("INPUT", `-i ${lab.bridge}`),
    });
}

/** An answer counts, also one that nobody listens: what a firewall drops gets none. */
async function passes(lab: Lab, from: LabHost, address: string, port: number): Promise<boolean> {
  const attempt = `timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/${port}' 2>/dev/null; echo $?`;
  return (await onHost(lab, from, attempt)) !== "124";
}
