/**
 * `command:remote:CopyToRemote`: puts a file, a text or a folder on a host by SFTP. It overwrites and adds and
 * never removes; it sets no mode and no owner; it is not atomic. Folders are copied in lexical order, one
 * entry after the other, and what was copied before a failure stays.
 */
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { posix } from "node:path";
import type { Client, SFTPWrapper, Stats } from "ssh2";
import { bounded } from "./bounded.ts";
import { reasonOf } from "./credentials.ts";
import { type Connection, dial, type StepContext } from "./dial.ts";
import type { Source } from "./values.ts";

/** Enough in flight to keep a fast link busy: 64 packets of 32 KiB, the size that every SFTP server takes. */
const packetBytes = 32 * 1024;
const packetsInFlight = 64;
/** Read from this machine's disk at once: a read of one packet each takes as long as its encryption. */
const blockBytes = 32 * packetBytes;

export interface CopyInputs {
  connection: Connection;
  source: Source;
  remotePath: string;
}

export async function copyToRemote(
  { connection, source, remotePath }: CopyInputs,
  context: StepContext,
): Promise<void> {
  const dialled = await dial(connection, context);
  await bounded(dialled, connection, context, 0, async () => {
    const remote = new Remote(await startSftp(dialled.client));
    if (source.text === undefined) await copyPath(remote, source.path ?? "", remotePath);
    else await copyText(remote, source.text, remotePath);
  });
}

function startSftp(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error === undefined) return resolve(sftp);
      reject(
        new Error(
          error.message.startsWith("Unable to start subsystem") ? "ssh: subsystem request failed" : error.message,
        ),
      );
    });
  });
}

async function copyText(remote: Remote, text: string, path: string): Promise<void> {
  const present = await remote.stat(path);
  if (present?.isDirectory()) {
    throw new Error(`remote path ${path} is a directory; when using a text asset, remotePath must be a file path`);
  }
  await remote.makeParents(path);
  const content = Buffer.from(text);
  const read = async (at: number): Promise<Buffer> => content.subarray(at, at + blockBytes);
  await remote.write(path, read, (cause) => `failed to write text content to remote path ${path}: ${cause}`);
}

async function copyPath(remote: Remote, from: string, path: string): Promise<void> {
  const isFolder = (await stat(from).catch((error) => failLocal("open", from, error))).isDirectory();
  const present = await remote.stat(path);
  if (!isFolder) {
    if (present === undefined) await remote.makeParents(path);
    return copyFile(remote, from, present?.isDirectory() ? posix.join(path, posix.basename(from)) : path);
  }
  if (present === undefined) {
    await remote.makeFolders(path).catch((error: Error) => {
      throw new Error(`failed to create remote directory ${path}: ${error.message}`);
    });
  }
  await copyFolder(remote, from, from.endsWith("/") ? path : posix.join(path, posix.basename(from)));
}

/** A folder whose name ends in `/` is copied as its content, another one as itself. */
async function copyFolder(remote: Remote, from: string, to: string): Promise<void> {
  await remote.ensureFolder(to);
  const entries = await readdir(from, { withFileTypes: true }).catch((error) => failLocal("open", from, error));
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = posix.join(from, entry.name);
    const target = posix.join(to, entry.name);
    if (entry.isDirectory()) await copyFolder(remote, inner, target);
    else await copyFile(remote, inner, target);
  }
}

