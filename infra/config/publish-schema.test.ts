import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { crossCheck } from "./cross-checks.ts";
import { configurationPage, published, stackFileSchema } from "./publish-schema.ts";
import { readSettings } from "./read-settings.ts";
import type { Settings } from "./schema.ts";

const outdated = "it is not current: run node infra/config/publish-schema.ts";

test("the published schema is current", () =>
  expect(JSON.parse(readFileSync(published.schema, "utf8")), outdated).toEqual(stackFileSchema()));

test("the published page is current", () =>
  expect(readFileSync(published.page, "utf8"), outdated).toBe(configurationPage()));

test("in the file a secret is encrypted text, and nothing else", () => {
  const config = stackFileSchema().properties?.config as { properties: Record<string, { properties: object }> };
  expect(config.properties["holdfast:validatorKey"]?.properties).toEqual({ secure: { type: "string" } });
});

test.each(["testnet", "mainnet"])(
  "the %s stack that we ship lacks only what nobody but the operator has",
  (network) => {
    const file = readFileSync(new URL(`../../Pulumi.${network}.yaml`, import.meta.url), "utf8");
    const config: Record<string, unknown> = parse(file).config;
    const texts = Object.entries(config).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    const { settings, faults } = readSettings(Object.fromEntries(texts));
    expect(faults).toEqual([]);
    expect(crossCheck(settings as Settings, () => true).faults.map((fault) => fault.message)).toEqual([
      "holdfast:validatorKey is missing",
      "holdfast:ssh has neither a privateKey nor agent: true",
      "holdfast:neard.artifact.sha256 is missing for what comes from the network",
    ]);
  },
);
