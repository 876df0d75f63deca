import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressByName,
  cloudBlock,
  isBlockWithin,
  networkBlock,
  privateBlockFault,
  subnetAddressFault,
} from "./private-network.ts";

test("a block is told as Hetzner's firewalls take it", () => {
  expect(networkBlock("192.0.2.7")).toBe("192.0.2.7/32");
  expect(networkBlock("192.0.2.7/24")).toBe("192.0.2.0/24");
  expect(networkBlock("255.255.255.255/0")).toBe("0.0.0.0/0");
});

test.each([
  ["2001:db8::1", "2001:db8::1/128"],
  ["2001:db8::1/64", "2001:db8::/64"],
  ["2001:db8:1:2:3:4:5:6/47", "2001:db8::/47"],
  ["fd00::/8", "fd00::/8"],
  ["::/0", "::/0"],
  ["ff::1/9", "80::/9"],
  ["192.0.2.7/24", "192.0.2.0/24"],
])("a block of either family: %s", (text, block) => expect(cloudBlock(text)).toBe(block));

test("a block within another", () => {
  expect(isBlockWithin("10.1.0.0/16", "10.0.0.0/8")).toBe(true);
  expect(isBlockWithin("10.0.0.0/8", "10.0.0.0/8")).toBe(true);
  expect(isBlockWithin("10.0.0.0/8", "10.0.0.0/16")).toBe(false);
  expect(isBlockWithin("11.0.0.1", "10.0.0.0/8")).toBe(false);
});

test.each([
  ["10.233.0.0/16", null],
  ["192.168.7.8/29", null],
  ["172.16.0.0/12", null],
  ["10.233.0.1/16", "must begin where its block does: 10.233.0.0/16"],
  ["172.16.0.0/11", "must begin where its block does: 172.0.0.0/11"],
  ["172.0.0.0/11", "must be a private network: within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"],
  ["203.0.113.0/24", "must be a private network: within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"],
  ["10.0.0.0/30", 'must be an IPv4 block of /8 to /29, such as "10.233.0.0/16"'],
  ["10.0.0.0/7", 'must be an IPv4 block of /8 to /29, such as "10.233.0.0/16"'],
  ["10.0.0.0", 'must be an IPv4 block of /8 to /29, such as "10.233.0.0/16"'],
  ["10.0.0.0/16/16", 'must be an IPv4 block of /8 to /29, such as "10.233.0.0/16"'],
  ["fd00::/64", 'must be an IPv4 block of /8 to /29, such as "10.233.0.0/16"'],
])("%s as a private network: %s", (text, fault) => expect(privateBlockFault(text)).toBe(fault));

describe("an address in a subnet", () => {
  const fault = (address: string, subnet = "10.233.0.0/24", range = "10.233.0.0/16") =>
    subnetAddressFault(address, subnet, range);
  test("that a host can have", () => {
    expect(fault("10.233.0.2")).toBeNull();
    expect(fault("10.233.1.1", "10.233.1.0/24")).toBeNull();
  });
  test("and those that it cannot", () => {
    expect(fault("10.233.1.2")).toBe("is not in the subnet 10.233.0.0/24");
    expect(fault("10.233.0.0")).toContain("first or last");
    expect(fault("10.233.0.255")).toContain("first or last");
    expect(fault("10.233.0.1")).toBe("is the gateway of the network 10.233.0.0/16");
    expect(fault("172.31.1.1", "172.31.1.0/24", "172.31.0.0/16")).toContain("Hetzner's own");
    expect(fault("2001:db8::1")).toContain("no IPv4 address");
  });
  test("by name is one that a host can have, in any subnet, and the same each time", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 8, max: 29 }), fc.nat(2 ** 12), (name, bits, at) => {
        const range = "172.16.0.0/12";
        const subnet = networkBlock(`172.${16 + (at % 16)}.${at % 256}.0/${Math.max(bits, 12)}`);
        const address = addressByName(name, subnet);
        expect(subnetAddressFault(address, subnet, range)).toBeNull();
        expect(addressByName(name, subnet)).toBe(address);
      }),
    );
  });
  test("by name never changes from one version to the next: it is in certificates and in Consul", () => {
    expect(addressByName("host-a", "10.233.0.0/17")).toBe("10.233.79.234");
    expect(addressByName("host-b", "10.233.0.0/17")).toBe("10.233.11.39");
  });
});
