import { describe, expect, test } from "vitest";
import { sampleHost, sampleInput } from "../testing/sample.ts";
import { publicAddrFaults } from "./public-addr-checks.ts";
import { publicAddrFrom } from "./public-addrs.ts";
import { type SettingsInput, settingsSchema } from "./schema.ts";

const proxy = "ed25519:6E8sCci9badyRkXb3JoRpBj5p8C6Tw41ELDZoiihKEtp";
const [a, b, c] = [
  sampleHost("host-a", 11, ["neard", "consul"]),
  sampleHost("host-b", 12, ["neard", "consul"]),
  sampleHost("host-c", 13, ["consul"]),
];

function faults(addrs: Record<string, string[]>, change: Partial<SettingsInput> = { network: "mainnet" }) {
  const hosts = [a, b, c].map((host) => ({ ...host, publicAddrs: addrs[host.name] ?? [] }));
  return publicAddrFaults(settingsSchema.parse({ ...sampleInput(), ...change, hosts })).map(({ message }) => message);
}

describe("the form", () => {
  test.each([
    ["203.0.113.7:24567", { peer: null, ip: "203.0.113.7", port: 24_567 }],
    ["[2001:db8::7]:24567", { peer: null, ip: "2001:db8::7", port: 24_567 }],
    ["[2001:DB8:0:0::7]:24567", { peer: null, ip: "2001:db8::7", port: 24_567 }],
    [`${proxy}@203.0.113.7:1`, { peer: proxy, ip: "203.0.113.7", port: 1 }],
  ])("%s", (text, expected) => expect(publicAddrFrom(text)).toEqual(expected));

  test.each([
    ["2001:db8::7:24567", "an IPv6 address without brackets"],
    ["[203.0.113.7]:24567", "an IPv4 address in brackets"],
    ["[::ffff:203.0.113.7]:24567", "an IPv4 address in IPv6 clothes"],
    ["203.0.113.7", "no port"],
    ["203.0.113.7:0", "port 0"],
    ["203.0.113.7:65536", "a port that is none"],
    ["203.0.113.256:24567", "an address that is none"],
    ["validator.example.org:24567", "a name: neard takes none"],
    ["ed25519:short@203.0.113.7:24567", "a key that is cut short"],
    ["secp256k1:abc@203.0.113.7:24567", "a key of another kind"],
  ])("%s is refused: %s", (text) => {
    expect(publicAddrFrom(text)).toBeNull();
    const result = settingsSchema.safeParse({ ...sampleInput(), hosts: [{ ...a, publicAddrs: [text] }, b, c] });
    expect(result.error?.issues[0]).toMatchObject({
      path: ["hosts", 0, "publicAddrs", 0],
      message: expect.stringContaining("in brackets"),
    });
  });

  test("more than neard takes", () => {
    const publicAddrs = Array.from({ length: 11 }, (_, i) => `203.0.113.7:${1000 + i}`);
    expect(settingsSchema.safeParse({ ...sampleInput(), hosts: [{ ...a, publicAddrs }, b, c] }).success).toBe(false);
  });
});

test("an own address and a node that passes messages on are sound, the latter for both hosts", () =>
  expect(
    faults({
      "host-a": ["203.0.113.1:24567", `${proxy}@203.0.113.9:24567`],
      "host-b": ["203.0.113.2:24567", `${proxy}@203.0.113.9:24567`],
    }),
  ).toEqual([]));

test("one address for both hosts", () =>
  expect(faults({ "host-a": ["203.0.113.1:24567"], "host-b": ["203.0.113.1:24567"] })).toEqual([
    "holdfast:hosts: host-a and host-b have the same address in publicAddrs: 203.0.113.1 port 24567",
  ]));

test("a port that neard does not listen on: it would take it, and tell nobody", () => {
  const addrs = { "host-a": ["203.0.113.1:24568"], "host-b": [`${proxy}@203.0.113.9:1`] };
  expect(faults(addrs)).toEqual([
    "holdfast:hosts: publicAddrs of host-a has 203.0.113.1:24568, but its neard listens on port 24567, and tells nobody of another",
  ]);
  expect(faults(addrs, { network: "mainnet", neard: { ...sampleInput().neard, networkPort: 24_568 } })).toEqual([]);
});

test("two addresses of one node", () =>
  expect(
    faults({
      "host-a": ["203.0.113.1:24567", "[2001:db8::1]:24567"],
      "host-b": [`${proxy}@203.0.113.9:1`, `${proxy}@203.0.113.9:2`],
    }),
  ).toEqual([
    "holdfast:hosts: publicAddrs of host-a has 2 addresses of the host's own neard (203.0.113.1:24567, [2001:db8::1]:24567)",
    `holdfast:hosts: publicAddrs of host-b has 2 addresses of ${proxy} (${proxy}@203.0.113.9:1, ${proxy}@203.0.113.9:2)`,
  ]));

test("an arbiter has no neard", () =>
  expect(faults({ "host-c": ["203.0.113.3:24567"] })).toEqual([
    "holdfast:hosts: host-c has publicAddrs, but no neard",
  ]));

describe("an address that nobody outside can dial", () => {
  test.each([
    "10.1.2.3:24567",
    "172.16.0.1:24567",
    "192.168.1.1:24567",
    "127.0.0.1:24567",
    "0.0.0.0:24567",
    "[::1]:24567",
    "[::]:24567",
  ])("%s", (text) =>
    expect(faults({ "host-a": [text] })).toEqual([
      `holdfast:hosts: publicAddrs of host-a has ${text}, which other validators cannot dial`,
    ]),
  );
  test("is sound in the lab, and where neard is told so; the one of nobody never", () => {
    expect(faults({ "host-a": ["10.1.2.3:24567"] }, {})).toEqual([]);
    const neard = { ...sampleInput().neard, config: { network: { allow_private_ip_in_public_addrs: true } } };
    expect(faults({ "host-a": ["10.1.2.3:24567"] }, { network: "mainnet", neard })).toEqual([]);
    expect(faults({ "host-a": ["0.0.0.0:24567"] }, {})).toHaveLength(1);
  });
});
