import { describe, expect, test } from "vitest";
import { generateValidatorKey, keyFileJson } from "../../contract/near-key.ts";
import { asPulumiGives, sampleHost, sampleInput, sampleKey, sampleSettings } from "../testing/sample.ts";
import { checkConfiguration } from "./check-configuration.ts";
import { crossCheck } from "./cross-checks.ts";
import type { SettingsInput } from "./schema.ts";
import type { IsSecret } from "./secret-checks.ts";

const allSecret: IsSecret = () => true;
const check = (more: Partial<SettingsInput>, isSecret = allSecret) => crossCheck(sampleSettings(more), isSecret);
const codes = (more: Partial<SettingsInput>) => check(more).faults.map(({ code, message }) => `${code}: ${message}`);
const neard = sampleInput().neard;
/** Neither artifact nor genesis is named. */
const unnamed = { version: neard.version, artifact: {}, bootNodes: neard.bootNodes };
const [a, b, c] = sampleInput().hosts as [
  SettingsInput["hosts"][0],
  SettingsInput["hosts"][0],
  SettingsInput["hosts"][0],
];

/** Private keys in forms that need somebody, or something, that is not there. Only their beginnings are looked at. */
const cipher = Buffer.concat([Buffer.from("openssh-key-v1\0"), Buffer.from([0, 0, 0, 10]), Buffer.from("aes256-ctr")]);
const unreadable = {
  openssh: `-----BEGIN OPENSSH PRIVATE KEY-----\n${cipher.toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`,
  pem: "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
  pkcs8: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
};

test("the sample is sound", () => expect(check({})).toEqual({ faults: [], warnings: [] }));

describe("hosts", () => {
  test("fewer than three with Consul", () =>
    expect(codes({ hosts: [a, b] })).toEqual([
      "HF_CONFIG_INVALID: holdfast:hosts has 2 with the role consul (host-a, host-b); a majority that survives one loss needs 3",
    ]));
  test("fewer than two with neard", () =>
    expect(codes({ hosts: [a, sampleHost("x", 20, ["consul"]), c] })).toEqual([
      "HF_CONFIG_INVALID: holdfast:hosts has 1 with the role neard (host-a); one to validate and one to stand by makes 2",
    ]));
  test("one that is there and gone", () =>
    expect(codes({ gone: ["host-b", "host-x"] })).toEqual([
      "HF_CONFIG_INVALID: host-b is in holdfast:hosts and in holdfast:gone",
    ]));
  test("an even number with Consul is a warning", () => {
    const { faults, warnings } = check({ hosts: [a, b, c, sampleHost("host-d", 14, ["consul"], { zone: "rack-4" })] });
    expect(faults).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining("4 hosts with the role consul (host-a, host-b, host-c, host-d)"),
    ]);
    expect(warnings[0]).toContain("no more losses (1) than 3 would");
  });
  test("duplicate names and addresses, both at once", () =>
    expect(codes({ hosts: [a, b, c, { ...c, name: "host-b" }] })).toEqual([
      "HF_CONFIG_INVALID: holdfast:hosts has the name host-b 2 times",
      "HF_CONFIG_INVALID: holdfast:hosts has the address 192.0.2.13 2 times (host-c, host-b)",
    ]));
  test.each(["127.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1"])("the address %s is nobody's", (address) =>
    expect(codes({ hosts: [a, b, { ...c, address }] })[0]).toContain(`the address ${address} of host host-c`),
  );
  test("two spellings of one address are one host", () => {
    const inSix = (host: typeof a, address: string) => ({ ...host, address });
    const hosts = [inSix(a, "2001:db8::11"), inSix(b, "2001:DB8:0:0::12"), inSix(c, "2001:db8:0::0012")];
    expect(codes({ hosts })).toEqual([
      "HF_CONFIG_INVALID: holdfast:hosts has the address 2001:db8::12 2 times (host-b, host-c)",
    ]);
  });
  test("IPv4 and IPv6 together", () =>
    expect(codes({ hosts: [a, b, { ...c, address: "2001:db8::13" }] })[0]).toContain("mixes IPv4 and IPv6"));
  test("one neard for two architectures", () =>
    expect(codes({ hosts: [a, { ...b, arch: "arm64" }, c] })[0]).toContain("(x64: host-a; arm64: host-b)"));
  test("an arbiter may be of another architecture", () =>
    expect(codes({ hosts: [a, b, { ...c, arch: "arm64" }] })).toEqual([]));
});

