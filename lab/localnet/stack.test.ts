import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { diagnosticsOf, finishedStep, forgetStack, localPaths, perhapsMade, versionOf } from "./stack.ts";

// Lines of pulumi 3.259.
test.each([
  [" +  command:remote:Command host-a-consul created (10s) ", "host-a-consul created (10s)"],
  [" ~  command:remote:Command host-a-agent updated (0.53s) ", "host-a-agent updated (0.53s)"],
  [" -  pulumi:index:Stash secrets-host-d deleted (0.01s) ", "secrets-host-d deleted (0.01s)"],
  [" +  command:remote:Command host-a-consul creating (0s) ", null],
  ["@ updating....", null],
  ["    45 unchanged", null],
])("%j", (line, expected) => {
  expect(finishedStep(line)).toBe(expected);
});

test("of the steps that a killed run had begun, what may be at the cloud without the state knowing it", () => {
  const step = (type: string, of: string, name: string) => ({
    type,
    resource: { type: of, urn: `urn:pulumi:localnet::holdfast::holdfast:index:Cloud$${of}::${name}` },
  });
  expect(
    perhapsMade([
      step("creating", "hcloud:index/server:Server", "host-a"),
      step("creating", "command:remote:Command", "host-a-consul"),
      step("updating", "hcloud:index/server:Server", "host-b"),
      step("creating", "hcloud:index/primaryIp:PrimaryIp", "host-c-address"),
    ]),
  ).toEqual(["Server host-a", "PrimaryIp host-c-address"]);
});

test("diagnostics: what went wrong, without the command that it repeats and without the summary", () => {
  const output = [
    "@ updating....",
    "Diagnostics:",
    `  error: running "${"x".repeat(5000)}"`,
    "    next: mend it",
    "",
    "Resources:",
    "    + 3 created",
  ];
  const text = diagnosticsOf(output);
  expect(text).toMatch(/^ {2}error: running "x{50,} \.\.\.\n {4}next: mend it$/);
});

test("output without diagnostics: its end", () => {
  expect(diagnosticsOf(["one", "error: the stack is locked"])).toBe("one\nerror: the stack is locked");
});

function checkout(...stacks: string[]): string {
  const root = mkdtempSync(join(tmpdir(), "checkout-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const stack of stacks) {
    const at = localPaths(root, { name: stack.replace("localnet-", ""), stack });
    const files = [
      at.settings,
      at.neard,
      `${at.stacks}/${stack}.json`,
      `${at.stacks}/${stack}.json.bak`,
      `${at.locks}/1.json`,
    ];
    for (const file of [...files, `${at.backend}/history/holdfast/${stack}/one.json`]) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, "{}");
    }
  }
  return root;
}

test("a stack is forgotten whole, and no other", () => {
  const root = checkout("localnet-one", "localnet-onemore");
  forgetStack(root, { name: "one", stack: "localnet-one" });
  const left = readdirSync(root, { recursive: true }).map(String);
  expect(left.filter((path) => /localnet-one(?!more)/.test(path))).toEqual([]);
  expect(left.filter((path) => path.includes("localnet-onemore"))).toHaveLength(7);
});

test("with the last lab goes what they share", () => {
  const root = checkout("localnet-one");
  writeFileSync(join(root, ".localnet/passphrase"), "");
  forgetStack(root, { name: "one", stack: "localnet-one" });
  expect(existsSync(join(root, ".localnet"))).toBe(false);
});

test.each([
  ["its neard, and no stack yet", ".localnet/two/neard"],
  ["its settings, and no stack yet", "Pulumi.localnet-two.yaml"],
])("a lab that is being made keeps its passphrase: it has %s", (_what, file) => {
  const root = checkout("localnet-one");
  writeFileSync(join(root, ".localnet/passphrase"), "secret");
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), "");
  forgetStack(root, { name: "one", stack: "localnet-one" });
  expect(readFileSync(join(root, ".localnet/passphrase"), "utf8")).toBe("secret");
  expect(existsSync(join(root, file))).toBe(true);
});

test("what is nobody's stays", () => {
  const root = checkout("localnet-one");
  writeFileSync(join(root, ".localnet/notes"), "");
  forgetStack(root, { name: "one", stack: "localnet-one" });
  expect(readdirSync(join(root, ".localnet"))).toEqual(["notes"]);
});

test.each([
  ["2.13.4", "2.13.4"],
  ["2.14.0-rc.4", "2.14.0-rc.4"],
  ["trunk", "0.0.0-trunk"],
  ["my build/7", "0.0.0-my-build-7"],
])("neard's release %s is the version %s to holdfast", (release, version) => {
  expect(versionOf(release)).toBe(version);
});
