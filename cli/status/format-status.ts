/** The cluster as text: header, table, and what is amiss. Pure. */
import { formatDuration, formatMoment } from "../terminal/duration.ts";
import type { Paint } from "../terminal/paint.ts";
import { formatTable } from "../terminal/table.ts";
import { silentValidators } from "./problems.ts";
import type { ClusterView, HostView } from "./views.ts";

export interface StatusStyle {
  readonly paint: Paint;
  /** undefined on a pipe. */
  readonly columns: number | undefined;
  /** For the age of what a host dated with its wall clock. */
  readonly wallMs: number;
}

export function formatStatus(view: ClusterView, style: StatusStyle): string {
  const { paint, columns } = style;
  const head = ["host", "roles", "agent", "neard", "key", "consul", "because"];
  const rows = view.hosts.map((host) => hostRow(host, paint));
  return [
    ...alarmLines(view, paint),
    headerLine(view, style),
    ...noteLines(view, paint),
    "",
    formatTable(head, rows, { paint, columns }),
    ...problemLines(view, paint),
    ...warningLines(view, paint),
  ].join("\n");
}

function alarmLines(view: ClusterView, paint: Paint): string[] {
  if (view.alarm === null) return [];
  return [paint.bold(paint.red(`ALARM: ${view.alarm.message}`)), paint.red(`  next: ${view.alarm.next}`), ""];
}

function headerLine(view: ClusterView, { paint, wallMs }: StatusStyle): string {
  const answered = view.hosts.some((host) => host.agent !== null);
  const parts = [
    `${paint.bold(view.account)} on ${view.network}`,
    `epoch ${view.epoch ?? (answered ? "none" : "unknown")}`,
  ];
  if (view.alarm !== null) parts.push(paint.red("more than one host active"));
  else if (view.active === null)
    parts.push(paint.red(silentValidators(view).length === 0 ? "no host active" : "no host seen active"));
  else parts.push(`${paint.bold(paint.green(view.active))} active${sinceText(view.since, wallMs)}`);
  if (view.lease !== null) parts.push(`lease ${formatDuration(view.lease)} left`);
  if (view.heard !== null) parts.push(heardText(view.heard, paint));
  return parts.join(paint.dim(" · "));
}

function heardText({ state, because }: NonNullable<ClusterView["heard"]>, paint: Paint): string {
  switch (state) {
    case "heard":
      return paint.green("heard");
    case "not-heard":
      return paint.red(because);
    case "unknown":
    case "idle":
      return paint.dim(because);
  }
}

function sinceText(since: string | null, wallMs: number): string {
  if (since === null) return "";
  const sinceMs = Date.parse(since);
  const age = Number.isNaN(sinceMs) ? "" : ` (${formatDuration(wallMs - sinceMs)})`;
  return ` since ${formatMoment(since)}${age}`;
}

function noteLines(view: ClusterView, paint: Paint): string[] {
  const notes: string[] = [];
  if (view.paused) notes.push(paint.yellow("paused: no automatic take-overs; holdfast resume ends it"));
  if (view.switchover !== null)
    notes.push(paint.cyan(`switchover under way to ${view.switchover.to ?? "the best standby"}`));
  return notes;
}

function problemLines(view: ClusterView, paint: Paint): string[] {
  if (view.problems.length === 0) return [];
  return ["", ...view.problems.map((problem) => paint.yellow(`! ${problem}`))];
}

/** Of the deployment, not of now: so they are quieter. */
function warningLines(view: ClusterView, paint: Paint): string[] {
  if (view.warnings.length === 0) return [];
  return ["", ...view.warnings.map((warning) => paint.dim(`note: ${warning}.`))];
}

function hostRow(host: HostView, paint: Paint): string[] {
  return [
    host.name,
    host.roles.join(", "),
    agentCell(host, paint),
    neardCell(host, paint),
    keyCell(host, paint),
    consulCell(host, paint),
    host.agent?.because ?? "",
  ];
}

function agentCell(host: HostView, paint: Paint): string {
  if (host.agent === null) {
    if (host.error?.code === "HF_HOST_KEY_MISMATCH") return paint.red("wrong host key");
    if (host.error?.code === "HF_HOST_LOGIN") return paint.red("no way in");
    return paint.red(host.reachable ? "no agent" : "unreachable");
  }
  const { role, ready } = host.agent;
  switch (role) {
    case "active":
      return paint.green(role);
    case "standby":
      return ready ? "standby, ready" : paint.yellow("standby, not ready");
    case "arbiter":
      return role;
    case "starting":
    case "taking":
    case "handing":
    case "demoting":
      return paint.cyan(role);
  }
}

function neardCell(host: HostView, paint: Paint): string {
  const { neard } = host;
  if (neard === null) return "-";
  if (!neard.running) return paint.red("stopped");
  const height = neard.height === null ? "" : ` #${neard.height}`;
  const version = neard.version === null ? "" : ` ${neard.version}`;
  return `${neard.synced ? "synced" : paint.yellow("syncing")}${height}${version}`;
}

function keyCell(host: HostView, paint: Paint): string {
  if (host.key === null) return "-";
  if (host.key.loaded) return paint.green("loaded");
  return host.key.available ? "sealed" : paint.red("unreadable");
}

function consulCell(host: HostView, paint: Paint): string {
  const { consul } = host;
  if (consul === null) return "-";
  if (!consul.reachable) return paint.red("no answer");
  const standing = consul.isLeader ? "leader" : consul.voter ? "voter" : "client";
  return consul.healthy ? standing : paint.yellow(`${standing}, unhealthy`);
}