describe("names", () => {
  test.each(["cluster", "authority"])("%s is what a resource of ours is called", (name) =>
    expect(codes({ hosts: [a, b, { ...c, name }] })).toEqual([
      `HF_CONFIG_INVALID: holdfast:hosts: a host cannot be named ${name}: the name is what holdfast calls a resource of its own in the stack's state`,
    ]),
  );
  test("localhost is every host's own name for itself", () =>
    expect(codes({ hosts: [a, b, { ...c, name: "localhost" }] })[0]).toContain("means another machine on each"));
  test("a name that looks like a host's resource is nobody's", () =>
    expect(codes({ hosts: [a, b, { ...c, name: "host-a-runtime" }] })).toEqual([]));
});

describe("zones", () => {
  const warnings = (...zones: (string | undefined)[]) =>
    check({
      hosts: [a, b, c].map(({ zone: _, ...host }, i) => ({
        ...host,
        ...(zones[i] === undefined ? {} : { zone: zones[i] }),
      })),
    }).warnings;
  test("three zones, or none named", () => {
    expect(warnings("x", "y", "z")).toEqual([]);
    expect(warnings()).toEqual([]);
  });
  test("both hosts with neard in one, and with them the majority", () =>
    expect(warnings("x", "x", "z")).toEqual([
      "holdfast:hosts: all hosts with neard (host-a, host-b) are in the zone x: its loss leaves nobody to validate.",
      "holdfast:hosts: 2 of 3 Consul servers (host-a, host-b) are in the zone x: its loss leaves no majority, and nobody validates.",
    ]));
  test("the arbiter beside another host", () =>
    expect(warnings("x", "y", "y")).toEqual([
      "holdfast:hosts: 2 of 3 Consul servers (host-b, host-c) are in the zone y: its loss leaves no majority, and nobody validates, not even host-a outside of it. Put the arbiter host-c where no other host is.",
    ]));
  test("one that does not say where it is, where the others do", () =>
    expect(warnings("x", "y")).toEqual([
      "holdfast:hosts: host-c names no zone, so it cannot be told what is lost with which zone.",
    ]));
});

test("all faults at once: single settings, and what depends on those that are sound", () => {
  const { hosts: _, ...rest } = sampleInput();
  const values = { ...rest, hosts: [], network: "x", lease: { leaseMs: 9000 }, validatorKey: "" };
  const { settings, faults } = checkConfiguration(asPulumiGives(values), allSecret);
  expect(settings).toBeNull();
  expect(faults.map(({ message }) => message.replace(/:? .*/, ""))).toEqual([
    "holdfast:network",
    "holdfast:hosts",
    "holdfast:lease",
    "holdfast:validatorKey",
  ]);
});

test("a lease too short for the watchdog", () => {
  const lease = { leaseMs: 3000, renewMs: 700, takeoverMs: 3500, unbrokenMs: 3200 };
  expect(codes({ lease })).toEqual([
    "HF_TIMING_UNSAFE: holdfast:lease: leaseMs 3000 is below 3200: renewMs 700, and 2500 ms for systemd to notice that the " +
      "agent hangs (WatchdogSec) and to start another before the lease is over",
  ]);
  expect(codes({ lease: { ...lease, renewMs: 500 } })).toEqual([]);
});

test("a lease that breaks the timing rule, with both numbers", () => {
  const [fault] = check({ lease: { leaseMs: 9000 } }).faults;
  expect(fault?.code).toBe("HF_TIMING_UNSAFE");
  expect(fault?.message).toContain("leaseMs 9000 + stopMs 0 + skewMs 500 = 9500 is above takeoverMs 7000");
});

