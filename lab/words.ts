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
    `  blocks        ${report.produced} produced, ${report.accepted} accepted, ${report.missed} missed`,
    ...(report.chunks === undefined
      ? []
      : [`  chunks        ${report.chunks.accepted} accepted, ${report.chunks.missed} missed`]),
    `  endorsements  ${report.endorsed} counted, ${report.missedEndorsements} missed`,
    ...takeoverLines(report),
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
    ...(report.cannotSee ?? []).map((what) => `  not seen here: ${what}`),
  ];
}

/** Where the cloud is, and with what one is let in. */
export function cloudLines(facts: {
  endpoint: string;
  fromHosts: string;
  token: string;
  otherProjectsToken: string;
}): string[] {
  const rows = [
    ["endpoint", facts.endpoint],
    ["from the hosts", facts.fromHosts],
    ["token", facts.token],
    ["another project's", facts.otherProjectsToken],
  ] as const;
  return rows.map(([what, value]) => `${what.padEnd(18)} ${value}`);
}

/** The last five; the figures say how long nobody heard the validator. */
function takeoverLines({ takeovers, alreadyConnected, strayBytes, pace }: Report): string[] {
  return [
    `  take-overs    ${takeovers.length}`,
    ...takeovers.slice(-5).map(({ at, from, to, keySeconds, firstAcceptedSeconds }) => {
      const heard =
        firstAcceptedSeconds === null
          ? pc.red("no block of it accepted yet")
          : `first block accepted ${firstAcceptedSeconds.toFixed(1)} s later`;
      return `    ${at}  ${from} -> ${to}, key after ${keySeconds.toFixed(1)} s, ${heard}`;
    }),
    ...(strayBytes === 0
      ? []
      : [`  STRAY         ${strayBytes} bytes of an old holder's connections, after another signed`]),
    ...(alreadyConnected === 0 ? [] : [`  refused       ${alreadyConnected} times: the peer had a connection already`]),
    ...(pace.medianPer10s === null
      ? []
      : [`  pace          ${pace.medianPer10s} blocks in 10 s, ${pace.slowestPer10s} at the slowest`]),
  ];
}

function good(isGood: boolean, yes: string, no: string): string {
  return isGood ? pc.green(yes) : pc.red(no);
}

function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}
