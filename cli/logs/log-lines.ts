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

const journalLine = /^(\S+) \S+ [^:]+: (\{.*\})$/;
/** pino's numbers. */
const levels: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/**
 * The agent logs JSON, one object a line. For people: time, level, sentence, and what else it holds. A
 * line of another kind (systemd's, neard's) stays as it is.
 */
export function readable(line: string): string {
  const [, time, json] = journalLine.exec(line) ?? [];
  if (time === undefined || json === undefined) return line;
  const entry = parseEntry(json);
  if (entry === undefined) return line;
  const { level, msg, time: _own, host: _host, ...rest } = entry;
  const details = Object.entries(rest).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return `${time} ${(levels[level] ?? String(level)).padEnd(5)} ${msg}${details.join("")}`;
}

type Entry = Record<string, unknown> & { level: number; msg: string };

function parseEntry(json: string): Entry | undefined {
  try {
    const entry = JSON.parse(json) as Partial<Entry>;
    return typeof entry.level === "number" && typeof entry.msg === "string" ? (entry as Entry) : undefined;
  } catch {
    return undefined;
  }
}
