/** Turns a configured source, a path or a URL, into a file on this machine whose checksum is known. */
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { cacheFolder, knownSha256Of, sha256Of, writeWhole } from "./cache.ts";

export interface Source {
  /** The setting that names it, for messages. */
  readonly setting: string;
  /** Path, relative to the project folder, or https:// URL. */
  readonly source: string;
  /** Pinned checksum; always there for a URL. */
  readonly sha256?: string | undefined;
}

export interface LocalFile {
  readonly path: string;
  readonly sha256: string;
}

const projectFolder = fileURLToPath(new URL("../..", import.meta.url));

/** @throws HoldfastError HF_ARTIFACT_UNAVAILABLE, HF_ARTIFACT_CHECKSUM */
export async function fetchSource(source: Source): Promise<LocalFile> {
  if (source.source.startsWith("https://")) return await download(source);
  const path = resolve(projectFolder, source.source);
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile)
    throw new HoldfastError("HF_ARTIFACT_UNAVAILABLE", `${source.setting}: there is no file ${path}.`, {
      next: "Correct the path; it is relative to the project folder.",
    });
  const sha256 = await knownSha256Of(path);
  refuseOther(source, sha256);
  return { path, sha256 };
}

async function download(source: Source): Promise<LocalFile> {
  const pinned = source.sha256 ?? "";
  const path = join(cacheFolder, "downloads", pinned);
  const have = await knownSha256Of(path).catch(() => undefined);
  if (have === pinned) return { path, sha256: pinned };
  await writeWhole(path, async (temporary) => {
    await downloadTo(temporary, source);
    refuseOther(source, await sha256Of(temporary));
  });
  return { path, sha256: pinned };
}

async function downloadTo(path: string, { setting, source }: Source): Promise<void> {
  try {
    const response = await fetch(source);
    if (!response.ok || response.body === null) throw new Error(`the server answers ${response.status}`);
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(path));
  } catch (cause) {
    throw new HoldfastError(
      "HF_ARTIFACT_UNAVAILABLE",
      `${setting}: ${source} could not be downloaded: ${plainReason(cause)}.`,
      { next: "Try again, or download it by other means and give its path.", cause },
    );
  }
}

function refuseOther({ setting, source, sha256: pinned }: Source, sha256: string): void {
  if (pinned === undefined || pinned === sha256) return;
  throw new HoldfastError(
    "HF_ARTIFACT_CHECKSUM",
    `${setting}: ${source} has the sha256 ${sha256}, pinned is ${pinned}.`,
    { next: "Do not use it until you know why; if the new file is the right one, pin its checksum." },
  );
}
