/** Tables as the commands print them: no borders, one space around, the last column wrapped to the terminal. */
import Table from "cli-table3";
import type { Paint } from "./paint.ts";

const noBorders = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
};

/** Below this the last column is not wrapped: a column of single words helps nobody. */
const leastLastColumn = 20;

const ansi = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
const width = (cell: string) => cell.replace(ansi, "").length;

/**
 * @param columns the terminal's width; undefined on a pipe, where every row stays one line
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: { paint: Paint; columns: number | undefined },
): string {
  const padding = 2;
  const widths = head.map((title, i) => padding + Math.max(width(title), ...rows.map((row) => width(row[i] ?? ""))));
  const before = widths.slice(0, -1).reduce((sum, w) => sum + w, 0);
  const room = (options.columns ?? Number.POSITIVE_INFINITY) - before;
  const last = widths.length - 1;
  if (room >= leastLastColumn) widths[last] = Math.min(widths[last] ?? 0, room);
  const table = new Table({
    chars: noBorders,
    style: { head: [], border: [], "padding-left": 0, "padding-right": padding },
    colWidths: widths,
    wordWrap: true,
  });
  table.push(
    head.map((title) => options.paint.dim(title)),
    ...rows.map((row) => [...row]),
  );
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
