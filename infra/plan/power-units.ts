/**
 * A template unit for each host that others power off by a command of the operator's: it runs that program, one action at
 * a time (`systemctl start holdfast-power-host-a@off`), away from everything that is ours. It has a user that exists only
 * while it runs, no capability, and of all credentials the one that is for it.
 */

import { credentials, powerOutput, powerUnit } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { unprivileged } from "./hardening.ts";
import { loadCredential, unitFile } from "./spec-parts.ts";

type Files = NonNullable<HostSpecInput["files"]>;

/** On `host`: for every other one. */
export function powerUnitFiles(topology: Topology, host: Host): Files {
  if (topology.fencing.mode === "off" || !hasRole("neard")(host)) return [];
  return topology.hosts
    .filter(({ name }) => name !== host.name)
    .flatMap(({ name, fence }) =>
      fence?.device === "command" ? [unitFile(powerUnit(name), powerUnitLines(topology, name, fence))] : [],
    );
}

function powerUnitLines(
  { fencing }: Topology,
  name: string,
  { command, timeoutMs }: { readonly command: readonly string[]; readonly timeoutMs: number },
): string[] {
  return [
    "[Unit]",
    `Description=holdfast: fence command for ${name}, %i`,
    "StartLimitIntervalSec=0",
    "CollectMode=inactive-or-failed",
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${command.map(unitWord).join(" ")} %i ${name}`,
    `TimeoutStartSec=${timeoutMs}ms`,
    // The agent has given up by then: what does not end at once is ended.
    "KillSignal=SIGKILL",
    "DynamicUser=yes",
    ...(fencing.hasSecret ? [loadCredential(credentials.fencingSecret)] : []),
    // Opened by systemd itself, for root alone; the agent reads them.
    `StandardOutput=truncate:${powerOutput(name, "%i", "out")}`,
    `StandardError=truncate:${powerOutput(name, "%i", "err")}`,
    ...unprivileged,
  ];
}

/** One word of a command line in a unit: systemd.service(5), "Command lines", and specifiers. */
export function unitWord(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$");
  return `"${escaped}"`;
}
