/**
 * Whose this host is, asked before anything is done to it: an apply claims a host that is nobody's, and goes no further on
 * one that is another deployment's; a removal needs the word of the deployment whose host it is. Preflights look first, but
 * `pulumi destroy` has none, and two stacks may look at the same time.
 */
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  deploymentId,
  describeOwner,
  type Marks,
  nextForStranger,
  type Standing,
  standingOf,
} from "../contract/deployment.ts";
import { HoldfastError } from "../contract/errors.ts";
import { paths, users } from "../contract/paths.ts";
import { readShape, stamped } from "../contract/wire/format.ts";
import type { Secrets } from "../contract/wire/host-spec.ts";
import {
  type Before,
  type Claim,
  claimName,
  claimSchema,
  deploymentIdSchema,
  type Identity,
  identitySchema,
  identityShape,
  nothingBefore,
} from "../contract/wire/identity.ts";
import { readAccounts } from "./accounts.ts";
import { writeFileAtomic } from "./atomic-file.ts";
import type { SpecStore } from "./spec-store.ts";

/** Who deploys, out of what came on stdin; null: nobody says. @throws HoldfastError HF_CONFIG_INVALID */
export function claimIn(secrets: Secrets): Claim | null {
  const text = secrets[claimName];
  if (text === undefined) return null;
  try {
    return claimSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new HoldfastError("HF_CONFIG_INVALID", `What came as "${claimName}" on stdin names no deployment.`, {
      cause,
    });
  }
}

/**
 * Notes whose host this is, if it is nobody's yet or is adopted.
 * @param name of the host in the claim's deployment
 * @throws HoldfastError HF_HOST_FOREIGN
 */
export async function claimHost(claim: Claim | null, name: string, store: SpecStore): Promise<void> {
  const marks = await readMarks();
  const standing = standingOf(claim, marks);
  const { identity } = marks;
  if (standing === "stranger") throw foreign(claim, marks, name);
  const recorded = identity?.host ?? (await store.readSpec("system"))?.host ?? name;
  if (recorded !== name)
    throw new HoldfastError("HF_HOST_FOREIGN", `This host is ${recorded} of its deployment, not ${name}.`, {
      next: `Compare the addresses of ${recorded} and ${name} in holdfast:hosts.`,
    });
  if (claim === null) return;
  const wanted = await identityFor(claim, name, standing, identity, store);
  if (JSON.stringify(wanted) === JSON.stringify(identity)) return;
  const text = JSON.stringify(stamped(identityShape, wanted), null, 2);
  await writeFileAtomic(paths.deployment, `${text}\n`, { mode: "0644", uid: 0, gid: 0 });
}

/** @param id of the deployment that removes something; null: nobody says. @throws HoldfastError HF_HOST_FOREIGN */
export async function requireOwner(id: string | null, name: string): Promise<void> {
  if (id !== null && !deploymentIdSchema.safeParse(id).success)
    throw new HoldfastError("HF_USAGE", `${id} is not the id of a deployment.`);
  const refusal = removalRefusal(id, name, await readMarks());
  if (refusal !== null) throw refusal;
}

/** Pure. Why the deployment `id` may not remove anything from a host with these marks; null: it may. Exported for its test alone. */
export function removalRefusal(id: string | null, name: string, marks: Marks): HoldfastError | null {
  if (standingOf(id === null ? null : { id }, marks) !== "stranger") return null;
  const owner = `${name} belongs to ${describeOwner(marks)}`;
  return id === null
    ? new HoldfastError("HF_HOST_FOREIGN", `${owner}, and nobody says that this is done for it.`, {
        // So does the state of its own stack, as long as an earlier version deployed what it removes.
        next:
          `If its own stack does this, an update of holdfast was cut off: run pulumi up with ${name} in holdfast:hosts first. ` +
          `By hand: --deployment ${marks.identity?.id} (docs/operate/lost-state.md).`,
      })
    : new HoldfastError("HF_HOST_FOREIGN", `${owner}, not to the deployment ${id}. Nothing was changed on it.`, {
        next:
          "Select the host's own stack to remove it. If the hosts of this one are that deployment's now, it has none left: " +
          "forget it with pulumi stack rm --force (docs/operate/lost-state.md).",
      });
}

