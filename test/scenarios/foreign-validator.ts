/**
 * A validator outside the cluster with the same key, as before a move to holdfast: the lab's neard as
 * a process of this machine, on the lab's own bridge.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { lab, root } from "./cluster.ts";

/** Away from the chain's own port and from neard's usual RPC. */
const networkPort = 24_667;
const rpcPort = 3130;

export interface ForeignValidator {
  /** What it is called by the witness: its address, for it is no host of the lab. */
  readonly name: string;
  /** Kills it. */
  stop(): Promise<void>;
}

export async function startForeignValidator(): Promise<ForeignValidator> {
  const { chain, gateway } = lab();
  if (chain === null) throw new Error("the lab has no chain");
  const home = mkdtempSync(join(tmpdir(), "holdfast-foreign-"));
  const program = join(root, "lab/neard/main.ts");
  const init = ["--chain-id", chain.chainId, "--boot-nodes", chain.bootNode, "--genesis", chain.genesisFile];
  await execa(process.execPath, [program, "--home", home, "init", ...init]);
  const file = join(home, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as { rpc: object; network: object };
  config.rpc = { ...config.rpc, addr: `127.0.0.1:${rpcPort}` };
  config.network = { ...config.network, addr: `${gateway}:${networkPort}` };
  writeFileSync(file, JSON.stringify(config));
  copyFileSync(chain.validatorKeyFile, join(home, "validator_key.json"));
  const child: ChildProcess = spawn(process.execPath, [program, "--home", home, "run"], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    name: gateway,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
