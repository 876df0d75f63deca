import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { snapshotFault } from "../../contract/snapshot-file.ts";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import { type CommandContext, firstThatAnswers, jsonOption } from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { postSave } from "../hosts/agent-client.ts";
import { restoreSnapshot, statusOfAll } from "../snapshot/restore.ts";
import { startProgress, withProgress } from "../terminal/progress.ts";

export function snapshotCommand(context: CommandContext): Command {
  return new Command("snapshot")
    .description("save Consul's data, or put it back with nobody signing meanwhile")
    .addCommand(saveCommand(context))
    .addCommand(restoreCommand(context));
}

function saveCommand(context: CommandContext): Command {
  const command = new Command("save");
  return command
    .description("save a snapshot of Consul: lock, history, sessions, ACLs")
    .argument("<file>", "write it there (0600, never over an existing file)")
    .addOption(jsonOption())
    .addHelpText("after", saveHelp)
    .action((file: string, options: { json?: boolean }) => context.finish(save(context, command, file, options.json)));
}

const saveHelp = `
Nothing is disturbed. The file holds ACL tokens: keep it as you keep the stack's state.

Example:
  $ holdfast snapshot save consul-2026-11-21.snap`;

async function save(context: CommandContext, command: Command, file: string, json?: boolean): Promise<ExitCode> {
  return context.withCluster(command, async ({ cluster, links }) => {
    const { terminal, clock } = context.ports;
    const token = managementToken(cluster);
    const descriptor = openNew(file);
    try {
      const asking = firstThatAnswers(cluster.hosts, async ({ name }) => ({
        host: name,
        snapshot: await postSave(links.of(name), token),
      }));
      const { host, snapshot } = await withProgress(terminal, clock, "asking Consul", asking);
      writeSync(descriptor, snapshot);
      if (json) context.printJson({ file, bytes: snapshot.length, through: host });
      else context.print(`${file}: ${snapshot.length} bytes, by Consul on ${host}. It holds ACL tokens: keep it safe.`);
      return exitCodes.ok;
    } catch (error) {
      unlinkSync(file);
      throw error;
    } finally {
      closeSync(descriptor);
    }
  });
}

function restoreCommand(context: CommandContext): Command {
  const command = new Command("restore");
  return command
    .description("put a snapshot back: all hosts let go first, then begin anew")
    .argument("<file>", "as saved by holdfast snapshot save or consul snapshot save, of this very cluster")
    .option("-y, --yes", "do not ask")
    .addOption(jsonOption())
    .addHelpText("after", restoreHelp)
    .action((file: string, options: RestoreOptions) => context.finish(restore(context, command, file, options)));
}

interface RestoreOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

const restoreHelp = `
The validator is silent for about 15 s. Every host with neard is told to stand down, and
must show that its fence shut and its key is gone; only then is Consul restored. One host
that does not answer, and nothing is done. Afterwards a standby takes over as after a loss.

Example:
  $ holdfast snapshot restore consul-2026-11-21.snap`;

async function restore(
  context: CommandContext,
  command: Command,
  file: string,
  options: RestoreOptions,
): Promise<ExitCode> {
  const snapshot = await readSnapshot(file);
  return context.withCluster(command, async ({ cluster, links }) => {
    const { terminal, clock, interrupted } = context.ports;
    const token = managementToken(cluster);
    const hosts = cluster.hosts.filter((host) => host.roles.includes("neard")).map((host) => host.name);
    const statuses = await withProgress(terminal, clock, "asking the hosts", statusOfAll(links, hosts));
    const active = statuses.find((status) => status.role === "active")?.host;
    const silence = active === undefined ? "" : ` ${active} stops signing for about 15 s.`;
    const question = `Restore Consul's data from ${file}?${silence}`;
    // Scripts are not asked: who runs this without a terminal has decided.
    if (options.yes !== true && terminal.interactive && !(await terminal.confirm(question))) {
      terminal.err("Nothing was changed.\n");
      return exitCodes.failed;
    }
    const progress = startProgress(terminal);
    try {
      const onProgress = (text: string) => progress.update(text);
      const done = await restoreSnapshot({ clock, interrupted, links, hosts, token, snapshot, onProgress });
      progress.end();
      if (options.json) context.printJson({ file, ...done });
      else context.print(restoredText(file, done.active, done.epoch, done.tookMs));
      return exitCodes.ok;
    } finally {
      progress.end();
    }
  });
}

function restoredText(file: string, active: string | null, epoch: number | null, tookMs: number): string {
  const end =
    active === null
      ? "The restored cluster is paused, so no host takes over: holdfast resume."
      : `${active} is active with epoch ${epoch}, ${(tookMs / 1000).toFixed(1)} s after the first host was told to stand down.`;
  return `Restored ${file}. ${end}\nWhat changed since it was saved (ACLs, hosts) is undone: see docs/operate/snapshots.md.`;
}

function managementToken(cluster: StackOutputs): string {
  const token = cluster.consulAccess?.managementToken;
  if (token !== undefined) return token;
  throw new HoldfastError("HF_STACK_UNAVAILABLE", "The stack does not tell Consul's management token.", {
    next: "It was brought up by an older version: run pulumi up once.",
  });
}

function openNew(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    throw new HoldfastError("HF_USAGE", `${file} cannot be made: ${plainReason(error)}.`, {
      next: "Name a file that does not exist, in a directory that does.",
      cause: error,
    });
  }
}

/** A whole archive, before any host is told to let go; Consul itself checks what is in it. */
async function readSnapshot(file: string): Promise<Buffer> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw new HoldfastError("HF_USAGE", `${file} cannot be read: ${plainReason(error)}.`, {
      next: "Name the file that holdfast snapshot save wrote.",
      cause: error,
    });
  }
  const fault = await snapshotFault(content);
  if (fault === null) return content;
  throw new HoldfastError("HF_USAGE", `${file} cannot be restored: ${fault}.`, {
    next: "Name the file that holdfast snapshot save wrote.",
  });
}
