/** What we ask of systemd: the units' state, jobs with their outcome, and a unit's last words. */
import { execa } from "execa";
import { HoldfastError } from "../contract/errors.ts";
import type { UnitFact } from "./facts.ts";
import type { Progress } from "./progress.ts";
import { runCommand } from "./run-command.ts";

const properties = [
  "Id",
  "LoadState",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "NeedDaemonReload",
  "NRestarts",
  "MainPID",
  "FragmentPath",
  "DropInPaths",
];

/** The state of each unit, in the order asked; a unit that does not exist is down and not enabled. */
export async function readUnits(names: readonly string[]): Promise<Map<string, UnitFact>> {
  if (names.length === 0) return new Map();
  const text = await runCommand(["systemctl", "show", `--property=${properties.join(",")}`, "--", ...names]);
  return parseUnits(names, text);
}

/** `systemctl show` prints one block of `Name=value` lines for each unit, blocks apart by an empty line. */
export function parseUnits(names: readonly string[], text: string): Map<string, UnitFact> {
  const blocks = text.trim().split("\n\n");
  return new Map(
    names.map((name, position) => {
      const lines = (blocks[position] ?? "").split("\n").map((line): [string, string] => {
        const equals = line.indexOf("=");
        return [line.slice(0, equals), line.slice(equals + 1)];
      });
      const value = new Map(lines);
      // What systemd says nothing of is not "down".
      if (!value.has("ActiveState"))
        throw new HoldfastError("HF_APPLY_FAILED", `systemctl show says nothing of ${name}.`, {
          next: "See what it says on that host, mend the cause, and run pulumi up again.",
        });
      return [
        name,
        {
          state: unitState(value.get("ActiveState") ?? "", value.get("SubState") ?? ""),
          failed: value.get("ActiveState") === "failed",
          // A unit that is no service has none.
          restarts: Number(value.get("NRestarts") ?? 0),
          mainPid: Number(value.get("MainPID") ?? 0),
          loaded: value.get("LoadState") === "loaded" || value.get("LoadState") === "masked",
          enabled: ["enabled", "static", "generated", "alias", "indirect"].includes(value.get("UnitFileState") ?? ""),
          needsDaemonReload: value.get("NeedDaemonReload") === "yes",
          fragment: value.get("FragmentPath") ?? "",
          dropIns: (value.get("DropInPaths") ?? "").split(" ").filter(Boolean),
        },
      ];
    }),
  );
}

function unitState(active: string, sub: string): UnitFact["state"] {
  // Between two attempts of Restart= nothing runs: there is nothing to disturb.
  if (active === "activating") return sub.startsWith("auto-restart") ? "down" : "starting";
  return ["active", "reloading", "refreshing", "deactivating"].includes(active) ? "running" : "down";
}

/**
 * Runs a job (start, restart, reload, stop, disable) and waits for its end.
 * @throws HoldfastError HF_APPLY_FAILED with the last lines of the unit's journal.
 */
export async function unitJob(
  verb: "enable" | "disable" | "start" | "restart" | "reload" | "stop",
  unit: string,
  options: { timeoutMs: number; progress: Progress },
): Promise<void> {
  try {
    // A daemon-reload comes after it.
    await runCommand(["systemctl", verb, ...(verb === "enable" ? ["--no-reload"] : []), unit], options);
  } catch (error) {
    const late = error instanceof HoldfastError && error.code === "HF_TIMEOUT";
    const end = late ? `did not end within ${options.timeoutMs / 1000} s` : "failed";
    throw await unitFailure(unit, `systemctl ${verb} ${unit} ${end}`, error);
  }
}

/** Clears a unit's failed state and its start limit, so that a mended unit starts at once. */
export async function forgetFailure(unit: string): Promise<void> {
  // Exit code 1 for a unit that is not loaded yet: nothing to forget.
  await execa("systemctl", ["reset-failed", unit], { reject: false });
}

export async function daemonReload(): Promise<void> {
  await runCommand(["systemctl", "daemon-reload"]);
}

/** An error that ends with the unit's last lines in the journal: enough for one start with its panic and its end. */
export async function unitFailure(unit: string, what: string, cause?: unknown): Promise<HoldfastError> {
  const journal = await execa("journalctl", ["--unit", unit, "--lines", "25", "--no-pager", "--output", "short"], {
    reject: false,
    timeout: 10_000,
  });
  const lines = journal.stdout.split("\n").map((line) => `    ${line}`);
  return new HoldfastError("HF_APPLY_FAILED", `${what}.\n  Its journal ends:\n${lines.join("\n")}`, {
    next: `Look at the rest with journalctl -u ${unit}, mend the cause, run pulumi up again.`,
    cause,
  });
}
