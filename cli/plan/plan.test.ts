import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SettingsInput } from "../../infra/config/schema.ts";
import { sampleInput } from "../../infra/testing/sample.ts";
import { sampleStackFile } from "../../infra/testing/stack-file.ts";
import { fakeWorld, holdfast } from "../testing/fake-ports.ts";
import { formatMarkdown } from "./format-markdown.ts";
import { gitCheckout } from "./git-checkout.ts";
import type { PlanReport } from "./plan-report.ts";

let directory: string;
const file = () => join(directory, "Pulumi.localnet.yaml");
const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
    cwd: directory,
    encoding: "utf8",
  });
const { neard } = sampleInput();
const newer: Partial<SettingsInput> = { neard: { ...neard, version: "2.14.0" } };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-plan-"));
  git("init", "-q", "-b", "main");
  writeFileSync(file(), sampleStackFile());
  git("add", ".");
  git("commit", "-qm", "deployed");
});
afterEach(() => rmSync(directory, { recursive: true }));

const plan = (...args: string[]) => holdfast(fakeWorld({ checkout: gitCheckout(directory) }), "plan", ...args);

describe("holdfast plan", () => {
  test("of what is committed: nothing would be done", async () => {
    expect(await plan("--detailed-exitcode")).toMatchObject({
      code: 0,
      out: expect.stringContaining("Nothing would be done"),
    });
  });

  test("of what is not committed yet", async () => {
    writeFileSync(file(), sampleStackFile(newer));
    const { code, out } = await plan();
    expect(code).toBe(0);
    expect(out).toMatch(/neard\.version +2\.13\.4 +2\.14\.0/);
    expect(out).toContain("1. neard restarts, the active host last, after a switchover: host-a, then host-b");
    expect(out).toContain("The key moves once");
    expect((await plan("--detailed-exitcode")).code).toBe(3);
  });

  test("between two commits, whatever is on disk", async () => {
    writeFileSync(file(), sampleStackFile(newer));
    git("commit", "-qam", "newer");
    writeFileSync(file(), "not: [yaml");
    const { code, out } = await plan("--base", "HEAD~1", "--head", "HEAD", "--json");
    expect(code).toBe(0);
    const report = JSON.parse(out) as PlanReport;
    expect(report).toMatchObject({ stack: "localnet", faults: [], comparison: { key: { moves: "yes" } } });
    expect(report.base.commit).toMatch(/^[0-9a-f]{40}$/);
  });

  test("settings with faults: all of them, exit code 1, in every form", async () => {
    writeFileSync(file(), sampleStackFile({ lease: { leaseMs: 9000 }, gone: ["host-a"] }));
    for (const form of [[], ["--json"], ["--markdown"]]) {
      const { code, out } = await plan(...form);
      expect(code).toBe(1);
      expect(out).toContain("leaseMs 9000");
      expect(out).toContain("host-a is in holdfast:hosts and in holdfast:gone");
    }
  });

  test("a base that is not there, or has faults itself: every host counts as new", async () => {
    writeFileSync(file(), sampleStackFile({ hosts: [] }));
    git("commit", "-qam", "broken");
    writeFileSync(file(), sampleStackFile());
    expect((await plan()).out).toContain(
      "has a fault by this version's checks, so nothing can be compared with it: every host counts as new",
    );
    expect((await plan()).out).toContain("The key may move: what is deployed cannot be compared.");
    git("rm", "-q", "--cached", "Pulumi.localnet.yaml");
    git("commit", "-qm", "none");
    const { out } = await plan();
    expect(out).toContain("is not there: every host counts as new");
    expect(out).toContain("The key stays: no host has it yet.");
  });

  test("holdfast's own code differs: the agents restart, and a preview is recommended", async () => {
    execFileSync("mkdir", ["-p", join(directory, "agent"), join(directory, "infra", "plan")]);
    writeFileSync(join(directory, "agent", "new.test.ts"), "");
    expect((await plan()).out).toContain("Nothing would be done");
    writeFileSync(join(directory, "agent", "new.ts"), "");
    writeFileSync(join(directory, "infra", "plan", "x.ts"), "");
    const { out } = await plan();
    expect(out).toContain("every agent restarts");
    expect(out).toMatch(/host-c .*restarts holdfastd/);
    expect(out).toContain("pulumi preview shows the rest");
    expect(out).toMatch(/The key may move: .*Consul or neard may restart on every host/);
  });

  test("only how settings become files differs: nothing is not said of what cannot be known", async () => {
    execFileSync("mkdir", ["-p", join(directory, "infra", "plan")]);
    writeFileSync(join(directory, "infra", "plan", "x.ts"), "");
    expect((await plan()).out).toContain("By the settings nothing would be done on any host.");
    expect((await plan("--detailed-exitcode")).code).toBe(3);
    expect((await plan("--markdown")).out).toMatch(/^## `localnet`: by the settings nothing would be done/);
    expect((JSON.parse((await plan("--json")).out) as PlanReport).comparison?.key.moves).toBe("maybe");
  });

  test.each([
    [["--base", "nowhere"], "git knows no commit nowhere here."],
    [["--base=--output=/tmp/x"], "git knows no commit --output=/tmp/x here."],
    [["--stack", "mainnet"], "There is no Pulumi.mainnet.yaml in the working tree."],
    [["--stack", "../../etc/passwd"], "There is no Pulumi.passwd.yaml in the working tree."],
    [["--stack", "a b"], "none that Pulumi takes"],
    [["--json", "--markdown"], "cannot be used with"],
  ])("%j is wrong use", async (args, words) => {
    const { code, err } = await plan(...args);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });

  test("outside of a checkout", async () => {
    rmSync(join(directory, ".git"), { recursive: true });
    expect((await plan()).err).toContain("is no checkout of git's");
  });

  test("a link in a commit is read as the text that it is, not followed", async () => {
    rmSync(file());
    symlinkSync("/etc/hostname", file());
    git("add", ".");
    git("commit", "-qm", "link");
    expect(await plan("--base", "HEAD~1", "--head", "HEAD")).toMatchObject({
      code: 1,
      err: expect.stringContaining("is no stack's file"),
    });
  });
});

describe("a pull request's page", () => {
  test("has verdict, tables, order and a drawing", async () => {
    writeFileSync(
      file(),
      sampleStackFile({ ...newer, hosts: sampleInput().hosts.map((host) => ({ ...host, zone: "rack-1" })) }),
    );
    const { out } = await plan("--markdown");
    expect(out).toMatch(/^## `localnet`: 3 of 3 hosts, the key moves once\n/);
    expect(out).toContain("* risk `zone`: `all hosts with neard (host-a, host-b) are in the zone rack-1");
    expect(out).toContain("```mermaid\nflowchart TB\n");
    expect(out).toContain('h0["host-a<br/>neard, Consul<br/>192.0.2.11<br/>changes"]:::changes');
  });

  test("somebody else's text cannot get out of its code", async () => {
    const evil = "x` <img src=a> @everyone\n\n# Approved | ``` \u001b[31m";
    writeFileSync(file(), sampleStackFile({ neard: { ...neard, config: { [evil]: evil, "```": "```" } } }));
    const { code, out } = await plan("--markdown");
    expect(code).toBe(0);
    // What is left when code is taken out, as CommonMark has it: fences first, then spans of equal runs.
    const rest = out
      .replaceAll(/^(`{3,})[a-z]*\n[\s\S]*?\n\1$/gm, "")
      .replaceAll(/(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, "");
    expect(rest).not.toMatch(/img|everyone|Approved/);
    expect(out).not.toContain("\u001b");
  });

  test("is cut before a page is full", async () => {
    const report: PlanReport = {
      stack: "x",
      base: { title: "a", commit: null },
      head: { title: "b", commit: null },
      faults: Array.from({ length: 3000 }, () => ({
        code: "HF_CONFIG_INVALID" as const,
        message: "x".repeat(50),
        next: "y",
      })),
      notes: [],
      isOtherPlanner: false,
      comparison: null,
    };
    expect(formatMarkdown(report).length).toBeLessThan(65_536);
  });
});
