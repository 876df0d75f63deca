/**
 * What a network of real neards has on disk: the genesis, the nodes' homes, our validator's key. Made once per
 * lab, by neard itself and genesis.ts; complete or absent. Started again, the network goes on where it was.
 */
import { constants, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { execa } from "execa";
import { HoldfastError } from "../../contract/errors.ts";
import { generateValidatorKey, type ValidatorKey } from "../../contract/near-key.ts";
import { ports } from "../../contract/paths.ts";
import { type Lab, type LabChain, type LabNeard, labPaths, networkAddresses } from "../hosts/description.ts";
import { writeAtomic } from "../hosts/files.ts";
import { environment } from "../hosts/machine.ts";
import { fewOpenFiles, mayRaiseFileLimit, withFileLimit } from "./file-limit.ts";
import { labGenesis, nodeConfig } from "./genesis.ts";

/** Whose key the lab's hosts guard. */
const account = "validator.localnet";

export interface NetworkNode {
  readonly name: string;
  readonly address: string;
  readonly home: string;
  /** null: the observer, which only follows. */
  readonly validator: string | null;
}

/** The neards around the hosts: three validators, and the observer, by which the witness sees. Pure. */
export function networkNodes(lab: Lab): NetworkNode[] {
  const nodes = `${labPaths(lab.name).chain}/nodes`;
  return networkAddresses(lab).map((address, i, all) => {
    const name = i === all.length - 1 ? "observer" : `node${i + 1}`;
    return { name, address, home: `${nodes}/${name}`, validator: name === "observer" ? null : `${name}.localnet` };
  });
}

const filesOf = (lab: Lab) => {
  const { chain } = labPaths(lab.name);
  return {
    genesis: `${chain}/genesis.json`,
    validatorKey: `${chain}/validator_key.json`,
    bootNodes: `${chain}/boot-node.txt`,
    controlSocket: `${chain}/control.sock`,
    /** The network's own copy, so that the lab's may be replaced while it runs. */
    program: `${chain}/neard`,
    made: `${chain}/made`,
  };
};

/** The network's chain as the lab describes it. */
export function describeNetwork(lab: Lab): LabChain {
  const at = filesOf(lab);
  const genesis = JSON.parse(readFileSync(at.genesis, "utf8")) as { chain_id: string };
  return {
    chainId: genesis.chain_id,
    account,
    bootNode: readFileSync(at.bootNodes, "utf8").trim(),
    controlSocket: at.controlSocket,
    genesisFile: at.genesis,
    validatorKeyFile: at.validatorKey,
  };
}

/** The neard that the network's nodes run; copied anew where the lab's is another by now. */
export function networkProgram(lab: Lab, neard: LabNeard): string {
  const { program } = filesOf(lab);
  const note = `${program}.sha256`;
  if (existsSync(program) && existsSync(note) && readFileSync(note, "utf8") === neard.sha256) return program;
  rmSync(program, { force: true });
  copyFileSync(neard.file, program, constants.COPYFILE_FICLONE);
  writeAtomic(note, neard.sha256);
  return program;
}

/** Makes the homes if they are not there. @throws HoldfastError HF_LAB with what neard said */
export async function ensureHomes(lab: Lab, program: string): Promise<void> {
  const at = filesOf(lab);
  // Written last: where it is, all is.
  if (existsSync(at.bootNodes)) return;
  const nodes = networkNodes(lab);
  const validators = nodes.filter((node) => node.validator !== null);
  const made = await neardLocalnet(program, at.made, validators.length + 1, nodes.length - validators.length);
  const ours = generateValidatorKey(account);
  const theirs = validators.map((node) => generateValidatorKey(node.validator as string));
  const renamed = [ours, ...theirs].map((key, i) => ({ from: `node${i}`, key }));
  const chainId = `test-chain-${lab.name}`;
  const genesis = `${JSON.stringify(labGenesis(made("node0", "genesis.json"), { chainId, renamed }), null, 2)}\n`;
  const nodeKeys = nodes.map(() => generateValidatorKey("node"));
  const bootNodes = nodes.map((node, i) => `${nodeKeys[i]?.publicKey}@${node.address}:${ports.neardNetwork}`);
  const maxOpenFiles = (await mayRaiseFileLimit()) ? null : fewOpenFiles;
  for (const [i, node] of nodes.entries()) {
    mkdirSync(node.home, { recursive: true });
    const config = nodeConfig(made(`node${i + 1}`, "config.json"), {
      address: node.address,
      networkPort: ports.neardNetwork,
      rpcPort: ports.neardRpc,
      nodeKey: nodeKeys[i]?.publicKey as string,
      bootNodes: bootNodes.filter((_, other) => other !== i),
      maxOpenFiles,
    });
    writeFileSync(`${node.home}/config.json`, `${JSON.stringify(config, null, 2)}\n`);
    writeFileSync(`${node.home}/genesis.json`, genesis);
    writeKey(`${node.home}/node_key.json`, nodeKeys[i] as ValidatorKey);
    const key = theirs.find(({ accountId }) => accountId === node.validator);
    if (key !== undefined) writeKey(`${node.home}/validator_key.json`, key);
  }
  writeKey(at.validatorKey, ours);
  writeFileSync(at.genesis, genesis);
  rmSync(at.made, { recursive: true, force: true });
  writeAtomic(at.bootNodes, `${bootNodes.join(",")}\n`);
}

/** Has neard make a network; its files, read by node and name. */
async function neardLocalnet(program: string, dir: string, validators: number, others: number) {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const amounts = ["--validators", String(validators), "--non-validators-rpc", String(others)];
  const args = ["--home", dir, "localnet", "--shards", "2", "--prefix", "node", ...amounts];
  const [file, ...rest] = (await withFileLimit([program, ...args])) as [string, ...string[]];
  const result = await execa(file, rest, { env: environment, stdin: "ignore", timeout: 60_000, reject: false });
  if (result.failed)
    throw new HoldfastError("HF_LAB", `neard localnet failed: ${result.stderr.trim() || result.shortMessage}`, {
      next: "See what this neard understands: neard localnet --help",
    });
  return (node: string, name: string) =>
    JSON.parse(readFileSync(`${dir}/${node}/${name}`, "utf8")) as Record<string, unknown>;
}

function writeKey(file: string, { accountId, publicKey, secretKey }: ValidatorKey): void {
  const text = JSON.stringify({ account_id: accountId, public_key: publicKey, secret_key: secretKey }, null, 2);
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
}
