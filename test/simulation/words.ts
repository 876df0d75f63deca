/** A schedule as lines to read. */
import type { Schedule } from "./schedule.ts";

export function describeSchedule(schedule: Schedule): string {
  const { shape, storms } = schedule;
  const rates = shape.rates.map((rate) => `${((rate - 1) * 100).toFixed(2)} %`).join(", ");
  const head = `  ${shape.neardHosts} hosts with neard, clocks off by ${rates}, watchdog ${shape.hasWatchdog ? "on" : "off"}`;
  const lines = storms.flatMap((storm, i) => [
    `  storm ${i + 1}, ${storm.lastsMs} ms`,
    ...storm.faults.map(({ atMs, kind, ...details }) => {
      const said = Object.entries(details).map(([name, value]) => `${name} ${value}`);
      return `    ${String(atMs).padStart(6)} ms  ${kind}${said.length === 0 ? "" : ` (${said.join(", ")})`}`;
    }),
  ]);
  return [head, ...lines].join("\n");
}