describe("validator key", () => {
  const withKey = (validatorKey: string) => check({ validatorKey }).faults;
  test("with comments, and a mark that an editor put before it", () => {
    const { accountId, publicKey, secretKey } = sampleKey;
    const commented = `\uFEFF// from the safe\n{ "account_id": "${accountId}", /* https://x */ "public_key": "${publicKey}", # mine
      "secret_key": "${secretKey}" }\n`;
    expect(withKey(commented)).toEqual([]);
  });
  test("whose account is no account at all", () => {
    const [fault] = withKey(keyFileJson({ ...sampleKey, accountId: "a\n\u001b[31m" }));
    expect(fault?.message).toBe("holdfast:validatorKey has an account_id that is no NEAR account id");
  });
  test("in clear", () => {
    const [fault] = check({}, (name) => name !== "validatorKey").faults;
    expect(fault).toMatchObject({ code: "HF_VALIDATOR_KEY", message: expect.stringContaining("in clear") });
  });
  test.each(["", "\n"])("missing: %j", (text) =>
    expect(withKey(text)).toEqual([
      expect.objectContaining({ code: "HF_VALIDATOR_KEY", message: "holdfast:validatorKey is missing" }),
    ]),
  );
  test("malformed", () =>
    expect(withKey("no json")[0]?.message).toBe(
      "holdfast:validatorKey is not JSON: it must be the text of a key file",
    ));
  test("for another account", () =>
    expect(withKey(keyFileJson(generateValidatorKey("other.near")))[0]?.message).toBe(
      "holdfast:validatorKey is for the account other.near, but holdfast:validator.account is validator.localnet",
    ));
  test("halves that do not match", () => {
    const mixed = { ...sampleKey, publicKey: generateValidatorKey("x.near").publicKey };
    const [fault] = withKey(keyFileJson(mixed));
    expect(fault?.message).toContain("halves that do not match");
    expect(fault?.message).not.toContain(sampleKey.secretKey.slice(8, 30));
  });
});

describe("next validator key", () => {
  const next = keyFileJson(generateValidatorKey("validator.localnet"));
  const messages = (nextValidatorKey: string) => check({ nextValidatorKey }).faults.map((fault) => fault.message);

  test("is allowed, and a preview says that it is not for good", () => {
    const { faults, warnings } = check({ nextValidatorKey: next });
    expect(faults).toEqual([]);
    expect(warnings.join()).toContain("holdfast:nextValidatorKey is set");
    expect(check({}).warnings.join()).not.toContain("nextValidatorKey");
  });
  test("in clear", () => {
    const [fault] = check({ nextValidatorKey: next }, (name) => name !== "nextValidatorKey").faults;
    expect(fault).toMatchObject({
      message: "holdfast:nextValidatorKey is in the stack's file in clear",
      next: expect.stringContaining("pulumi config set --secret holdfast:nextValidatorKey <"),
    });
  });
  test("the same key", () =>
    expect(messages(keyFileJson(sampleKey))).toEqual([
      `holdfast:nextValidatorKey is the same key as holdfast:validatorKey (${sampleKey.publicKey})`,
    ]));
  test("is checked like the other, under its own name", () => {
    expect(messages("no json")).toEqual(["holdfast:nextValidatorKey is not JSON: it must be the text of a key file"]);
    expect(check({ nextValidatorKey: "no json" }).faults[0]?.next).toContain("holdfast:nextValidatorKey <");
    expect(messages(keyFileJson(generateValidatorKey("other.near")))[0]).toContain(
      "holdfast:nextValidatorKey is for the account other.near",
    );
  });
});

