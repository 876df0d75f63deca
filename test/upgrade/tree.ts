/**
 * A checkout of an earlier release, beside this one and of the same repository: its program deploys its own bundle, as
 * the operator's would who has not upgraded yet. The lab is always this tree's: hosts, chain, neard.
 */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { parseDocument } from "yaml";
import { HoldfastError } from "../../contract/errors.ts";
import type { StackFacts } from "../../lab/localnet/settings.ts";

export interface ReleaseTree {
  readonly root: string;
  /** As its package.json says. */
  readonly version: string;
  /** Shortened. */
  readonly commit: string;
}

/**
 * @param place where it is to be; one that a killed run left there is replaced
 * @throws HoldfastError HF_USAGE when there is no such commit here
 */
export async function checkOut(repository: string, commit: string, place: string): Promise<ReleaseTree> {
  const git = (...args: string[]) => execa("git", ["-C", repository, ...args], { reject: false });
  const { stdout: full, exitCode } = await git("rev-parse", "--verify", "--quiet", `${commit}^{commit}`);
  if (exitCode !== 0)
    throw new HoldfastError("HF_USAGE", `There is no commit ${commit} in this repository.`, {
      next: "Name the release's commit or tag; a shallow clone has to fetch it first: git fetch --unshallow.",
    });
  await removeTree(repository, place);
  mkdirSync(dirname(place), { recursive: true });
  const added = await git("worktree", "add", "--detach", place, full);
  if (added.exitCode !== 0) throw new Error(`git worktree add: ${added.stderr}`);
  await bringPackages(repository, place);
  const { version } = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as { version: string };
  return { root: place, version, commit: full.slice(0, 7) };
}

export async function removeTree(repository: string, place: string): Promise<void> {
  await execa("git", ["-C", repository, "worktree", "remove", "--force", place], { reject: false });
  rmSync(place, { recursive: true, force: true });
  await execa("git", ["-C", repository, "worktree", "prune"], { reject: false });
}

/** This tree's where the release has the same ones, else its own. */
async function bringPackages(repository: string, place: string): Promise<void> {
  const packages = (root: string) => {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, unknown>;
    };
    return JSON.stringify(Object.entries(lock.packages).filter(([name]) => name !== ""));
  };
  if (packages(repository) === packages(place))
    return symlinkSync(join(repository, "node_modules"), join(place, "node_modules"));
  await execa("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: place, stdio: "inherit" });
}

/**
 * Writes the settings as the release itself writes them for a lab, with the secrets of `settings`, which are encrypted
 * under the same passphrase.
 */
export async function writeSettings(
  tree: ReleaseTree,
  facts: StackFacts,
  settings: string,
  fileName: string,
): Promise<void> {
  const place = pathToFileURL(join(tree.root, "lab/localnet/settings.ts")).href;
  const { stackFile } = (await import(place)) as typeof import("../../lab/localnet/settings.ts");
  writeFileSync(join(tree.root, fileName), stackFile(facts, secretsOf(settings)));
}

/** The file with nothing in it but its secrets. Pure. */
export function secretsOf(settings: string): string {
  const document = parseDocument(settings);
  const { encryptionsalt, config = {} } = document.toJS() as {
    encryptionsalt?: string;
    config?: Record<string, unknown>;
  };
  const ssh = config["holdfast:ssh"] as { privateKey?: unknown } | undefined;
  const kept = parseDocument("{}");
  kept.contents = kept.createNode({
    encryptionsalt,
    config: {
      "holdfast:validatorKey": config["holdfast:validatorKey"],
      "holdfast:ssh": { privateKey: ssh?.privateKey },
    },
  }) as typeof kept.contents;
  return kept.toString({ lineWidth: 0 });
}
