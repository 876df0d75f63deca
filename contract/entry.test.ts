/** Every program of holdfast has the one way in, and shows it: an error where nobody expects one. */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };

const root = join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** Loaded at once by the start that is named. */
const behind: Record<string, string> = { "lab/main.ts": "lab/program.ts" };
/** The lab's stand-in for a program that is not ours fails in that program's words. */
const alsoImported = ["infra/config/publish-schema.ts"];
const notOurs = "lab/neard/";

const named = [
  ...Object.values(packageJson.scripts).flatMap((script) => /\bnode (\S+\.ts)$/.exec(script)?.[1] ?? []),
  /\$here\/(\S+\.ts)/.exec(read("bin/holdfast"))?.[1] ?? "",
];
const sources = globSync("{agent,cli,contract,converge,holdfastd,host,infra,lab,test,toolchain}/**/*.ts", {
  cwd: root,
}).filter((file) => !file.endsWith(".test.ts"));
/** Whatever is started: named by a script, called main.ts, or with arguments of its own. */
const entries = [
  ...new Set([
    ...named,
    ...sources.filter(
      (file) => /(^|\/)main\.ts$/.test(file) || /process\.argv\.slice|import\.meta\.main/.test(read(file)),
    ),
  ]),
]
  .filter((file) => !file.startsWith(notOurs))
  .toSorted();

test("they are all known", () => {
  expect(entries).toEqual(expect.arrayContaining(["holdfastd/main.ts", "cli/main.ts", "lab/main.ts", "test/run.ts"]));
  expect(entries.length).toBeGreaterThan(14);
});

test.each(entries)("%s goes through runEntry", (file) => {
  expect(read(behind[file] ?? file)).toMatch(/^ *(await|void) runEntry\(/m);
  // Before anything else is loaded; a file that others import too does without.
  const [first] = /^import .*$/m.exec(read(file)) ?? [""];
  if (!alsoImported.includes(file)) expect(first).toMatch(/^import "(\.\.\/)+contract\/first\.ts";$/);
});

test("the Pulumi program goes through clearly, and so does what fails in its callbacks", () => {
  const program = read("infra/index.ts");
  expect(read("Pulumi.yaml")).toContain("main: infra/index.ts");
  expect(program).toMatch(/^wordsForHandlers\(\);$/m);
  expect(program).toMatch(/await clearly\(async/);
});

/** Makes whatever looks at the first argument fail: that is in every program's main function. */
const trap = `
const real = process.argv;
const fail = () => { throw Object.assign(new TypeError("SURPRISE"), { name: "TypeError" }); };
process.argv = new Proxy([...real, "x"], { get: (all, name) => (name === "2" ? fail() : Reflect.get(all, name)) });
`;

describe("an error where nobody expects one", () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-entry-"));
  afterAll(() => rmSync(home, { recursive: true }));
  const run = (file: string, script: string) =>
    spawnSync(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(script)}`, join(root, file)], {
      env: { PATH: process.env.PATH, XDG_CACHE_HOME: home, HOME: home, TMPDIR: home },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
    });

  test.each([
    "holdfastd/main.ts",
    "cli/main.ts",
    "lab/main.ts",
    "toolchain/main.ts",
    "toolchain/pulumi.ts",
    "test/run.ts",
  ])("in %s", { timeout: 60_000 }, (file) => {
    const { status, stderr } = run(file, trap);
    expect(stderr).toMatch(/met something unforeseen: a fault in holdfast itself \(TypeError\)/);
    expect(stderr).toContain("(HF_UNFORESEEN, see docs/errors.md)");
    expect(stderr).not.toMatch(/^\s+at |SURPRISE/m);
    expect(status).toBe(1);
    const path = /The cause is in (\S+)\.$/m.exec(stderr)?.[1] ?? "";
    expect(readFileSync(path, "utf8")).toMatch(/SURPRISE[\s\S]*\n\s+at /);
  });

  test.each(["setTimeout(() => { throw error; })", "Promise.reject(error)"])(
    "in a callback that nobody waits for: %s",
    { timeout: 60_000 },
    (late) => {
      const error = `Object.assign(new Error("no space"), { code: "ENOSPC" })`;
      // The agent's status asks a socket that is not there: by then its handlers stand.
      const { status, stderr } = run(
        "cli/main.ts",
        `process.argv.push("status"); setTimeout(() => { const error = ${error}; ${late} }, 150);`,
      );
      expect(stderr).toMatch(/unforeseen: the disk is full \(ENOSPC\)/);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(status).toBe(1);
    },
  );
});
