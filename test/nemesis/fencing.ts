/** The cluster with fencing as a scenario wants it: the lab's power switch, the fence command on the hosts, and the settings. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseDocument } from "yaml";
import type { FencingMode } from "../../contract/fencing.ts";
import type { Lab } from "../../lab/hosts/description.ts";
import { onHost } from "../../lab/hosts/ssh.ts";
import { pulumiSecret } from "../../lab/localnet/stack.ts";
import {
  fenceCommand,
  fenceCommandFile,
  fenceCommandText,
  startPowerSwitch,
  stopPowerSwitch,
} from "../../lab/power-switch/switch.ts";
import { ensureTools } from "../../toolchain/tools.ts";
import { root, settingsFile, up } from "../scenarios/cluster.ts";

/** What a scenario's cluster is deployed with. */
export interface Fencing {
  readonly mode: Exclude<FencingMode, "off">;
  readonly skipWait?: true;
}

type HostSetting = { name: string; roles?: string[]; fence?: object };

/** Deploys it where the cluster has something else; null: none. @throws Error with what `pulumi up` said */
export async function ensureFencing(lab: Lab, wanted: Fencing | null): Promise<void> {
  const file = parseDocument(readFileSync(settingsFile(), "utf8"));
  const config = (file.toJS() as { config: Record<string, unknown> }).config;
  const now = config["holdfast:fencing"] as string | undefined;
  const isSkipping = config["holdfast:fencingSkipsWait"] === true;
  if (wanted !== null) await preparePower(lab);
  if ((now ?? "off") === (wanted?.mode ?? "off") && isSkipping === (wanted?.skipWait ?? false)) return;
  console.log(`deploying fencing: ${wanted === null ? "off" : JSON.stringify(wanted)}`);
  const hosts = (config["holdfast:hosts"] as HostSetting[]).map(({ fence: _, ...host }) =>
    wanted !== null && host.roles?.includes("neard") === true
      ? { ...host, fence: { device: "command", command: fenceCommand(lab), timeoutMs: 15_000 } }
      : host,
  );
  const set = (name: string, value: unknown) => {
    if (value === undefined) file.deleteIn(["config", `holdfast:${name}`]);
    else file.setIn(["config", `holdfast:${name}`], file.createNode(value));
  };
  set("hosts", hosts);
  set("fencing", wanted?.mode);
  set("fencingSkipsWait", wanted?.skipWait);
  if (wanted === null) set("fencingSecret", undefined);
  writeFileSync(settingsFile(), file.toString({ lineWidth: 0 }));
  if (wanted !== null) {
    const stack = { name: lab.stack, root, tools: await ensureTools() };
    await pulumiSecret(stack, "holdfast:fencingSecret", await startPowerSwitch(lab));
  }
  const { code, stdout, stderr } = await up();
  if (code !== 0) throw new Error(`pulumi up with fencing: ${(stdout + stderr).slice(-2000)}`);
  if (wanted === null) await stopPowerSwitch(lab);
}

/** The switch in working order, and the operator's program where it is to be: on every host, as an operator would put it. */
async function preparePower(lab: Lab): Promise<void> {
  await startPowerSwitch(lab);
  const install = `cat > ${fenceCommandFile}.new && chmod 0755 ${fenceCommandFile}.new && mv ${fenceCommandFile}.new ${fenceCommandFile}`;
  await Promise.all(lab.hosts.map(async (host) => await onHost(lab, host, install, { input: fenceCommandText })));
}
