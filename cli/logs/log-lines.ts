/** Journal lines of several hosts in one order. Pure. */

export interface HostLine {
  readonly host: string;
  readonly line: string;
}

export function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/**
 * By the time at the start of each line (journalctl's short-iso-precise in UTC, which sorts as text).
 * A line without one, the second of a message, stays behind its first. Hosts' clocks may differ: the
 * order between hosts is as good as those.
 */
export function mergeByTime(journals: readonly { host: string; lines: readonly string[] }[]): HostLine[] {
  const dated = journals.flatMap(({ host, lines }) => {
    let time = "";
    return lines.map((line) => {
      time = /^\d{4}-\d\d-\d\dT\S+/.exec(line)?.[0] ?? time;
      return { time, host, line };
    });
  });
  return dated
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    .map(({ host, line }) => ({ host, line }));
}
