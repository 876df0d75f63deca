/** Which hosts may be replaced now, and in which order: `holdfast replace` without a host. Pure. */
import { type HostNow, obstaclesTo, orderOfTakingAway } from "../../contract/taking-away.ts";
import type { Paint } from "../terminal/paint.ts";
import { formatTable } from "../terminal/table.ts";

/** One host in `holdfast replace --json`. */
export interface Replaceable {
  readonly host: string;
  /** `maybe`: if nobody need stand by meanwhile. */
  readonly now: "yes" | "maybe" | "no";
  /** All that is against it. */
  readonly because: readonly string[];
}

/** Those that validate for nobody first, the active one last: one after the other. */
export function listReplaceable(hosts: readonly HostNow[]): Replaceable[] {
  return orderOfTakingAway(hosts).map((host) => {
    const against = obstaclesTo(hosts, host);
    const isSoft = against.every(({ is }) => is === "last-standby");
    return {
      host,
      now: against.length === 0 ? "yes" : isSoft ? "maybe" : "no",
      because: against.map(({ message }) => message),
    };
  });
}

export function formatReplaceable(
  all: readonly Replaceable[],
  style: { readonly paint: Paint; readonly columns: number | undefined },
): string {
  const { paint } = style;
  const words = { yes: paint.green("now"), maybe: paint.yellow("now, without a standby"), no: paint.red("not now") };
  const rows = all.map(({ host, now, because }) => [host, words[now], because.join("; and ")]);
  return formatTable(["host", "replaced", "because"], rows, style);
}
