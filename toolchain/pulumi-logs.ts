/**
 * Keeps Pulumi from writing a debug log of every command: half of its engine's work, 5 MB for a preview of 30 hosts, and no setting
 * turns it off. A file where its folder belongs does, and Pulumi goes on without (docs/decisions/0025-no-debug-log-of-pulumis.md).
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const note = `Pulumi would keep a debug log of each command in a folder of this name, which takes half of its time.
holdfast keeps it from that by this file. To see what Pulumi does: pulumi up --logtostderr -v=9
`;

/** @param home of Pulumi, one that is ours alone: logs that are there go. What cannot be done is left: it costs time only. */
export function keepLogsOff(home: string): void {
  const path = join(home, "logs");
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return;
    rmSync(path, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    writeFileSync(path, note);
  } catch {
    // Another command has just made the folder, or the disk is full, which Pulumi says better.
  }
}
