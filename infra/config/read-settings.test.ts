import { describe, expect, test } from "vitest";
import { defaultTiming } from "../../contract/timing.ts";
import { sampleHostKey, sampleInput } from "../testing/sample.ts";
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

test("a setting that was set without --path is told apart from one that does not exist", () => {
  const { ssh: _, ...rest } = sampleInput();
  expect(messages({ ...rest, ssh: {}, "ssh.privateKey": "hunter2" })).toEqual([
    "holdfast:ssh.privateKey was set without --path, so it is not part of holdfast:ssh. Remove it with pulumi config rm " +
      "'holdfast:ssh.privateKey', and set it with pulumi config set --secret --path holdfast:ssh.privateKey < KEYFILE",
  ]);
  expect(messages({ ...sampleInput(), "hosts[0].zone": "a" })[0]).toContain(
    "set it with pulumi config set --path 'holdfast:hosts[0].zone' VALUE",
  );
  expect(messages({ ...sampleInput(), "lease.colour": "1" })[0]).toMatch(/^holdfast:lease.colour is not a setting/);
});

test.each<[Record<string, unknown>, string]>([
  [
    { network: "tesnet" },
    'holdfast:network: must be one of localnet, testnet, mainnet (it is "tesnet"). Did you mean testnet?',
  ],
  [{ hosts: {} }, "holdfast:hosts: must be a list."],
  [{ lease: { leaseMs: "6500ms" } }, 'holdfast:lease.leaseMs: must be a number (it is "6500ms").'],
  [{ lease: { leaseMs: 0 } }, "holdfast:lease.leaseMs: must be more than 0 (it is 0)."],
  [{ lease: { leaseMs: 1.5 } }, "holdfast:lease.leaseMs: must be a whole number (it is 1.5)."],
  [{ firewall: { ssh: [] } }, "holdfast:firewall.ssh: must not be empty, or nobody gets in."],
  [{ firewall: "none" }, 'holdfast:firewall: must be a section with settings of its own (it is "none").'],
  [{ validator: { account: "a" } }, 'holdfast:validator.account: must have at least 2 characters (it is "a").'],
])("in words that are not a programmer's: %j", (wrong, words) =>
  expect(messages({ ...sampleInput(), ...wrong })[0]).toContain(words),
);

describe("a pinned SSH host key", () => {
  const [a, b, c] = sampleInput().hosts as [object, object, object];
  const withKey = (hostKey: string) => messages({ ...sampleInput(), hosts: [{ ...a, hostKey }, b, c] });
  const whole = sampleHostKey("host-a");
  test("may have a comment", () => expect(withKey(`${whole} root@host-a`)).toEqual([]));
  test.each([whole.slice(0, 60), whole.slice(0, -4), whole.replace("AAAAC3", "AAAAD3")])("is not whole: %s", (key) =>
    expect(withKey(key)).toEqual([expect.stringContaining("hostKey of host host-a: is not a whole public key")]),
  );
  test("is said to be wrong once", () => expect(withKey("192.0.2.1 ssh-ed25519 AAAA")).toHaveLength(1));
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
    nextValidatorKey: { secret_key: "hunter2" },
  });
  expect(found.join()).toContain("ssh.privateKey");
  expect(found.join()).not.toContain("hunter2");
});

test("nor is it when it was put where the section around it belongs", () =>
  expect(messages({ ...sampleInput(), ssh: "hunter2" })).toEqual([
    expect.stringMatching(/^holdfast:ssh: must be a section with settings of its own\. (?!.*hunter2)/),
  ]));

test("a missing validator key is told with its own code, beside what else is wrong", () => {
  const { validatorKey: _, ...rest } = sampleInput();
  expect(readSettings(config({ ...rest, network: "x" })).faults.map(({ code }) => code)).toEqual([
    "HF_CONFIG_INVALID",
    "HF_VALIDATOR_KEY",
  ]);
});
