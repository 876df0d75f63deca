/** Does one step of a plan on this host. Every step may be done again after it was cut short. */
import { chmod, chown, mkdir, rename, rmdir } from "node:fs/promises";
import { asideOf } from "../contract/deployment.ts";
import { HoldfastError } from "../contract/errors.ts";
import type { Secrets } from "../contract/wire/host-spec.ts";
import { type Accounts, createUser, deleteUser, modifyUser, readAccounts } from "./accounts.ts";
import { type FileAttributes, unpackArtifact, writeFileAtomic } from "./atomic-file.ts";
import { deleteSealed, sealCredential } from "./credentials.ts";
import { emptyTree, removeTree } from "./mounts.ts";
import { credentialAttributes, fileText } from "./plan-steps.ts";
import { type Progress, whileWaiting } from "./progress.ts";
import { runCommand } from "./run-command.ts";
import type { Step } from "./steps.ts";
import { daemonReload, forgetFailure, readUnits, unitJob } from "./systemd.ts";

export interface PerformContext {
  readonly secrets: Secrets;
  /** Bound on one unit's start, stop or reload, and on one command. */
  readonly timeoutMs: number;
  readonly progress: Progress;
}

export async function perform(step: Step, context: PerformContext): Promise<void> {
  switch (step.kind) {
    case "user":
      return step.exists ? modifyUser(step.user) : createUser(step.user);
    case "directory":
      return makeDirectory(step.directory.path, step.directory);
    case "artifact": {
      const attributes = await attributesOf({ mode: step.artifact.mode, owner: "root", group: "root" });
      return whileWaiting(
        context.progress,
        `unpacking ${step.artifact.name}`,
        unpackArtifact(step.artifact, attributes),
      );
    }
    case "file": {
      const text =
        "lines" in step.content ? fileText(step.content.lines) : secret(context.secrets, step.content.secret);
      return writeFileAtomic(step.path, text, await attributesOf(step));
    }
    case "attributes":
      return setAttributes(step.path, await attributesOf(step));
    case "credential": {
      const sealed = await sealCredential(step.name, secret(context.secrets, step.secret));
      return writeFileAtomic(step.path, sealed, await attributesOf(credentialAttributes));
    }
    case "command":
      return void (await runCommand(step.argv, context));
    case "daemon-reload":
      return daemonReload();
    case "unit":
      if (step.action !== "enable") await forgetFailure(step.unit);
      return unitJob(step.action, step.unit, context);
    case "retire-unit":
      return retireUnit(step.unit, context);
    case "set-aside":
      return rename(step.path, asideOf(step.path));
    case "delete-file":
      await deleteSealed(step.path);
      return bringBack(step.path);
    case "delete-directory":
      return deleteDirectory(step.path, step.owned);
    case "give-back-directory": {
      const { path, used, ...attributes } = step.directory;
      if (!used) await emptyTree(path);
      return setAttributes(path, attributes);
    }
    case "delete-user":
      return deleteUser(step.user);
  }
}

function secret(secrets: Secrets, name: string): string {
  const text = secrets[name];
  if (text === undefined) throw new HoldfastError("HF_CONFIG_INVALID", `The secret ${name} was not given on stdin.`);
  return text;
}

async function attributesOf(wanted: { mode: string; owner: string; group: string }): Promise<FileAttributes> {
  const accounts: Accounts = await readAccounts();
  const id = (ids: ReadonlyMap<string, number>, kind: string, name: string): number => {
    const found = ids.get(name);
    if (found === undefined) throw new HoldfastError("HF_APPLY_FAILED", `There is no ${kind} ${name} on this host.`);
    return found;
  };
  return {
    mode: wanted.mode,
    uid: id(accounts.uidOf, "user", wanted.owner),
    gid: id(accounts.gidOf, "group", wanted.group),
  };
}

async function setAttributes(path: string, attributes: FileAttributes): Promise<void> {
  await chown(path, attributes.uid, attributes.gid);
  await chmod(path, Number.parseInt(attributes.mode, 8));
}

async function makeDirectory(path: string, wanted: { mode: string; owner: string; group: string }): Promise<void> {
  await mkdir(path, { recursive: true });
  await setAttributes(path, await attributesOf(wanted));
}

/** What was there before our file, if there was something. */
async function bringBack(path: string): Promise<void> {
  await rename(asideOf(path), path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

async function deleteDirectory(path: string, owned: boolean): Promise<void> {
  if (owned) return void (await removeTree(path));
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "ENOENT") throw error;
  });
}

async function retireUnit(unit: string, context: PerformContext): Promise<void> {
  if ((await readUnits([unit])).get(unit)?.loaded !== true) return;
  await unitJob("stop", unit, context);
  await unitJob("disable", unit, context);
  await forgetFailure(unit);
}
