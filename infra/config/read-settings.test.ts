import { describe, expect, test } from "vitest";
import { defaultTiming } from "../../contract/timing.ts";
import { sampleInput } from "../testing/sample.ts";
import { readSettings } from "./read-settings.ts";

/** As Pulumi hands it over: texts, objects as JSON. */
function config(values: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `holdfast:${name}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

const messages = (values: object) =>
  readSettings(config(values)).faults.map((fault) => `${fault.message}. ${fault.next}`);

test("a sound configuration is read, with its defaults; other namespaces are none of our business", () => {
  const { settings, faults } = readSettings({ ...config(sampleInput()), "pulumi:tags": "{}" });
  expect(faults).toEqual([]);
  expect(settings?.hosts[0]).toMatchObject({ name: "host-a", arch: "x64", priority: 100 });
  expect(settings?.lease).toEqual(defaultTiming);
  expect(settings?.validatorKey).toBe(sampleInput().validatorKey);
});

describe("unknown settings are refused with the nearest right name", () => {
  test("at the top", () =>
    expect(messages({ ...sampleInput(), leese: {} })).toEqual([
      "holdfast:leese is not a setting. Did you mean lease?",
    ]));
  test("deep inside, with the host's name", () => {
    const input = sampleInput();
    const hosts = [{ ...input.hosts[0], hostkey: "x" }, ...input.hosts.slice(1)];
    expect(messages({ ...input, hosts })).toEqual([
      "holdfast:hosts[0].hostkey of host host-a is not a setting. Did you mean hostKey?",
    ]);
  });
  test("inside a section that has defaults", () =>
    expect(messages({ ...sampleInput(), lease: { leasMs: 1 } })).toEqual([
      "holdfast:lease.leasMs is not a setting. Did you mean leaseMs?",
    ]));
  test("and with all names where none is near", () =>
    expect(messages({ ...sampleInput(), validator: { account: "a.near", colour: 1 } })[0]).toBe(
      "holdfast:validator.colour is not a setting. Remove it; there are: account.",
    ));
});

test("every fault is reported, each with its setting and what is there", () => {
  const input = sampleInput();
  const hosts = [{ ...input.hosts[0], address: "host-a.example" }, { ...input.hosts[1], roles: [] }, input.hosts[2]];
  const { network: _, ...rest } = input;
  const found = readSettings(config({ ...rest, hosts })).faults.map((fault) => fault.message);
  expect(found).toHaveLength(3);
  expect(found).toContain("holdfast:network is missing");
  expect(found).toContain(
    'holdfast:hosts[0].address of host host-a: must be an IPv4 or IPv6 address (it is "host-a.example")',
  );
  expect(found[2]).toMatch(/^holdfast:hosts\[1\]\.roles of host host-b/);
});

test("a setting without a value is empty, whatever it should be", () =>
  expect(messages({ ...sampleInput(), firewall: null })[0]).toMatch(/^holdfast:firewall is empty\./));

test("a secret's value is in no message", () => {
  const found = messages({
    ...sampleInput(),
    ssh: { privateKey: ["hunter2"] },
    validatorKey: { secret_key: "hunter2" },
  });
  expect(found.join()).toContain("ssh.privateKey");
  expect(found.join()).not.toContain("hunter2");
});
