import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Origin } from "./cache.ts";
import {
  isLocalStack,
  localStackEnvironment,
  pulumiEnvironment,
  readArguments,
  rememberStack,
  selectedStack,
  stackEnvironment,
  usesCloud,
} from "./stack.ts";
import type { Tool } from "./tools.ts";

let root: string;
const saved = { ...process.env };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "stack-"));
  delete process.env.PULUMI_STACK;
});
afterEach(() => {
  rmSync(root, { recursive: true });
  process.env = { ...saved };
});

function tools(plugin: Origin) {
  const tool = (name: Tool["name"], path: string, from: Origin = "built"): Tool => ({
    name,
    version: "1.0.0",
    from,
    path,
  });
  return {
    pulumi: tool("pulumi", "/tools/a/pulumi"),
    "pulumi-language-nodejs": tool("pulumi-language-nodejs", "/tools/b/pulumi-language-nodejs"),
    "command-plugin": tool("command-plugin", "/plugin", plugin),
  };
}

test("our tools come first on PATH, and Pulumi fetches no plugin only while ours takes the official one's place", () => {
  process.env.PATH = "/usr/bin";
  const environment = pulumiEnvironment(tools("built"));
  // Node's gRPC goes to the engine past every proxy; no_grpc_proxy is read before no_proxy.
  expect(environment.no_grpc_proxy?.split(",")).toContain("127.0.0.1");
  expect(environment.PATH).toMatch(/^\/tools\/a:\/tools\/b:.*\/node_modules\/\.bin:\/usr\/bin$/);
  expect(environment.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION).toBe("true");
  expect(pulumiEnvironment(tools("download"))).not.toHaveProperty("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION");
});

describe("a local stack", () => {
  test("is one whose own name begins with localnet", () => {
    expect(["localnet", "localnet-2", "organization/holdfast/localnet"].every(isLocalStack)).toBe(true);
    expect(["mainnet", "localnet/holdfast/testnet"].some(isLocalStack)).toBe(false);
  });

  test("has its backend and a passphrase of its own, which stays", () => {
    const { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE_FILE: file = "" } = localStackEnvironment(root, "localnet");
    expect(PULUMI_BACKEND_URL).toBe(`file://${root}/.localnet/pulumi`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const passphrase = readFileSync(file, "utf8");
    expect(passphrase).toMatch(/^[\w-]{32}\n$/);
    localStackEnvironment(root, "localnet");
    expect(readFileSync(file, "utf8")).toBe(passphrase);
  });

  test("wins over the user's backend and passphrase; another stack leaves them", () => {
    process.env.PULUMI_BACKEND_URL = "s3://states";
    process.env.PULUMI_CONFIG_PASSPHRASE = "theirs";
    const local = stackEnvironment(tools("built"), root, "localnet");
    expect(local.PULUMI_BACKEND_URL).toBe(`file://${root}/.localnet/pulumi`);
    expect(local.PULUMI_CONFIG_PASSPHRASE).toBeUndefined();
    const other = stackEnvironment(tools("built"), root, "mainnet");
    expect([other.PULUMI_BACKEND_URL, other.PULUMI_CONFIG_PASSPHRASE]).toEqual(["s3://states", "theirs"]);
  });
});

test("the selected stack is the last one, or the local network's if there is one", () => {
  expect(selectedStack(root)).toBeUndefined();
  localStackEnvironment(root, "localnet");
  expect(selectedStack(root)).toBe("localnet");
  rememberStack(root, "testnet");
  expect(selectedStack(root)).toBe("testnet");
  rememberStack(root, undefined);
  expect(selectedStack(root)).toBe("localnet");
});

test.each<[string, ReturnType<typeof readArguments>]>([
  ["up", {}],
  ["up --stack testnet", { stack: "testnet" }],
  ["up --stack=testnet --skip-preview", { stack: "testnet" }],
  ["up -s testnet", { stack: "testnet" }],
  ["-stestnet up", { stack: "testnet" }],
  ["stack select testnet", { stack: "testnet", effect: "select" }],
  [
    "stack init --secrets-provider passphrase -s org/holdfast/testnet",
    { stack: "org/holdfast/testnet", effect: "select" },
  ],
  ["stack rm testnet --yes", { stack: "testnet", effect: "remove" }],
  ["stack ls", {}],
  ["stack output --json", {}],
  ["config set key -- --stack", {}],
])("pulumi %s", (line, expected) => {
  expect(readArguments(line.split(" "))).toEqual(expected);
});

test("a stack with a section for Hetzner Cloud needs its plugin, another one does not", () => {
  writeFileSync(join(root, "Pulumi.a.yaml"), "config:\n  holdfast:hcloud:\n    token:\n      secure: x\n");
  writeFileSync(join(root, "Pulumi.b.yaml"), "config:\n  # holdfast:hcloud: no\n  holdfast:network: testnet\n");
  expect(["a", "organization/holdfast/a", "b", "c", undefined].map((stack) => usesCloud(root, stack))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