describe("ssh", () => {
  test("no way in", () => expect(codes({ ssh: {} })[0]).toContain("neither a privateKey nor agent: true"));
  test("two ways in", () =>
    expect(codes({ ssh: { ...sampleInput().ssh, agent: true } })[0]).toContain("both a privateKey and agent: true"));
  test("the agent's keys will do", () => expect(codes({ ssh: { agent: true } })).toEqual([]));
  test("the public half", () =>
    expect(codes({ ssh: { privateKey: "ssh-ed25519 AAAA" } })[0]).toContain("is not a private key file"));
  test.each([
    ["OpenSSH's", "openssh", "protected by a passphrase"],
    ["PEM's", "pem", "protected by a passphrase"],
    ["PKCS#8", "pkcs8", "PKCS#8"],
  ])("a key that nobody can read, in the form %s", (_, form, words) =>
    expect(codes({ ssh: { privateKey: unreadable[form as keyof typeof unreadable] } })).toEqual([
      expect.stringContaining(words),
    ]),
  );
  test("in clear", () =>
    expect(check({}, (name) => name !== "ssh").faults[0]?.message).toContain(
      "ssh.privateKey is in the stack's file in clear",
    ));
});

describe("neard", () => {
  test("the local network has no defaults", () =>
    expect(codes({ neard: unnamed })).toEqual([
      "HF_CONFIG_INVALID: holdfast:neard.artifact.source is missing",
      "HF_CONFIG_INVALID: holdfast:neard.genesis is missing",
    ]));
  test("the official build must be pinned", () =>
    expect(codes({ network: "mainnet", neard: unnamed })).toEqual([
      "HF_CONFIG_INVALID: holdfast:neard.artifact.sha256 is missing for what comes from the network",
    ]));
  test("a mainnet stack does not follow testnet", () =>
    expect(codes({ network: "mainnet", neard: { ...neard, chainId: "testnet" } })).toEqual([
      "HF_CONFIG_INVALID: holdfast:neard.chainId is testnet, but holdfast:network is mainnet",
    ]));
  test("plain http is refused", () =>
    expect(codes({ consul: { artifact: { source: "http://example.org/consul", sha256: "0".repeat(64) } } })).toEqual([
      "HF_CONFIG_INVALID: holdfast:consul.artifact.source is not https",
    ]));
  test.each(["ftp://example.org/consul", "HTTP://example.org/consul", "https://", "https://me:hunter2@example.org/x"])(
    "a source that nobody can fetch is refused, and a login in it not repeated: %s",
    (source) => {
      const found = codes({ consul: { artifact: { source, sha256: "0".repeat(64) } } });
      expect(found).toEqual([expect.stringMatching(/^HF_CONFIG_INVALID: holdfast:consul\.artifact\.source /)]);
      expect(found.join()).not.toContain("hunter2");
    },
  );
  test.each([
    [{ rpc: null }, "rpc"],
    [{ network: "fast" }, "network"],
    [{ network: { tier1: null } }, "network.tier1"],
    [{ rpc: { polling_config: [] } }, "rpc.polling_config"],
    [{ store: 1 }, "store"],
  ])("a section of its configuration must be one: %j", (config, path) =>
    expect(codes({ neard: { ...neard, config } })).toEqual([
      `HF_CONFIG_INVALID: holdfast:neard.config.${path}: must be a section with settings of its own`,
    ]),
  );
  test.each([
    [{ validator_key_file: "/root/key.json" }, "validator_key_file"],
    [{ rpc: { addr: "0.0.0.0:3030" } }, "rpc.addr"],
    [{ tracked_shards: [0] }, "tracked_shards"],
    [{ tracked_shards_config: "AllShards" }, "tracked_shards_config"],
  ])("its configuration may not touch what is ours: %j", (config, path) =>
    expect(codes({ neard: { ...neard, config } })).toEqual([
      `HF_CONFIG_INVALID: holdfast:neard.config sets ${path}, which holdfast owns`,
    ]),
  );
  test("ports that are taken", () =>
    expect(codes({ neard: { ...neard, rpcPort: 8501, networkPort: 22 } })).toEqual([
      "HF_CONFIG_INVALID: holdfast:neard.rpcPort 8501 is the port of Consul",
      "HF_CONFIG_INVALID: holdfast:neard.networkPort 22 is the port of SSH",
    ]));
});
