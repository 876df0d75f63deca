/** Drift: what every host says when its holdfastd compares it with the last specs that were applied. */
import { type ErrorCode, HoldfastError } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import { type ConvergeReport, convergeReportSchema } from "../../contract/wire/host-spec.ts";
import type { HostLink, RunResult } from "../ports.ts";
import type { Paint } from "../terminal/paint.ts";
import { formatTable } from "../terminal/table.ts";

/** One host in `holdfast check --json`. */
export interface HostCheck {
  readonly host: string;
  /** What is unlike what was deployed, by concern; empty when nothing is. */
  readonly drift: readonly { readonly concern: string; readonly what: string; readonly why: string }[];
  /** What is not holdfast's and no drift, such as a drop-in that somebody made on purpose. */
  readonly notes: readonly { readonly concern: string; readonly what: string; readonly why: string }[];
  /** Why the host could not be checked, and what to do; null when it was. */
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly next: string | null } | null;
}

export function checkHosts(links: readonly HostLink[]): Promise<HostCheck[]> {
  return Promise.all(links.map(checkHost));
}

async function checkHost(link: HostLink): Promise<HostCheck> {
  try {
    return { host: link.host, ...readDrift(link.host, await link.run(argv)), error: null };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const { code, message, next = null } = error;
    return { host: link.host, drift: [], notes: [], error: { code, message, next } };
  }
}

/** holdfastd's own exit code for differences; any other than that and 0 means that it did not come to its end. */
const exitDrift = 3;

const argv = [paths.holdfastd, "check", "--all", "--json"];

/** One JSON report a line, one for each concern. Other lines are for people. */
export function readDrift(host: string, result: RunResult): Pick<HostCheck, "drift" | "notes"> {
  const reports = result.stdout.split("\n").flatMap((line) => parseReport(line) ?? []);
  const wentThrough = result.code === 0 || result.code === exitDrift;
  if (!wentThrough || reports.length === 0) {
    const why = result.stderr.trim().split("\n").at(-1) || `exit code ${result.code ?? "none"}`;
    throw new HoldfastError("HF_APPLY_FAILED", `${host} could not be checked: ${why}`, {
      next: `If holdfast was never deployed there: pulumi up. Otherwise look at it: holdfast ssh ${host} -- ${argv.join(" ")}.`,
    });
  }
  return {
    drift: reports.flatMap(({ concern, changed }) => changed.map(({ what, why }) => ({ concern, what, why }))),
    notes: reports.flatMap(({ concern, notes }) => notes.map(({ what, why }) => ({ concern, what, why }))),
  };
}

function parseReport(line: string): ConvergeReport | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return convergeReportSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

export function formatChecks(
  checks: readonly HostCheck[],
  style: { paint: Paint; columns: number | undefined },
): string {
  const { paint } = style;
  const rows = checks.flatMap((check) => {
    if (check.error !== null) return [[check.host, "-", paint.red("not checked"), check.error.message]];
    const notes = check.notes.map(({ concern, what, why }) => [check.host, concern, what, `note: ${why}`]);
    if (check.drift.length === 0) return [[check.host, "-", paint.green("as deployed"), ""], ...notes];
    return [...check.drift.map(({ concern, what, why }) => [check.host, concern, paint.yellow(what), why]), ...notes];
  });
  return formatTable(["host", "concern", "drift", "why"], rows, style);
}
