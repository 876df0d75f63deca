/**
 * The workflows on GitHub, against what has gone wrong with such elsewhere: code of a pull request that meets a secret or
 * a token that may write, actions that somebody else may change, scripts into which somebody's text is pasted.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

interface Step {
  uses?: string;
  with?: Record<string, unknown>;
  run?: string;
}
interface Job {
  permissions?: Record<string, string>;
  environment?: string;
  steps: Step[];
  "timeout-minutes"?: number;
}
interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string> | string;
  jobs: Record<string, Job>;
}

const folder = new URL("../.github/workflows/", import.meta.url);
const texts = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), "utf8")] as const);

/** What is wrong with a workflow; empty: nothing. */
function faultsOf(text: string): string[] {
  const { on, permissions, jobs } = parse(text) as Workflow;
  const faults: string[] = [];
  const unless = (isRight: boolean, fault: string) => void (isRight || faults.push(fault));
  const triggers = Object.keys(on);
  const isForeign = triggers.includes("pull_request");
  const isAfter = triggers.includes("workflow_run");
  const mentions = (value: unknown, word: RegExp) => word.test(JSON.stringify(value ?? null));
  unless(!triggers.includes("pull_request_target"), "pull_request_target");
  unless(
    typeof permissions === "object" &&
      Object.entries(permissions).every(([what, how]) => what === "contents" && how === "read"),
    "permissions",
  );
  const { jobs: _, ...outside } = parse(text) as Workflow;
  unless(!mentions(outside, /secrets\./), "secrets for all jobs");
  for (const [name, job] of Object.entries(jobs)) {
    const steps = job.steps ?? [];
    const writes = Object.entries(job.permissions ?? {}).filter(([, how]) => how !== "read" && how !== "none");
    unless(job["timeout-minutes"] !== undefined, `${name}: no bound`);
    unless(
      !writes.some(([what]) => what !== "pull-requests") && (writes.length === 0 || isAfter),
      `${name}: may write`,
    );
    if (isForeign)
      unless(
        !mentions(job, /secrets\.|secrets\[|github\.token|inherit/) && job.environment === undefined,
        `${name}: a pull request's code meets a secret`,
      );
    if (mentions(job, /secrets\.|secrets\[/)) {
      unless(job.environment !== undefined, `${name}: secrets without an environment`);
      unless(
        triggers.every((trigger) => ["push", "workflow_dispatch", "schedule"].includes(trigger)),
        `${name}: secrets on ${triggers}`,
      );
      unless(
        mentions((on.push as { branches?: unknown })?.branches ?? [], /^\["main"\]$/),
        `${name}: secrets on every branch`,
      );
    }
    for (const { uses, with: given, run } of steps) {
      unless(uses === undefined || /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(uses), `${name}: ${uses} is not pinned`);
      if (uses?.startsWith("actions/checkout@")) {
        unless(given?.["persist-credentials"] === false, `${name}: the token stays in the checkout`);
        unless(
          !isAfter || !mentions(given, /head|pull|workflow_run|merge/),
          `${name}: checks a pull request's code out`,
        );
      }
      unless(run === undefined || !run.includes("${{"), `${name}: text is pasted into a script`);
      // What a job with rights fetches stays data: no work tree is made of it, and nothing is read that its code wrote.
      if (isAfter)
        unless(
          !/git (-\S+ )*(checkout|switch|restore|reset|merge|worktree|pull|archive)\b|run download/.test(run ?? "") &&
            !/download-artifact/.test(uses ?? ""),
          `${name}: brings somebody's files in`,
        );
    }
  }
  return faults;
}

test("there are three", () =>
  expect(texts.map(([name]) => name)).toEqual(["plan-comment.yml", "plan.yml", "preview.yml"]));

test.each(texts)("%s lets no stranger's code near a secret", (_, text) => expect(faultsOf(text)).toEqual([]));

test("what a pin is of stands beside it", () => {
  for (const [name, text] of texts)
    for (const line of text.split("\n").filter((one) => one.includes("uses:")))
      expect(line, name).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

/** What GitHub would put a value in place of. */
const expression = (value: string) => `$\{{ ${value} }}`;

describe("what would be wrong is seen", () => {
  const of = (name: string) => texts.find(([one]) => one === name)?.[1] ?? "";
  const [plan, comment, preview] = [of("plan.yml"), of("plan-comment.yml"), of("preview.yml")];
  test.each<[string, string, string | RegExp, string, string]>([
    ["the trigger that runs with rights", plan, "pull_request:", "pull_request_target:", "pull_request_target"],
    [
      "a secret for a pull request",
      plan,
      "run: npm ci",
      `env: {A: '${expression("secrets.A")}'}\n        run: npm ci`,
      "plan: a pull request's code meets a secret",
    ],
    [
      "an environment for a pull request",
      plan,
      "    timeout",
      "    environment: mainnet\n    timeout",
      "plan: a pull request's code meets a secret",
    ],
    ["a tag in place of a commit", plan, /@[0-9a-f]{40}/, "@v6", "plan: actions/checkout@v6 is not pinned"],
    ["more rights", plan, "contents: read", "contents: write", "permissions"],
    ["the default's rights", plan, "permissions:\n  contents: read", "", "permissions"],
    [
      "a title in a script",
      plan,
      "failed=0",
      `echo ${expression("github.event.pull_request.title")}`,
      "plan: text is pasted into a script",
    ],
    [
      "a token that stays",
      plan,
      "persist-credentials: false",
      "persist-credentials: true",
      "plan: the token stays in the checkout",
    ],
    [
      "the head checked out with rights",
      comment,
      `${expression("github.event.repository.default_branch")}`,
      `${expression("github.event.workflow_run.head_sha")}`,
      "comment: checks a pull request's code out",
    ],
    [
      "what was fetched checked out",
      comment,
      "gh auth setup-git",
      "git checkout FETCH_HEAD",
      "comment: brings somebody's files in",
    ],
    ["the other run's files", comment, "gh auth setup-git", "gh run download 1", "comment: brings somebody's files in"],
    ["a right that nothing needs", comment, "pull-requests: write", "actions: write", "comment: may write"],
    [
      "the preview of a pull request",
      preview,
      "  push:\n    branches: [main]",
      "  pull_request:",
      "preview: a pull request's code meets a secret",
    ],
    ["the preview of any branch", preview, "branches: [main]", "branches: ['**']", "preview: secrets on every branch"],
    [
      "the preview without an environment",
      preview,
      `    environment: ${expression("matrix.stack")}\n`,
      "",
      "preview: secrets without an environment",
    ],
  ])("%s", (_, text, from, to, fault) => {
    const changed = text.replace(from, () => to);
    expect(changed).not.toBe(text);
    expect(faultsOf(changed)).toContain(fault);
  });
});
