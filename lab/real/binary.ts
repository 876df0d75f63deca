/**
 * The real neard that a lab was given by path: looked at before anything is built on it, so that a wrong
 * file is an early, plain error and not a unit that does not start ten minutes later.
 */
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { HoldfastError } from "../../contract/errors.ts";
import type { LabNeard } from "../hosts/description.ts";
import { environment } from "../hosts/machine.ts";
import { labNeardMarker } from "../neard/build.ts";
import { withFileLimit } from "./file-limit.ts";

/** `e_machine` of an ELF file, by what Node calls the architecture. */
const elfMachines: Readonly<Record<number, string>> = { 62: "x64", 183: "arm64" };

/** Which architecture a program is for, from its first bytes; null when it is no 64-bit ELF file. Pure. */
export function elfArchitecture(head: Buffer): string | null {
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2) return null;
  const machine = head.readUInt16LE(18);
  return elfMachines[machine] ?? `machine ${machine}`;
}

/** The release in what `neard --version` prints; null when that was no neard. Pure. */
export function releaseIn(output: string): string | null {
  return /^neard\b.*\(release ([^)\s]+)\)/.exec(output)?.[1] ?? null;
}

const fault = (file: string, what: string, cause?: unknown) =>
  new HoldfastError("HF_ARTIFACT_UNAVAILABLE", `--neard: ${file} ${what}.`, {
    next: "Give the path of a neard for this machine: an official build, or one of your own (HOLDFAST_NEARD names it, too).",
    cause,
  });

/**
 * Looks at `file`, and asks it for its version.
 * @throws HoldfastError HF_ARTIFACT_UNAVAILABLE: absent, no program, for another machine, no neard, or the lab's own
 */
export async function inspectNeard(file: string, arch: string = process.arch): Promise<LabNeard> {
  const path = resolve(file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw fault(path, "does not exist");
  if (!found.isFile()) throw fault(path, "is not a file");
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw fault(path, "is not executable", cause);
  }
  const head = await firstBytes(path);
  if (head.includes(labNeardMarker)) throw fault(path, "is the lab's stand-in, which validates nothing");
  const built = elfArchitecture(head);
  if (built === null) throw fault(path, "is not a Linux program");
  if (built !== arch) throw fault(path, `is for ${built}, and this machine is ${arch}`);
  const [program, ...args] = (await withFileLimit([path, "--version"])) as [string, ...string[]];
  const { stdout, stderr, failed, shortMessage } = await execa(program, args, {
    env: environment,
    stdin: "ignore",
    timeout: 20_000,
    reject: false,
  });
  if (failed) throw fault(path, `does not say its version: ${stderr.trim().split("\n").at(-1) || shortMessage}`);
  const release = releaseIn(stdout);
  if (release === null) throw fault(path, `is no neard: it says "${stdout.split("\n")[0]?.slice(0, 80)}"`);
  return { file: realpathSync(path), release, sha256: await sha256Of(path) };
}

/** Puts the lab's neard where the stack takes it from; nothing where it is already. */
export async function copyNeard(neard: LabNeard, to: string): Promise<void> {
  if (existsSync(to) && (await sha256Of(to)) === neard.sha256) return;
  mkdirSync(dirname(to), { recursive: true });
  rmSync(to, { force: true });
  copyFileSync(neard.file, to, constants.COPYFILE_FICLONE);
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(4096), position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
