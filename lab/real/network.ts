/**
 * The network of real neards around the lab's hosts: started, stopped, asked whether it is on. Each node is a
 * process of this machine in a network namespace of its own, with an address on the lab's bridge, so that
 * faults of the lab's network reach what they reach with hosts.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../../contract/errors.ts";
import { parseValidatorKey } from "../../contract/near-key.ts";
import { ports } from "../../contract/paths.ts";
import { type Lab, type LabChain, type LabNeard, labPaths } from "../hosts/description.ts";
import { type ProcessMark, startDetached, startProgram } from "../hosts/process.ts";
import { withFileLimit } from "./file-limit.ts";
import { describeNetwork, ensureHomes, networkNodes, networkProgram } from "./homes.ts";
import { inNamespace, makeNamespaces, processesIn, recordedNamespaces, removeNamespaces } from "./namespaces.ts";

import { stakeOnNetwork } from "./stake.ts";

const witnessProgram = fileURLToPath(new URL("main.ts", import.meta.url));

/** Log of a node, for people. */
export const nodeLog = (lab: Lab, node: string) => `${labPaths(lab.name).chain}/nodes/${node}.log`;

/**
 * Starts the nodes and the witness; the witness's process stands for the whole network.
 * @param lateMs what the nodes send and are sent arrives so much later, in milliseconds
 */
export async function startNetwork(
  lab: Lab,
  neard: LabNeard,
  lateMs: number,
): Promise<{ chain: LabChain; witness: ProcessMark }> {
  const at = labPaths(lab.name);
  mkdirSync(`${at.chain}/nodes`, { recursive: true });
  const program = networkProgram(lab, neard);
  await ensureHomes(lab, program);
  const nodes = networkNodes(lab);
  const namespaces = await makeNamespaces(lab, nodes, lateMs);
  for (const [i, node] of nodes.entries()) {
    const command = await withFileLimit([program, "--home", node.home, "run"]);
    const namespace = namespaces[i];
    if (namespace !== undefined) await startProgram(inNamespace(namespace, command), nodeLog(lab, node.name));
  }
  const chain = describeNetwork(lab);
  const urls = nodes.map((node) => `http://${node.address}:${ports.neardRpc}`);
  const [observer, validators] = [urls.at(-1) as string, urls.slice(0, -1)];
  const options = ["--lab", lab.name, "--account", chain.account, "--control", chain.controlSocket];
  const witness = await startDetached(
    [witnessProgram, ...options, "--observer", observer, ...validators.flatMap((url) => ["--validator", url])],
    at.chainLog,
  );
  return { chain, witness };
}

/** Ends the nodes and removes their namespaces. Their homes stay. */
export async function stopNetwork(lab: Lab): Promise<void> {
  await removeNamespaces(lab);
}

/** Stakes with another validator key; the NEAR epoch from which it counts. @throws HoldfastError HF_LAB */
export async function stakeOnRealChain(lab: Lab, publicKey: string): Promise<number> {
  const observer = networkNodes(lab).at(-1)?.address;
  const { validatorKeyFile } = describeNetwork(lab);
  const signer = parseValidatorKey(readFileSync(validatorKeyFile, "utf8"), undefined, validatorKeyFile);
  return await stakeOnNetwork(`http://${observer}:${ports.neardRpc}`, signer, publicKey);
}

/** @throws HoldfastError HF_LAB when a node has ended, naming its log */
export async function checkNodes(lab: Lab): Promise<void> {
  const namespaces = recordedNamespaces(lab);
  for (const [i, node] of networkNodes(lab).entries()) {
    const namespace = namespaces[i];
    if (namespace !== undefined && (await processesIn(namespace)).length > 0) continue;
    throw new HoldfastError("HF_LAB", `${node.name} of the network of the lab ${lab.name} has ended.`, {
      next: `Read the end of its log: ${nodeLog(lab, node.name)}`,
    });
  }
}
