/**
 * Credentials of systemd units: secrets that rest on the host only sealed with the host's own key. The clear
 * text goes in and out by pipes and memory; it is never an argument, never a file on a disk.
 *
 * From 250 on systemd does it all: `systemd-creds` seals (with the TPM, where there is one), and systemd
 * unseals for the unit alone. Before that we seal (`own-seal.ts`), and unseal at boot (`old-systemd.ts`).
 *
 * Whether a sealed one is still the right one is found by unsealing it: sealing the same text twice
 * gives different files, and a remembered digest would be one more thing to keep true.
 */
import { existsSync } from "node:fs";
import { readdir, readFile, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { paths, units } from "../contract/paths.ts";
import { ramfs } from "../host/system/memory-file-systems.ts";
import { deleteFile, writeFileAtomic } from "./atomic-file.ts";
import { unsealedPath } from "./old-systemd.ts";
import { ensureHostSecret, isOwnSeal, readHostSecret, seal, unseal } from "./own-seal.ts";
import { runCommand } from "./run-command.ts";

/** Whether systemd on this host can unseal by itself. */
export function hasSystemdCreds(): boolean {
  return ["/usr/bin/systemd-creds", "/bin/systemd-creds"].some((path) => existsSync(path));
}

/**
 * Where systemd cannot unseal, the clear text is also put where its units find it. That comes first: cut off
 * between the two, the next apply finds the old sealed text, and does both again.
 * @returns the sealed text, for the file that LoadCredentialEncrypted= names.
 */
export async function sealCredential(name: string, secret: string): Promise<string> {
  if (hasSystemdCreds())
    return await runCommand(["systemd-creds", "encrypt", `--name=${name}`, "-", "-"], { input: secret });
  const sealed = seal(await ensureHostSecret(paths.hostSecret), name, secret);
  await present(name, secret);
  return sealed;
}

/**
 * Either kind, whatever this host can do: a host that was upgraded still has those of its old systemd.
 * @throws HoldfastError HF_APPLY_FAILED when it was sealed by another host, under another name, or is damaged.
 */
export async function unsealCredential(name: string, path: string): Promise<string> {
  return await unsealed(name, path, await readSealed(name, path));
}

/** @param sealed what is in the file at `path` */
async function unsealed(name: string, path: string, sealed: string): Promise<string> {
  if (isOwnSeal(sealed)) return unseal(await readHostSecret(paths.hostSecret), name, sealed);
  return await runCommand(["systemd-creds", "decrypt", `--name=${name}`, path, "-"]);
}

/** What systemd would give a unit that starts now. @throws when that would be nothing, or not what is sealed. */
export async function loadableCredential(name: string, path: string): Promise<string> {
  const sealed = await readSealed(name, path);
  const text = await unsealed(name, path, sealed);
  const own = isOwnSeal(sealed);
  if (own === hasSystemdCreds()) throw new Error(`${path} is not sealed as this host's systemd needs it`);
  if (own && (await readFile(unsealedPath(name), "utf8")) !== text) throw new Error(`${name} is not the sealed one`);
  return text;
}

/** Deletes the file at `path`, and the clear text if it was a sealed credential. */
export async function deleteSealed(path: string): Promise<void> {
  if (dirname(path) === paths.credentials) await deleteFile(unsealedPath(nameOf(path)));
  await deleteFile(path);
}

/** `holdfastd unseal`, at boot: all that we sealed. One that cannot be unsealed does not keep back the others. */
export async function unsealAll(): Promise<{
  readonly unsealed: readonly string[];
  readonly faults: readonly string[];
}> {
  const files = (await readdir(paths.credentials)).filter((file) => /^[^.].*\.cred$/.test(file)).toSorted();
  const names: string[] = [];
  const faults: string[] = [];
  for (const path of files.map((file) => join(paths.credentials, file)))
    try {
      const name = nameOf(path);
      const sealed = await readSealed(name, path);
      if (!isOwnSeal(sealed)) continue;
      await present(name, await unsealed(name, path, sealed));
      names.push(name);
    } catch (error) {
      faults.push((error as Error).message);
    }
  return { unsealed: names, faults };
}

async function readSealed(name: string, path: string): Promise<string> {
  return await readFile(path, "utf8").catch((cause: Error) => {
    throw new HoldfastError("HF_APPLY_FAILED", `The credential ${name} cannot be read: ${plainReason(cause)}.`, {
      cause,
    });
  });
}

function nameOf(path: string): string {
  return basename(path, ".cred");
}

async function present(name: string, text: string): Promise<void> {
  const path = unsealedPath(name);
  const place = await statfs(paths.unsealed).catch(() => null);
  if (place?.type !== ramfs)
    throw new HoldfastError("HF_APPLY_FAILED", `${paths.unsealed} is no ramfs: ${name} could reach the disk there.`, {
      next: `Mount it and run pulumi up again: systemctl restart ${units.unsealedMount} ${units.unseal}`,
    });
  await writeFileAtomic(path, text, { mode: "0400", uid: 0, gid: 0 });
}
