/**
 * The lab's cloud as a process of this machine: started, stopped and asked. What it does is in lab/cloud/; here it is a black box
 * with a directory, a port and a control socket.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "../../contract/errors.ts";
import { type Lab, type LabCloud, labPaths, saveLab } from "./description.ts";
import { writeAtomic } from "./files.ts";
import { isAlive, processMarkSchema, startDetached, stopProcess } from "./process.ts";

const program = fileURLToPath(new URL("../cloud/main.ts", import.meta.url));

const startWithinMs = 20_000;

/** Starts the cloud if it is off; the lab's description, with the cloud in it. @throws HoldfastError HF_LAB */
export async function startCloud(lab: Lab): Promise<Lab & { readonly cloud: LabCloud }> {
  const at = labPaths(lab.name);
  const cloud = lab.cloud ?? (await newCloud(lab));
  const known = { ...lab, cloud };
  // Before it starts: it reads from there what it is.
  if (lab.cloud === undefined) saveLab(known);
  if (!cloudIsOn(lab)) {
    mkdirSync(at.cloud, { recursive: true, mode: 0o700 });
    const mark = await startDetached([program, "--lab", lab.name], at.cloudLog);
    writeAtomic(at.cloudProcess, `${JSON.stringify(mark)}\n`);
  }
  const giveUpAt = performance.now() + startWithinMs;
  while (!(await answers(cloud))) {
    if (!cloudIsOn(lab) || performance.now() > giveUpAt)
      throw new HoldfastError("HF_LAB", `The cloud of the lab ${lab.name} does not answer.`, {
        next: `Read its log: ${at.cloudLog}`,
      });
    await sleep(25);
  }
  return known;
}

/** Ends the cloud's process. What it knows stays in its directory, and its servers run on. */
export async function stopCloud(lab: Lab): Promise<void> {
  const mark = cloudMark(lab);
  if (mark !== null) await stopProcess(mark);
  rmSync(labPaths(lab.name).cloudProcess, { force: true });
}

export function cloudIsOn(lab: Lab): boolean {
  const mark = cloudMark(lab);
  return mark !== null && isAlive(mark);
}

/** Where the API is for a program on this machine, and for one on a host. */
export function cloudEndpoints(lab: Pick<Lab, "gateway">, { port }: LabCloud): { endpoint: string; fromHosts: string } {
  return { endpoint: `http://127.0.0.1:${port}/v1`, fromHosts: `http://${lab.gateway}:${port}/v1` };
}

/** Asks over the control socket (lab/cloud/control.ts). @throws HoldfastError HF_LAB when the cloud is off, or refuses */
export async function askCloud(lab: Lab, method: string, path: string, body?: object): Promise<unknown> {
  if (lab.cloud === undefined || !cloudIsOn(lab))
    throw new HoldfastError("HF_LAB", `The lab ${lab.name} has no cloud that is on.`, {
      next: `Start it: npm run -s lab -- cloud --lab ${lab.name}`,
    });
  return JSON.parse(await ask(lab.cloud.controlSocket, method, path, body)) as unknown;
}

/** A port that is free now; the cloud keeps it. */
async function newCloud(lab: Lab): Promise<LabCloud> {
  const port = await new Promise<number>((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, lab.gateway, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
  return {
    port,
    token: newToken(),
    otherProjectsToken: newToken(),
    readOnlyToken: newToken(),
    controlSocket: `${labPaths(lab.name).cloud}/control.sock`,
  };
}

/** Exactly 64 letters and digits, as the provider wants them. */
const newToken = () => randomBytes(32).toString("hex");

async function answers(cloud: LabCloud): Promise<boolean> {
  try {
    await ask(cloud.controlSocket, "GET", "/counts");
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
            new HoldfastError("HF_LAB", `The cloud answered ${method} ${path} with ${response.statusCode}: ${text}`),
          );
      });
    });
    sent.once("timeout", () => sent.destroy(new Error(`no answer to ${method} ${path} within 5 s`)));
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function cloudMark(lab: Lab) {
  const file = labPaths(lab.name).cloudProcess;
  return existsSync(file) ? processMarkSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
}
