/**
 * The lab's chain as a process of this machine: started, stopped and asked. What it does is in
 * lab/chain/ and lab/real/; here it is a black box with a directory, a port and a control socket.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import { ports } from "../../contract/paths.ts";
import { genesisSchema } from "../chain/genesis.ts";
import { type Report, reportSchema } from "../chain/report.ts";
import { witnessEventSchema } from "../chain/witness-event.ts";
import { describeNetwork } from "../real/homes.ts";
import { checkNodes, stakeOnRealChain, startNetwork, stopNetwork } from "../real/network.ts";
import { type Lab, type LabChain, type LabNeard, labPaths, saveLab } from "./description.ts";
import { writeAtomic } from "./files.ts";
import { isAlive, processMarkSchema, startDetached, stopProcess } from "./process.ts";

const program = fileURLToPath(new URL("../chain/main.ts", import.meta.url));

const startWithinMs = 20_000;
/** Real neards find each other, and the witness the first blocks. */
const networkWithinMs = 120_000;

/**
 * Starts the chain if it is off; the lab's description, with the chain in it.
 * @param lateMs of a network of real neards: how much later everything arrives at its nodes, and from them
 */
export async function startChain(lab: Lab, lateMs = 0): Promise<Lab> {
  const at = labPaths(lab.name);
  const controlSocket = `${at.chain}/control.sock`;
  if (lab.neard !== null) return await startRealChain(lab, lab.neard, lateMs);
  if (!chainIsOn(lab)) {
    mkdirSync(at.chain, { recursive: true });
    writeChainHosts(lab);
    const listen = `${lab.gateway}:${ports.neardNetwork}`;
    const args = ["--dir", at.chain, "--listen", listen, "--control", controlSocket, "--hosts", at.chainHosts];
    const mark = await startDetached([program, ...args], at.chainLog);
    writeAtomic(at.chainProcess, `${JSON.stringify(mark)}\n`);
  }
  await untilItAnswers(lab, controlSocket, startWithinMs);
  const genesisFile = `${at.chain}/genesis.json`;
  const genesis = genesisSchema.parse(JSON.parse(readFileSync(genesisFile, "utf8")));
  const chain = {
    chainId: genesis.chain_id,
    account: genesis.account,
    bootNode: readFileSync(`${at.chain}/boot-node.txt`, "utf8").trim(),
    controlSocket,
    genesisFile,
    validatorKeyFile: `${at.chain}/validator_key.json`,
  };
  return described(lab, chain);
}

/** The same for a network of real neards. What its nodes run is replaced only while it is off. */
async function startRealChain(lab: Lab, neard: LabNeard, lateMs: number): Promise<Lab> {
  const at = labPaths(lab.name);
  if (!chainIsOn(lab)) {
    writeChainHosts(lab);
    const { witness } = await startNetwork(lab, neard, lateMs);
    writeAtomic(at.chainProcess, `${JSON.stringify(witness)}\n`);
  }
  const chain = describeNetwork(lab);
  await untilItAnswers(lab, chain.controlSocket, networkWithinMs, () => checkNodes(lab));
  return described(lab, chain);
}

async function untilItAnswers(
  lab: Lab,
  controlSocket: string,
  withinMs: number,
  check: () => Promise<void> = async () => {},
): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await answers(controlSocket))) {
    await check();
    if (!chainIsOn(lab) || performance.now() > giveUpAt)
      throw new HoldfastError("HF_LAB", `The chain of the lab ${lab.name} does not answer.`, {
        next: `Read its log: ${labPaths(lab.name).chainLog}`,
      });
    await sleep(25);
  }
}

function described(lab: Lab, chain: LabChain): Lab {
  const known = { ...lab, chain };
  if (JSON.stringify(known) !== JSON.stringify(lab)) saveLab(known);
  return known;
}

/** Ends the chain's process. Its directory stays: started again, it goes on with the same keys. */
export async function stopChain(lab: Lab): Promise<void> {
  const mark = chainMark(lab);
  if (mark !== null) await stopProcess(mark);
  await stopNetwork(lab);
  rmSync(labPaths(lab.name).chainProcess, { force: true });
}

export function chainIsOn(lab: Lab): boolean {
  const mark = chainMark(lab);
  return mark !== null && isAlive(mark);
}

/** Tells the witness the hosts' names; it reads the file again when it changed. */
export function writeChainHosts(lab: Lab): void {
  const names = Object.fromEntries(lab.hosts.map((host) => [host.name, host.address]));
  writeAtomic(labPaths(lab.name).chainHosts, `${JSON.stringify(names, null, 2)}\n`);
}

/** The witness's report. @throws HoldfastError HF_LAB when the chain is off */
export async function askWitness(lab: Lab): Promise<Report> {
  return reportSchema.parse(await control(lab, "GET", "/report"));
}

/** The witness's events numbered `since` and above, as far as it keeps them. */
export async function witnessEvents(lab: Lab, since: number): Promise<NumberedEvent[]> {
  return z.array(numberedSchema).parse(await control(lab, "GET", `/events?since=${since}`));
}

const numberedSchema = z.object({ seq: z.number().int(), event: witnessEventSchema });
export type NumberedEvent = z.infer<typeof numberedSchema>;

/** The next report begins with the next height. */
export async function resetWitness(lab: Lab): Promise<void> {
  await control(lab, "POST", "/reset");
}

/**
 * As if the account staked with this public key: from the returned NEAR epoch on it is the validator's.
 * @throws HoldfastError HF_LAB when the chain is off, or the key is none
 */
export async function stakeWith(lab: Lab, publicKey: string): Promise<number> {
  if (lab.neard !== null) return await stakeOnRealChain(lab, publicKey);
  const answer = await control(lab, "POST", "/validator-key", { publicKey });
  return z.object({ fromNearEpoch: z.number().int() }).parse(answer).fromNearEpoch;
}

async function control(lab: Lab, method: string, path: string, body?: object): Promise<unknown> {
  if (lab.chain !== null && chainIsOn(lab))
    return JSON.parse(await ask(lab.chain.controlSocket, method, path, body)) as unknown;
  throw new HoldfastError("HF_LAB", `The chain of the lab ${lab.name} is off, so its witness saw nothing.`, {
    next: `Start it: npm run -s lab -- chain start --lab ${lab.name}`,
  });
}

async function answers(socketPath: string): Promise<boolean> {
  try {
    await ask(socketPath, "GET", "/health");
    return true;
  } catch {
    return false;
  }
}

function ask(socketPath: string, method: string, path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === 200) resolve(text);
        else
          reject(
            new HoldfastError("HF_LAB", `The chain answered ${method} ${path} with ${response.statusCode}: ${text}`),
          );
      });
    });
    sent.once("timeout", () => sent.destroy(new Error(`no answer to ${method} ${path} within 5 s`)));
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function chainMark(lab: Lab) {
  const file = labPaths(lab.name).chainProcess;
  return existsSync(file) ? processMarkSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
}
