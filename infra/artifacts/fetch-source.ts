/** Turns a configured source, a path or a URL, into a file on this machine whose checksum is known. */
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { httpGet, shownUrl } from "../../toolchain/http-get.ts";
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

/** Somebody waits for a preview; a slow proxy's first answer comes sooner. */
const answerWithinMs = 15_000;

/** What a URL has behind its path may be a token. */
const shownSource = (source: string): string => {
  const url = URL.parse(source);
  return url?.protocol === "https:" ? shownUrl(url) : source;
};

const projectFolder = fileURLToPath(new URL("../..", import.meta.url));

/** @throws HoldfastError HF_ARTIFACT_UNAVAILABLE, HF_ARTIFACT_CHECKSUM */
export async function fetchSource(source: Source): Promise<LocalFile> {
  if (/^https:\/\//i.test(source.source)) return await download(source);
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
    await pipeline(await httpGet(source, { answerWithinMs }), createWriteStream(path));
  } catch (cause) {
    throw new HoldfastError(
      "HF_ARTIFACT_UNAVAILABLE",
      `${setting}: ${shownSource(source)} could not be downloaded: ${plainReason(cause)}.`,
      { next: "Try again, or download it by other means and give its path.", cause },
    );
  }
}

function refuseOther({ setting, source, sha256: pinned }: Source, sha256: string): void {
  if (pinned === undefined || pinned === sha256) return;
  throw new HoldfastError(
    "HF_ARTIFACT_CHECKSUM",
    `${setting}: ${shownSource(source)} has the sha256 ${sha256}, pinned is ${pinned}.`,
    { next: "Do not use it until you know why; if the new file is the right one, pin its checksum." },
  );
}
