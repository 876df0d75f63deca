import { describe, expect, test } from "vitest";
import { defaultTiming } from "../../contract/timing.ts";
import { asPulumiGives, sampleHostKey, sampleInput } from "../testing/sample.ts";
import { readSettings } from "./read-settings.ts";

const messages = (values: object) =>
  readSettings(asPulumiGives(values)).faults.map((fault) => `${fault.message}. ${fault.next}`);

test("a sound configuration is read, with its defaults; other namespaces are none of our business", () => {
  const { settings, faults } = readSettings({ ...asPulumiGives(sampleInput()), "pulumi:tags": "{}" });
  expect(faults).toEqual([]);
  expect(settings?.hosts[0]).toMatchObject({ name: "host-a", roles: ["consul", "neard"], priority: 100 });
  expect(settings?.lease).toEqual(defaultTiming);
  expect(settings?.validatorKey).toBe(sampleInput().validatorKey);
});

describe("addresses and logins", () => {
  const [first, ...others] = sampleInput().hosts;
  const withHost = (more: object) => ({ ...sampleInput(), hosts: [{ ...first, ...more }, ...others] });
  test.each([
    ["address", "::ffff:192.0.2.11", "must be given as the IPv4 address that it is"],
    ["address", "fe80::1%eth0", "must be an address without a zone"],
    ["address", "host-a.example", "must be an IPv4 or IPv6 address"],
    ["user", "root; reboot", "must be a Unix user name"],
    ["user", "-oProxyCommand=x", "must be a Unix user name"],
  ])("%s %s is refused", (name, value, words) =>
    expect(messages(withHost({ [name]: value }))[0]).toContain(`holdfast:hosts[0].${name} of host host-a: ${words}`),
  );
  test.each(["-oProxyCommand=x", "a b", "$(id)", "fe80::1%eth0", "1.2.3"])("ssh.host %s is refused", (value) =>
    expect(messages(withHost({ ssh: { host: value } }))[0]).toContain(
      "holdfast:hosts[0].ssh.host of host host-a: must be an IPv4 or IPv6 address, or a host name",
    ),
  );
  test("the login that counts for all of them too", () => {
    const { ssh } = sampleInput();
    expect(messages({ ...sampleInput(), ssh: { ...ssh, user: "$(id)" } })[0]).toContain("holdfast:ssh.user: must be a");
    const proxy = { host: "jump.example", user: "a b", hostKey: sampleHostKey("jump") };
    expect(messages({ ...sampleInput(), ssh: { ...ssh, proxy } })[0]).toContain("holdfast:ssh.proxy.user: must be a");
  });
  test("addresses and blocks get their one spelling", () => {
    const firewall = { ssh: ["2001:DB8:0::/032"], monitoring: ["192.0.2.1/32"] };
    const ssh = { host: "2001:DB8:0::1" };
    const publicAddrs = ["[2001:DB8:0::1]:24567"];
    const { settings } = readSettings(
      asPulumiGives({ ...withHost({ address: "2001:DB8:0::1", ssh, publicAddrs }), firewall }),
    );
    expect(settings?.hosts[0]).toMatchObject({
      address: "2001:db8::1",
      ssh: { host: "2001:db8::1" },
      publicAddrs: ["[2001:db8::1]:24567"],
    });
    expect(settings?.firewall).toEqual({ ssh: ["2001:db8::/32"], monitoring: ["192.0.2.1"] });
  });
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
  const found = readSettings(asPulumiGives({ ...rest, hosts })).faults.map((fault) => fault.message);
  expect(found).toHaveLength(3);
  expect(found).toContain("holdfast:network is missing");
  expect(found).toContain(
    'holdfast:hosts[0].address of host host-a: must be an IPv4 or IPv6 address (it is "host-a.example")',
  );
  expect(found[2]).toMatch(/^holdfast:hosts\[1\]\.roles of host host-b/);
});

