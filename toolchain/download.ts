/**
 * Official downloads: a short bound for a host to answer, the checksum before anything is unpacked.
 * A host that did not answer once is not asked again in the same run.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { AnsweredError, httpGet } from "./http-get.ts";
import type { Download } from "./lock.ts";
import type { Step } from "./progress.ts";
import { unzip } from "./unzip.ts";

const answerLimitMs = 4_000;
const silent = new Map<string, string>();

/** Downloads an archive, verifies it and unpacks it into `directory`. Throws with the reason in plain words. */
export async function downloadInto(directory: string, download: Download, step: Step): Promise<void> {
  const expected = download.sha256 ?? (await publishedChecksum(download));
  const archive = join(directory, `.${basename(download.url)}`);
  const actual = await save(download.url, archive, step);
  if (actual !== expected) {
    throw new Error(`${download.url} has the sha256 ${actual} and should have ${expected}`);
  }
  if (archive.endsWith(".zip")) await unzip(archive, directory);
  else await promisify(execFile)("tar", ["-xzf", archive, "--no-same-owner", "-C", directory]);
  await promisify(execFile)("rm", ["-f", archive]);
}

async function publishedChecksum({ url, sha256From }: Download): Promise<string> {
  if (sha256From === undefined) throw new Error(`the lock has no checksum for ${url}`);
  const found = findChecksum(await text(await request(sha256From)), basename(url));
  if (found === undefined) throw new Error(`${sha256From} does not name ${basename(url)}`);
  return found;
}

/** The sha256 of a file in a list of `SHA256  NAME` lines. */
export function findChecksum(list: string, name: string): string | undefined {
  for (const line of list.split("\n")) {
    const [, sha256, listed] = /^([0-9a-f]{64})\s+\*?(?:\.\/)?(\S+)$/.exec(line.trim()) ?? [];
    if (listed === name) return sha256;
  }
  return undefined;
}

async function save(url: string, path: string, step: Step): Promise<string> {
  const response = await request(url);
  const total = Number(response.headers["content-length"] ?? 0);
  const hash = createHash("sha256");
  const title = step.text;
  let received = 0;
  const count = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      received += chunk.length;
      step.text = `${title}: ${megabytes(received)}${total > 0 ? ` of ${megabytes(total)}` : ""} MB`;
      yield chunk;
    }
  };
  await pipeline(response, count, createWriteStream(path));
  return hash.digest("hex");
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** The answer to a GET, whose headers must come within `answerLimitMs`. */
async function request(url: string): Promise<IncomingMessage> {
  const { host } = new URL(url);
  const known = silent.get(host);
  if (known !== undefined) throw new Error(known);
  try {
    return await httpGet(url, { answerWithinMs: answerLimitMs });
  } catch (error) {
    if (!(error instanceof AnsweredError)) silent.set(host, (error as Error).message);
    throw error;
  }
}
