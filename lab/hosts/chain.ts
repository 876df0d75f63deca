/**
 * The lab's chain as a process of this machine: started, stopped and asked. What it does is in
 * lab/chain/; here it is a black box with a directory, a port and a control socket.
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
import { type Lab, labPaths, saveLab } from "./description.ts";
import { writeAtomic } from "./files.ts";
import { isAlive, processMarkSchema, startDetached, stopProcess } from "./process.ts";

const program = fileURLToPath(new URL("../chain/main.ts", import.meta.url));

const startWithinMs = 20_000;

/** Starts the chain if it is off; the lab's description, with the chain in it. */
export async function startChain(lab: Lab): Promise<Lab> {
  const at = labPaths(lab.name);
  const controlSocket = `${at.chain}/control.sock`;
  if (!chainIsOn(lab)) {
    mkdirSync(at.chain, { recursive: true });
    writeChainHosts(lab);
    const listen = `${lab.gateway}:${ports.neardNetwork}`;
    const args = ["--dir", at.chain, "--listen", listen, "--control", controlSocket, "--hosts", at.chainHosts];
    const mark = await startDetached([program, ...args], at.chainLog);
    writeAtomic(at.chainProcess, `${JSON.stringify(mark)}\n`);
  }
  const giveUpAt = performance.now() + startWithinMs;
  while (!(await answers(controlSocket))) {
    if (!chainIsOn(lab) || performance.now() > giveUpAt)
      throw new HoldfastError("HF_LAB", `The chain of the lab ${lab.name} does not answer.`, {
        next: `Read its log: ${at.chainLog}`,
      });
    await sleep(25);
  }
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
  const described = { ...lab, chain };
  if (JSON.stringify(described) !== JSON.stringify(lab)) saveLab(described);
  return described;
}

/** Ends the chain's process. Its directory stays: started again, it goes on with the same keys. */
export async function stopChain(lab: Lab): Promise<void> {
  const mark = chainMark(lab);
  if (mark !== null) await stopProcess(mark);
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
