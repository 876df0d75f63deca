/**
 * `npm test`: everything, cheapest first: format and lint, types, unit tests and simulation, then the
 * scenarios on real hosts of this machine. Ends with one line, `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { describeError } from "../contract/errors.ts";
import { ensurePackages, requireRoot, systemdIsInit } from "../lab/hosts/machine.ts";

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
});

const bin = (name: string): string => join(import.meta.dirname, "../node_modules/.bin", name);

function step(title: string, command: string, args: string[]): boolean {
  console.log(`\n--- ${title}`);
  const startedMs = performance.now();
  const { status } = spawnSync(command, args, { stdio: "inherit", cwd: join(import.meta.dirname, "..") });
  console.log(
    `--- ${title}: ${status === 0 ? "ok" : "FAILED"} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`,
  );
  return status === 0;
}

/** A check without tests of its own counts as one. */
function check(title: string, command: string, args: string[]): Count {
  return step(title, command, args) ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

function vitest(project: string, filter: string[]): Count {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const report = join(directory, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const ok = step(`tests: ${project}`, bin("vitest"), ["run", "--project", project, ...reporters, ...filter]);
    return counted(readFileSync(report, "utf8"), ok);
  } catch (error) {
    console.error(`no report of the ${project} tests: ${(error as Error).message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A file that failed before its first test, or a run that failed without a failed test, counts as one failure. */
function counted(json: string, ok: boolean): Count {
  const report = reportSchema.parse(JSON.parse(json));
  const broken = report.testResults.filter((f) => f.status === "failed" && f.assertionResults.length === 0).length;
  const failed = report.numFailedTests + broken;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && !ok ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * The tests of our command plugin talk to a real sshd. Installing one starts a service where systemd
 * runs, so it is installed only where that is no surprise; elsewhere those tests are skipped, and say so.
 */
function ensureSshd(): void {
  if (existsSync("/usr/sbin/sshd") || !existsSync("/usr/bin/apt-get")) return;
  if (systemdIsInit() && process.env.CI !== "true") {
    console.log("no sshd on this machine: its tests are skipped (apt-get install openssh-server brings them)");
    return;
  }
  const apt = ["install", "--yes", "--no-install-recommends", "openssh-server"];
  step("Debian package openssh-server", "sh", ["-c", `apt-get -q update && apt-get -q ${apt.join(" ")}`]);
}

const help = `Usage: npm test [-- WHAT [WORD...]]

  npm test                  everything, the hosts included: about 25 minutes, as root
  npm test -- unit [WORD]   without the hosts (whose file name contains WORD)
  npm test -- lab [WORD]    only the scenarios on hosts of this machine (likewise)

Ends with one line, N passed, N failed. Exit codes: 0 all passed, 1 not, 2 wrong use.`;

async function main(args: string[]): Promise<number> {
  const [what = "all", ...filter] = args;
  if (what === "--help" || what === "-h") {
    console.log(help);
    return 0;
  }
  if (!["all", "unit", "lab"].includes(what)) {
    console.error(`npm test: "${what}" is not one of all, unit, lab. See npm test -- --help.`);
    return 2;
  }
  if (what !== "unit") {
    requireRoot();
    await ensurePackages(console.log, join(tmpdir(), "holdfast-test-packages.log"));
    ensureSshd();
  }
  const counts: Count[] = [];
  if (what !== "lab") {
    counts.push(check("format and lint", bin("biome"), ["check", "--error-on-warnings", "."]));
    counts.push(check("types", bin("tsc"), ["-p", "."]));
    counts.push(vitest("unit", filter));
  }
  if (what !== "unit") {
    counts.push(vitest("ssh", filter));
    counts.push(vitest("lab", filter));
  }
  const sum = (key: keyof Count) => counts.reduce((total, count) => total + count[key], 0);
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed${skipped}`);
  return sum("failed") === 0 && sum("passed") > 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`npm test: ${describeError(error)}`);
  process.exitCode = 1;
}