function foreign(claim: Claim | null, marks: Marks, name: string): HoldfastError {
  const by =
    claim === null ? "nobody says for whom this is done" : `this is done for ${claim.id} (stack ${claim.stack})`;
  const message = `${name} belongs to ${describeOwner(marks)}, but ${by}. Nothing was changed on it.`;
  return new HoldfastError("HF_HOST_FOREIGN", message, {
    next:
      claim === null
        ? "An apply comes from pulumi up, which says for whom; this one was made by hand, or by an older holdfast."
        : nextForStranger(marks.identity?.id ?? marks.authority),
  });
}

/** Exported for its test alone. */
export async function identityFor(
  { adopt: _, ...claim }: Claim,
  host: string,
  standing: Exclude<Standing, "stranger">,
  identity: Identity | null,
  store: SpecStore,
): Promise<Identity> {
  const now = new Date().toISOString();
  switch (standing) {
    case "own":
      return identitySchema.parse({ ...identity, ...claim });
    case "adopted": {
      const from = identity?.id ?? deploymentId(await readFile(paths.caCertificate, "utf8")) ?? [];
      const adopted = [...(identity?.adopted ?? []), from].flat();
      // Another deployment, and the same machine.
      const since = identity?.since ?? (await machineSince());
      return { ...claim, host, since, adopted, before: identity?.before ?? nothingBefore };
    }
    case "unmarked": {
      const since = await machineSince();
      return { ...claim, host, since, adopted: [], before: nothingBefore };
    }
    case "fresh": {
      // An earlier version may have got as far as its first concern: what is there then is ours.
      const before = (await store.known()).length === 0 ? await readBefore() : nothingBefore;
      return { ...claim, host, since: now, adopted: [], before };
    }
  }
}

/** Of a machine that nothing says it of: about when it was deployed to first. */
async function machineSince(): Promise<string> {
  return (await stat(paths.caCertificate)).mtime.toISOString();
}

/** @throws HoldfastError HF_CONFIG_INVALID when the file is there and is not ours any more. */
export async function readIdentity(): Promise<Identity | null> {
  const text = await readText(paths.deployment);
  if (text === null) return null;
  const reading = readShape(identityShape, text);
  if (reading.is === "read") return reading.value;
  if (reading.is === "newer")
    throw new HoldfastError(
      "HF_CONFIG_INVALID",
      `${paths.deployment} is of a newer release (format ${reading.format}): whose this host is cannot be told here.`,
      { next: "Deploy with that release, or a newer one." },
    );
  throw new HoldfastError("HF_CONFIG_INVALID", `${paths.deployment} is damaged: it does not say whose this host is.`, {
    next: "Delete it on this host and run pulumi up with the host's own stack, which writes it anew.",
    cause: reading.error,
  });
}

async function readMarks(): Promise<Marks> {
  const pem = await readText(paths.caCertificate);
  return { identity: await readIdentity(), authority: pem === null ? null : deploymentId(pem) };
}

async function readText(path: string): Promise<string | null> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}

/** What is there of what we are about to make our own. */
async function readBefore(): Promise<Before> {
  const accounts = await readAccounts();
  const directories: Before["directories"] = [];
  const files: string[] = [];
  for (const path of [paths.neardHome, paths.consulData]) {
    const there = await lstat(path).catch(() => null);
    if (there?.isDirectory() !== true) continue;
    const entries = (await readdir(path, { withFileTypes: true })).filter(({ name }) => name !== "lost+found");
    const mode = (there.mode & 0o7777).toString(8).padStart(4, "0");
    directories.push({ path, used: entries.length > 0, mode, uid: there.uid, gid: there.gid });
    files.push(...entries.filter((entry) => entry.isFile()).map(({ name }) => join(path, name)));
  }
  return { users: Object.values(users).filter((user) => accounts.users.has(user)), files, directories };
}
