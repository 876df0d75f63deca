/**
 * `holdfast plan` for a pull request's page. Pure. What stands in the settings is somebody else's text: it comes in code
 * spans and blocks alone, from which it cannot get out, so that it can neither address people nor look like ours.
 */
import { type Comparison, isSame } from "../../infra/compare/compare.ts";
import { drawing } from "./drawing.ts";
import { versionWords } from "./format-plan.ts";
import { hostWords } from "./host-words.ts";
import type { PlanReport } from "./plan-report.ts";

/** A page holds 65,536 characters. */
const mostCharacters = 60_000;
const mostLines = 400;

export function formatMarkdown(report: PlanReport): string {
  const { stack, head, base, faults, notes, comparison } = report;
  const text = [
    `## ${code(stack)}: ${verdict(report)}`,
    `${code(versionWords(head))} compared with ${code(versionWords(base))}, by the settings alone: no host, no state and no secret was looked at.`,
    ...faults.map(({ code: name, message, next }) => `* ${code(message)}<br/>${code(next)} (${name})`),
    ...(comparison === null ? [] : comparisonParts(comparison)),
    ...notes.map((note) => `> ${code(note)}`),
  ].join("\n\n");
  return text.length <= mostCharacters
    ? text
    : `${text.slice(0, mostCharacters)}\n\`\`\`\n\n… (cut; \`holdfast plan\` shows all)`;
}

function verdict({ faults, comparison, isOtherPlanner }: PlanReport): string {
  if (comparison === null)
    return `${faults.length === 1 ? "one fault" : `${faults.length} faults`}, so nothing could be deployed`;
  if (isSame(comparison)) return `${isOtherPlanner ? "by the settings nothing" : "nothing"} would be done on any host`;
  const changed = comparison.hosts.filter(({ state }) => state !== "same").length;
  const key = { no: "the key stays", maybe: "the key may move", yes: "the key moves once" }[comparison.key.moves];
  const dangers = comparison.risks.filter(({ weight }) => weight === "danger").length;
  const danger = dangers === 0 ? "" : `, **${dangers === 1 ? "one danger" : `${dangers} dangers`}**`;
  return `${changed} of ${comparison.hosts.length} hosts, ${key}${danger}`;
}

function comparisonParts(comparison: Comparison): string[] {
  const { settings, hosts, order, key, risks } = comparison;
  return [
    ...list(
      risks.map(
        ({ weight, message, name }) => `${weight === "danger" ? "**danger**" : "risk"} ${code(name)}: ${code(message)}`,
      ),
    ),
    ...(settings.length === 0
      ? []
      : table(
          ["setting", "before", "after"],
          settings.map((one) => [one.setting, one.before ?? "-", one.after ?? "-"]),
        )),
    ...table(
      ["host", "roles", "zone", "what happens"],
      hosts.map((host) => [host.name, host.roles.join(", "), host.zone ?? "-", hostWords(host)]),
    ),
    ...(isSame(comparison) ? [] : [`The key: ${code(key.because)}.`]),
    ...list(
      order.map(({ title, hosts: among, oneByOne }) => `${title}: ${code(among.join(oneByOne ? ", then " : ", "))}`),
      true,
    ),
    block("mermaid", drawing(comparison).split("\n")),
    ...details(comparison),
  ];
}

function details({ hosts }: Comparison): string[] {
  const lines = hosts
    .filter(({ state }) => state === "changes")
    .flatMap(({ name, concerns }) =>
      concerns.flatMap(({ concern, changes }) =>
        changes.flatMap(({ what, why, lines: changed }) => [`# ${name} ${concern}: ${what} (${why})`, ...changed]),
      ),
    );
  if (lines.length === 0) return [];
  const cut =
    lines.length <= mostLines
      ? lines
      : [...lines.slice(0, mostLines), `# … and ${lines.length - mostLines} lines more`];
  return [`<details><summary>files and units</summary>\n\n${block("diff", cut)}\n\n</details>`];
}

const list = (entries: readonly string[], numbered = false): string[] =>
  entries.length === 0 ? [] : [entries.map((entry, i) => `${numbered ? `${i + 1}.` : "*"} ${entry}`).join("\n")];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [[row(head), row(head.map(() => "---")), ...rows.map((cells) => row(cells.map(code)))].join("\n")];
}

/** One line of somebody's text between as many backticks as it does not hold itself. */
function code(text: string): string {
  const line = text.replaceAll(/[\r\n\u2028\u2029]+/g, " ").replaceAll("|", "¦");
  const most = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(most + 1);
  return most === 0 && line.trim() !== "" ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

function block(language: string, lines: readonly string[]): string {
  const most = Math.max(2, ...lines.flatMap((line) => [...line.matchAll(/`+/g)].map(([run]) => run.length)));
  const fence = "`".repeat(most + 1);
  return [`${fence}${language}`, ...lines.map((line) => line.replaceAll(/[\r\n]+/g, " ")), fence].join("\n");
}
