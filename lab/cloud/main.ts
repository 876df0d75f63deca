/**
 * The lab's cloud, whose servers are the lab's hosts:
 *
 *   node lab/cloud/main.ts --lab NAME
 *
 * Everything else is in the lab's description. What it knows is written down after each change, so it can be ended at any time.
 */
import "../../contract/first.ts";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { runEntry } from "../../contract/entry.ts";
import { HoldfastError } from "../../contract/errors.ts";
import { checkLabName, labPaths, loadLab } from "../hosts/description.ts";
import { writeAtomic } from "../hosts/files.ts";
import { Cloud } from "./cloud.ts";
import type { CloudSettings } from "./context.ts";
import { makeControl } from "./control.ts";
import { serveDhcp } from "./dhcp-server.ts";
import { LabMachines } from "./lab-machines.ts";
import { CloudService, listen, wallClock } from "./service.ts";
import type { CloudState } from "./state.ts";

/** How often hosts are looked after. */
const keepMs = 200;
/** Below it are the gateway and addresses that this machine may want. */
const firstHost = 11;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { lab: { type: "string" } } });
  if (values.lab === undefined) throw new HoldfastError("HF_USAGE", "--lab is missing.");
  const lab = loadLab(checkLabName(values.lab));
  if (lab.cloud === undefined) throw new HoldfastError("HF_LAB", `The lab ${lab.name} has no cloud.`);
  const { token, otherProjectsToken, readOnlyToken, port, controlSocket } = lab.cloud;
  const settings: CloudSettings = {
    tokens: [
      { token, project: "first" },
      { token: otherProjectsToken, project: "second" },
      { token: readOnlyToken, project: "first", readOnly: true },
    ],
    publicRange: lab.subnet,
    firstPublic: firstHost,
    // Long enough to be seen running; the machines take the time that they take.
    durationsMs: { create_server: 500, default: 100 },
    requestLimit: 3600,
    serverLimit: 200,
  };
  const directory = labPaths(lab.name).cloud;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = `${directory}/state.json`;
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as CloudState) : undefined;
  const cloud = new Cloud(settings, wallClock.nowMs(), before);
  const machines = new LabMachines(lab.name);
  let written = "";
  const write = () => {
    const text = JSON.stringify(cloud.state);
    // User data is in it, and with it what nobody else may read.
    if (text !== written) writeAtomic(file, text, 0o600);
    written = text;
  };
  const service = new CloudService(cloud, machines, wallClock, write);
  service.run();
  const dhcp = await serveDhcp(lab.gateway, (card) => machines.leaseOf(card));
  const listeners = await Promise.all(["127.0.0.1", lab.gateway].map((host) => listen(service, host, port)));
  rmSync(controlSocket, { force: true });
  const control = makeControl(service);
  await new Promise<void>((resolve, reject) => {
    control.once("error", reject);
    control.listen(controlSocket, resolve);
  });
  console.log(
    `cloud of the lab ${lab.name}: http://127.0.0.1:${port}/v1, from the hosts http://${lab.gateway}:${port}/v1`,
  );
  let isEnding = false;
  const stop = () => {
    isEnding = true;
    service.stop();
    dhcp.close();
    control.close();
    void Promise.all(listeners.map(({ close }) => close())).then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  while (!isEnding) {
    // A host may go while it is looked after; the next time it is no longer there.
    await machines.keep().catch((error: unknown) => console.log(String(error)));
    await sleep(keepMs);
  }
}

await runEntry("lab cloud", main);
