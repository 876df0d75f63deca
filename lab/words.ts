/** What the lab's command prints, as lines. Pure; colours only where picocolors finds a terminal. */
import pc from "picocolors";
import type { Report } from "./chain/report.ts";
import type { ActiveFault, FaultKind } from "./faults/fault.ts";
import type { LabStatus } from "./hosts/lab.ts";

export function statusLines({ lab, bridgeUp, chainOn, hosts }: LabStatus): string[] {
  const width = Math.max(4, ...hosts.map((host) => host.name.length));
  return [
    `lab ${pc.bold(lab.name)}, stack ${lab.stack}, network ${lab.subnet} on ${lab.bridge} (${good(bridgeUp, "up", "down")}), chain ${good(chainOn, "on", "off")}${lab.neard === null ? "" : `, neard ${lab.neard.release}`}`,
    ...hosts.map(({ name, address, power, ssh }) => {
      const state = power === "on" ? good(ssh, "on, SSH answers", "on, SSH does not answer") : pc.red(power);
      return `  ${name.padEnd(width)}  ${address.padEnd(12)}  ${state}`;
    }),
  ];
}

export function faultLines(
  kinds: readonly Pick<FaultKind, "name" | "sentence" | "needs">[],
  active: readonly ActiveFault[],
): string[] {
  const width = Math.max(...kinds.map((kind) => kind.name.length));
  return [
    ...kinds.map(({ name, sentence, needs }) => {
      const need = needs === null ? "" : pc.dim(` Needs ${needs}.`);
      return `  ${pc.bold(name.padEnd(width))}  ${sentence}${need}`;
    }),
    "",
    active.length === 0 ? "No fault is on." : "On now:",
    ...active.map(({ kind, host, sinceMs, untilMs }) => {
      const until = untilMs === null ? "until healed" : `until ${clock(untilMs)}`;
      return `  ${pc.red(kind.padEnd(width))}  ${host}, since ${clock(sinceMs)}, ${until}`;
    }),
  ];
}

export function witnessLines(report: Report): string[] {
  const gap = report.gaps.reduce((longest, { seconds }) => Math.max(longest, seconds), 0);
  const doubles = report.doubleSigned.length;
  return [
    `${report.account}: heights ${report.fromHeight} to ${report.toHeight}`,
    `  blocks        ${report.produced} produced, ${report.missed} missed`,
    `  endorsements  ${report.endorsed} given, ${report.missedEndorsements} missed`,
    `  gaps          ${report.gaps.length}${gap > 0 ? `, the longest ${gap.toFixed(1)} s` : ""}`,
    ...report.gaps
      .slice(-5)
      .map(({ from, seconds, fromHost, toHost }) => `    ${from}  ${seconds.toFixed(1)} s  ${fromHost} -> ${toHost}`),
    `  signed twice  ${good(doubles === 0, "never", `${doubles} heights`)}`,
    `  overlap       ${good(report.overlapMs === 0, "0 ms", `${report.overlapMs} ms`)}`,
    ...Object.entries(report.byHost).map(
      ([host, { blocks, endorsements }]) => `  ${host}: ${blocks} blocks, ${endorsements} endorsements`,
    ),
    report.current === null
      ? "  nobody has signed yet"
      : `  last signed by ${pc.bold(report.current.host)}, ${(report.current.silentMs / 1000).toFixed(1)} s ago`,
  ];
}

function good(isGood: boolean, yes: string, no: string): string {
  return isGood ? pc.green(yes) : pc.red(no);
}

function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}
