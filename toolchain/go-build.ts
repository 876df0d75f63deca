/**
 * Builds a tool with Go, from exactly the modules that `go/<tool>/go.mod` and `go.sum` pin. One build at a time on
 * this machine, at low priority. Go keeps what it has compiled, so an interrupted build goes on where it was.
 */
import { execFile, spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { logsDirectory, withLock } from "./cache.ts";
import { type Arch, lock, type ToolName } from "./lock.ts";
import { asStep, type OnProgress, Step } from "./progress.ts";

const goArch: Record<Arch, string> = { x64: "amd64", arm64: "arm64" };

/** Builds `outfile`. Throws with the reason in plain words. */
export async function buildWithGo(tool: ToolName, arch: Arch, outfile: string, onProgress?: OnProgress): Promise<void> {
  const { build, version } = lock[tool];
  if (build === undefined) throw new Error(`${tool} cannot be built`);
  await promisify(execFile)("go", ["version"]).catch(() => {
    throw new Error("Go is not installed (https://go.dev/doc/install)");
  });
  const logFile = join(logsDirectory(), `build-${tool}-${arch}.log`);
  const stamp = build.versionVariable === undefined ? "" : ` -X ${build.versionVariable}=${version}`;
  const args = ["build", "-mod=readonly", "-trimpath", "-v", "-ldflags", `-s -w${stamp}`, "-o", outfile, build.package];
  await withLock(
    "build",
    () => asStep(tool, "building with Go", onProgress, (step) => runGo(tool, arch, args, logFile, step), logFile),
    (pid) => new Step(tool, `waiting for the build of process ${pid}`, onProgress),
  );
}

function runGo(tool: ToolName, arch: Arch, args: string[], logFile: string, step: Step): Promise<void> {
  mkdirSync(logsDirectory(), { recursive: true });
  const log = createWriteStream(logFile);
  log.write(`go ${args.join(" ")}\n`);
  const child = spawn("nice", ["-n", "10", "go", ...args], {
    cwd: fileURLToPath(new URL(`go/${tool}`, import.meta.url)),
    env: { ...process.env, GOWORK: "off", GOFLAGS: "", CGO_ENABLED: "0", GOOS: "linux", GOARCH: goArch[arch] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let downloaded = 0;
  let compiled = 0;
  let last = "";
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      log.write(`${line}\n`);
      last = line;
      if (line.startsWith("go: downloading")) downloaded++;
      else compiled++;
      step.text = `building with Go: ${compiled > 0 ? `${compiled} packages compiled` : `${downloaded} modules fetched`}`;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      log.end();
      if (status === 0) resolve();
      else reject(new Error(`go build failed: ${last} (log: ${logFile})`));
    });
  });
}