async function copyFile(remote: Remote, from: string, to: string): Promise<void> {
  const file = await open(from).catch((error) => failLocal("open", from, error));
  try {
    await remote.write(
      to,
      (at) => readAt(file, from, at),
      (cause) => `failed to copy file ${from} to remote path ${to}: ${cause}`,
    );
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, path: string, position: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(blockBytes);
  const { bytesRead } = await file
    .read(buffer, 0, blockBytes, position)
    .catch((error) => failLocal("read", path, error));
  return buffer.subarray(0, bytesRead);
}

function failLocal(operation: string, path: string, error: NodeJS.ErrnoException): never {
  throw new Error(`${operation} ${path}: ${reasonOf(error)}`, { cause: error });
}

/** What the copy does on the other side; errors in the official plugin's words. */
class Remote {
  readonly #sftp: SFTPWrapper;

  constructor(sftp: SFTPWrapper) {
    this.#sftp = sftp;
  }

  /** What is at a path, symbolic links followed; undefined for nothing. */
  async stat(path: string): Promise<Stats | undefined> {
    try {
      return await ask<Stats>((done) => this.#sftp.stat(path, done));
    } catch (error) {
      if ((error as SftpError).code === notFound) return undefined;
      throw new Error(`failed to stat remote path ${path}: ${(error as Error).message}`);
    }
  }

  async ensureFolder(path: string): Promise<void> {
    const present = await this.stat(path);
    if (present?.isDirectory()) return;
    if (present !== undefined) throw new Error(`remote path ${path} exists but is not a directory`);
    await this.#makeFolder(path).catch((error: Error) => {
      throw new Error(`failed to create remote directory ${path}: ${error.message}`);
    });
  }

  async makeParents(path: string): Promise<void> {
    // Not posix.dirname: of "a/b/" it says "a", while the folder that such a path names is "a/b".
    const parent = posix.normalize(`${path.slice(0, path.lastIndexOf("/") + 1)}.`);
    await this.makeFolders(parent === "/" ? parent : parent.replace(/\/$/, "")).catch((error: Error) => {
      throw new Error(`failed to create parent directories for ${path}: ${error.message}`);
    });
  }

  async makeFolders(path: string): Promise<void> {
    const present = await ask<Stats>((done) => this.#sftp.stat(path, done)).catch(() => undefined);
    if (present?.isDirectory()) return;
    if (present !== undefined) throw new Error(`mkdir ${path}: not a directory`);
    const parent = posix.dirname(path);
    if (parent !== path && parent !== "." && parent !== "/") await this.makeFolders(parent);
    await this.#makeFolder(path);
  }

  /** Another copy may have made the folder in the meantime. */
  async #makeFolder(path: string): Promise<void> {
    try {
      await ask<void>((done) => this.#sftp.mkdir(path, done));
    } catch (error) {
      const present = await ask<Stats>((done) => this.#sftp.stat(path, done)).catch(() => undefined);
      if (!present?.isDirectory()) throw error;
    }
  }

  /** Overwrites a file with what `read` returns from each position on, up to an empty answer. */
  async write(
    path: string,
    read: (position: number) => Promise<Buffer>,
    describe: (cause: string) => string,
  ): Promise<void> {
    const handle = await ask<Buffer>((done) => this.#sftp.open(path, "w", done)).catch((error: Error) => {
      throw new Error(`failed to create remote file ${path}: ${error.message}`);
    });
    const underway = new Set<Promise<void>>();
    let failure: Error | undefined;
    try {
      for await (const [chunk, position] of packets(read)) {
        if (failure !== undefined) break;
        const packet = ask<void>((done) => this.#sftp.write(handle, chunk, 0, chunk.length, position, done))
          .catch((error: Error) => {
            failure ??= error;
          })
          .finally(() => underway.delete(packet));
        underway.add(packet);
        if (underway.size >= packetsInFlight) await Promise.race(underway);
      }
      await Promise.all(underway);
      if (failure !== undefined) throw failure;
    } catch (error) {
      throw new Error(describe((error as Error).message), { cause: error });
    } finally {
      await ask<void>((done) => this.#sftp.close(handle, done)).catch(() => {});
    }
  }
}

/** What `read` returns from each position on, packet by packet, each with its position. */
async function* packets(read: (position: number) => Promise<Buffer>): AsyncGenerator<[Buffer, number]> {
  for (let position = 0; ; ) {
    const block = await read(position);
    if (block.length === 0) return;
    for (let at = 0; at < block.length; at += packetBytes) yield [block.subarray(at, at + packetBytes), position + at];
    position += block.length;
  }
}

interface SftpError extends Error {
  code?: number;
}

const notFound = 2;
const statusNames: Record<number, string> = {
  1: "SSH_FX_EOF",
  4: "SSH_FX_FAILURE",
  5: "SSH_FX_BAD_MESSAGE",
  6: "SSH_FX_NO_CONNECTION",
  7: "SSH_FX_CONNECTION_LOST",
  8: "SSH_FX_OP_UNSUPPORTED",
};

/** An SFTP status in the words of the library that the official plugin uses. */
export function describeStatus(code: number | undefined, message: string): string {
  if (code === notFound) return "file does not exist";
  if (code === 3) return "permission denied";
  const name = statusNames[code ?? 0];
  return name === undefined ? message : `sftp: ${JSON.stringify(message)} (${name})`;
}

function ask<T>(request: (done: (error?: SftpError | null, answer?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    request((error, answer) => {
      if (error === undefined || error === null) return resolve(answer as T);
      reject(Object.assign(new Error(describeStatus(error.code, error.message)), { code: error.code }));
    });
  });
}
