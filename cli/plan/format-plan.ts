/** `holdfast plan` for a terminal. Pure. */
import { type Comparison, isSame } from "../../infra/compare/compare.ts";
import { describeFaults } from "../../infra/config/faults.ts";
import type { Paint } from "../terminal/paint.ts";
import { formatTable } from "../terminal/table.ts";
import { hostWords } from "./host-words.ts";
import type { PlanReport, Version } from "./plan-report.ts";

interface Style {
  readonly paint: Paint;
  readonly columns: number | undefined;
}

export function formatPlan(report: PlanReport, style: Style): string {
  const { paint } = style;
  const head = `${paint.bold(report.stack)}: ${versionWords(report.head)}, compared with ${versionWords(report.base)}`;
  const body = report.comparison === null ? [] : comparisonParts(report.comparison, report.isOtherPlanner, style);
  const faults = report.faults.length === 0 ? [] : [describeFaults(`Pulumi.${report.stack}.yaml`, report.faults)];
  const notes = report.notes.map((note) => paint.dim(`note: ${note}`)).join("\n");
  return [head, ...faults, ...body, notes].filter((part) => part !== "").join("\n\n");
}

export function versionWords({ title, commit }: Version): string {
  return commit === null || commit.startsWith(title) ? title : `${title} (${commit.slice(0, 10)})`;
}

/** @param isDoubted that nothing is to be done is so by the settings alone */
function comparisonParts(comparison: Comparison, isDoubted: boolean, { paint, columns }: Style): string[] {
  const { settings, hosts, order, key, risks } = comparison;
  const rows = settings.map(({ setting, before, after }) => [setting, before ?? "-", after ?? "-"]);
  const parts = settings.length === 0 ? [] : [formatTable(["setting", "before", "after"], rows, { paint, columns })];
  if (isSame(comparison)) {
    const words = isDoubted ? paint.yellow("By the settings nothing") : paint.green("Nothing");
    return [...parts, `${words} would be done on any host.`, ...riskLines()];
  }
  const table = hosts.map((host) => [host.name, host.roles.join(", "), host.zone ?? "-", hostWords(host)]);
  return [
    ...parts,
    formatTable(["host", "roles", "zone", "what happens"], table, { paint, columns }),
    ["In this order:", ...order.map(orderLine)].join("\n"),
    `The key ${{ no: "stays", maybe: "may move", yes: "moves once" }[key.moves]}: ${key.because}.`,
    ...riskLines(),
    detailLines(),
  ].filter((part) => part !== "");

  function riskLines(): string[] {
    const lines = risks.map(({ name, weight, message }) =>
      (weight === "danger" ? paint.red : paint.yellow)(`${weight === "danger" ? "DANGER" : "!"} ${message} (${name})`),
    );
    return lines.length === 0 ? [] : [lines.join("\n")];
  }

  function detailLines(): string {
    return hosts
      .filter(({ state }) => state === "changes")
      .flatMap((host) =>
        host.concerns.flatMap((concern) =>
          concern.changes.flatMap(({ what, why, lines }) => [
            paint.dim(`${host.name} ${concern.concern}: ${what} (${why})`),
            ...lines.map((line) => `    ${line}`),
          ]),
        ),
      )
      .join("\n");
  }
}

function orderLine({ title, hosts, oneByOne }: Comparison["order"][number], index: number): string {
  return `  ${index + 1}. ${title}: ${hosts.join(oneByOne ? ", then " : ", ")}`;
}