test.each([null, ""])("a setting without a value is empty, whatever it should be: %j", (firewall) =>
  expect(messages({ ...sampleInput(), firewall })[0]).toMatch(/^holdfast:firewall is empty\./),
);

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

test.each([
  [{ firewall: "\u001b[2J\u202eevil\u2028" }, 'it is "\\u{1b}[2J\\u{202e}evil\\u{2028}"'],
  [{ network: "x".repeat(10_000) }, `it is "${"x".repeat(60)}…"`],
  [{ "colour\u0007": 1 }, "holdfast:colour\\u{7} is not a setting"],
])("what is shown of a value is one short line that no terminal obeys: %#", (wrong, words) =>
  expect(messages({ ...sampleInput(), ...wrong })[0]).toContain(words),
);

test("a key in a wrong place is not shown, nor is what the stack keeps encrypted", () => {
  const { validatorKey } = sampleInput();
  expect(messages({ ...sampleInput(), network: validatorKey })[0]).not.toContain("ed25519");
  const found = readSettings(asPulumiGives({ ...sampleInput(), firewall: "hunter2" }), (name) => name === "firewall");
  expect(found.faults[0]?.message).toBe("holdfast:firewall: must be a section with settings of its own");
});

test("settings that have no fault of their own are told, for the checks that need no others", () => {
  const { sound, broken } = readSettings(asPulumiGives({ ...sampleInput(), network: "x", hosts: [] }));
  expect([...broken]).toEqual(["network", "hosts"]);
  expect(sound.lease).toEqual(defaultTiming);
  expect(sound.network).toBeUndefined();
});

test("a name that every object has is no setting", () => {
  expect(messages({ ...sampleInput(), constructor: {} })[0]).toContain("holdfast:constructor is not a setting");
  const polluted = { ...asPulumiGives(sampleInput()), "holdfast:__proto__": "{}" };
  expect(readSettings(polluted).faults[0]?.message).toContain("holdfast:__proto__ is not a setting");
});

test("a value that is nested without end is one fault", () =>
  expect(
    readSettings({
      ...asPulumiGives(sampleInput()),
      "holdfast:neard": `{"config":${'{"a":'.repeat(20_000)}1${"}".repeat(20_001)}`,
    }).faults,
  ).toHaveLength(1));

describe("a boot node", () => {
  const key = "ed25519:86EtEy7epneKyrcJwSWP7zsisTkfDRH5CFVszt4qiQYw";
  const { neard } = sampleInput();
  const withNode = (node: string) => messages({ ...sampleInput(), neard: { ...neard, bootNodes: [node] } });
  test.each(["192.0.2.1:24567", "[2001:db8::1]:24567", "node-1.boot.example:1", "localhost:65535"])("%s", (at) =>
    expect(withNode(`${key}@${at}`)).toEqual([]),
  );
  test.each([
    ["an IPv6 address without brackets", `${key}@2001:db8::1:24567`],
    ["a zone that only this machine knows", `${key}@[fe80::1%eth0]:24567`],
    ["a port that does not exist", `${key}@192.0.2.1:65536`],
    ["port 0", `${key}@192.0.2.1:0`],
    ["no port", `${key}@192.0.2.1`],
    ["an address that is none", `${key}@192.0.2.256:24567`],
    ["two in one", `${key}@192.0.2.1:24567,${key}@192.0.2.2:24567`],
    ["a space", `${key}@192.0.2.1:24567 `],
    ["a key that was cut short", `${key.slice(0, -3)}@192.0.2.1:24567`],
    ["a key that is no base58", `${key.slice(0, -1)}0@192.0.2.1:24567`],
    ["no key", "192.0.2.1:24567"],
  ])("is refused with %s", (_, node) =>
    expect(withNode(node)).toEqual([expect.stringMatching(/^holdfast:neard\.bootNodes\[0\]: must look like/)]),
  );
});
