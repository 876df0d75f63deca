/**
 * `npm test`: everything, cheapest first: format and lint, types, unit tests and simulation, then the
 * scenarios on real hosts of this machine. Ends with one line, `N passed, N failed`.
 */
import "../contract/first.ts";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { leaveWithReader } from "../cli/terminal/reader-left.ts";
import { runEntry } from "../contract/entry.ts";
import { ensurePackages, requireRoot, systemdIsInit } from "../lab/hosts/machine.ts";
import { neardAskedFor, neardVariable } from "../lab/real/option.ts";
import { type Count, countsOf, failuresOf, parseReport } from "./report.ts";

const root = join(import.meta.dirname, "..");
const failures: string[] = [];

const bin = (name: string): string => join(root, "node_modules/.bin", name);

const start = (command: string, args: string[]) => execa(command, args, { stdio: "inherit", cwd: root, reject: false });

/** The step under way: who interrupts us interrupts it, and it takes its hosts with it. */
let running: ReturnType<typeof start> | null = null;
let isInterrupted = false;

async function step(title: string, command: string, args: string[]): Promise<boolean> {
  if (isInterrupted) return false;
  console.log(`\n--- ${title}`);
  const startedMs = performance.now();
  running = start(command, args);
  const { exitCode } = await running;
  console.log(
    `--- ${title}: ${exitCode === 0 ? "ok" : "FAILED"} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`,
  );
  return exitCode === 0;
}

/** A check without tests of its own counts as one. */
async function check(title: string, command: string, args: string[]): Promise<Count> {
  return (await step(title, command, args))
    ? { passed: 1, failed: 0, skipped: 0 }
    : { passed: 0, failed: 1, skipped: 0 };
}

async function vitest(project: string, filter: string[]): Promise<Count> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const report = join(directory, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    // What a word names may be in one project alone; that nothing at all was run is seen at the end.
    const mayBeNone = filter.length > 0 ? ["--passWithNoTests"] : [];
    const args = ["run", ...mayBeNone, "--project", project, ...reporters, ...filter];
    const ok = await step(`tests: ${project}`, bin("vitest"), args);
    const found = parseReport(readFileSync(report, "utf8"));
    failures.push(...failuresOf(found, root));
    return countsOf(found, ok);
  } catch (error) {
    console.error(`no report of the ${project} tests: ${(error as Error).message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * The tests of our command plugin talk to a real sshd. Installing one starts a service where systemd
 * runs, so it is installed only where that is no surprise; elsewhere those tests are skipped, and say so.
 */
async function ensureSshd(): Promise<void> {
  if (existsSync("/usr/sbin/sshd") || !existsSync("/usr/bin/apt-get")) return;
  if (systemdIsInit() && process.env.CI !== "true") {
    console.log("no sshd on this machine: its tests are skipped (apt-get install openssh-server brings them)");
    return;
  }
  const apt = ["install", "--yes", "--no-install-recommends", "openssh-server"];
  await step("Debian package openssh-server", "sh", ["-c", `apt-get -q update && apt-get -q ${apt.join(" ")}`]);
}

/** Without a neard they are skipped, and say why: nobody has to have one. */
async function realScenarios(filter: string[]): Promise<Count> {
  const neard = await neardAskedFor(process.env[neardVariable]);
  if (neard === null) {
    console.log(`tests: real: skipped, for ${neardVariable} names no neard (docs/operate/try-a-neard-upgrade.md)`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  await readyForHosts();
  return await vitest("real", filter);
}

async function readyForHosts(): Promise<void> {
  requireRoot();
  await ensurePackages(console.log, join(tmpdir(), "holdfast-test-packages.log"));
}

/** Not part of `npm test`: too long for each time, or only where something is at hand. */
const onDemand = ["long", "ipv6", "real"];

const help = `Usage: npm test [-- WHAT [WORD...]]

  npm test                  everything but what is on demand, the hosts included: about 17 minutes, as root
  npm test -- unit [WORD]   without the hosts (whose file name contains WORD)
  npm test -- lab [WORD]    only the scenarios on hosts of this machine (likewise)

On demand:

  npm test -- long [WORD]   more scenarios on hosts: a machine replaced, hosts that come and go by twos or died; about 6 minutes
  npm test -- ipv6 [WORD]   those of lab that concern the network, on hosts that reach each other by IPv6; about 10 minutes
  npm test -- real [WORD]   only those with a real neard, which HOLDFAST_NEARD names; about an hour

Ends with one line, N passed, N failed. Exit codes: 0 all passed, 1 not, 2 wrong use.`;

async function main(args: string[]): Promise<number> {
  const [what = "all", ...filter] = args;
  if (what === "--help" || what === "-h") {
    console.log(help);
    return 0;
  }
  if (!["all", "unit", "lab", ...onDemand].includes(what)) {
    console.error(
      `npm test: "${what}" is not one of ${["all", "unit", "lab", ...onDemand].join(", ")}. See npm test -- --help.`,
    );
    return 2;
  }
  const counts: Count[] = [];
  const needsHosts = what === "all" || what === "lab";
  if (needsHosts) {
    await readyForHosts();
    await ensureSshd();
  }
  if (what === "long" || what === "ipv6") {
    await readyForHosts();
    counts.push(await vitest(what, filter));
  }
  if (what === "real") counts.push(await realScenarios(filter));
  if (what === "all" || what === "unit") {
    counts.push(await check("format and lint", bin("biome"), ["check", "--error-on-warnings", "."]));
    counts.push(await check("types", bin("tsc"), ["-p", "."]));
    counts.push(await vitest("unit", filter));
  }
  if (needsHosts) {
    counts.push(await vitest("ssh", filter));
    counts.push(await vitest("lab", filter));
  }
  if (what === "all")
    for (const project of onDemand)
      console.log(`tests: ${project}: skipped, they are on demand: npm test -- ${project}`);
  const sum = (key: keyof Count) => counts.reduce((total, count) => total + count[key], 0);
  if (failures.length > 0) console.error(`\n${failures.join("\n")}`);
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed${skipped}`);
  return sum("failed") === 0 && sum("passed") + sum("skipped") > 0 ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    isInterrupted = true;
    // A terminal sends it to the step as well.
    if (!process.stdin.isTTY) running?.kill("SIGINT");
  });
leaveWithReader();
await runEntry("npm test", () => main(process.argv.slice(2)), { lead: "npm test: " });
