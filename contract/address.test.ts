import { describe, expect, test } from "vitest";
import {
  addressFault,
  blockFault,
  canonicalAddress,
  canonicalBlock,
  fromUrl,
  hostPort,
  isWithin,
  peerAddress,
} from "./address.ts";

describe("one spelling of each address (RFC 5952)", () => {
  test.each([
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8::0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"], // one group of zeros stays
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"], // of two runs the first
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"], // of two runs the longer
    ["0:0:0:0:0:0:0:1", "::1"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["192.0.2.1", "192.0.2.1"],
    ["host-a.example", "host-a.example"],
  ])("%s", (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
    expect(canonicalAddress(expected)).toBe(expected);
  });

  test.each([
    ["2001:DB8:0::/032", "2001:db8::/32"],
    ["::/00", "::/0"],
    ["2001:db8::1/128", "2001:db8::1"],
    ["10.0.0.0/08", "10.0.0.0/8"],
    ["192.0.2.1/32", "192.0.2.1"],
    ["0.0.0.0/0", "0.0.0.0/0"],
  ])("the block %s", (text, expected) => expect(canonicalBlock(text)).toBe(expected));
});

describe("what is no host's address", () => {
  test.each([
    ["192.0.2.1", null],
    ["2001:db8::1", null],
    ["192.0.2.256", "must be an IPv4 or IPv6 address"],
    ["[2001:db8::1]", "must be an IPv4 or IPv6 address"],
    ["fe80::1%eth0", expect.stringContaining("without a zone")],
    ["::ffff:192.0.2.1", "must be given as the IPv4 address that it is"],
    ["::FFFF:c000:201", "must be given as the IPv4 address that it is"],
  ])("%s", (text, fault) => expect(addressFault(text)).toEqual(fault));

  test.each([
    ["192.0.2.0/24", null],
    ["::/0", null],
    ["192.0.2.0/33", expect.stringContaining("CIDR")],
    ["2001:db8::/129", expect.stringContaining("CIDR")],
    ["192.0.2.0/", expect.stringContaining("CIDR")],
    ["192.0.2.0/8/8", expect.stringContaining("CIDR")],
    ["::ffff:192.0.2.0/120", "must be given as the IPv4 address that it is"],
    ["fe80::%eth0/64", expect.stringContaining("without a zone")],
  ])("the block %s", (text, fault) => expect(blockFault(text)).toEqual(fault));
});

describe("within blocks, as a packet filter has it", () => {
  test.each([
    [["::/0"], "192.0.2.1", false],
    [["0.0.0.0/0"], "2001:db8::1", false],
    [["0.0.0.0/0", "::/0"], "192.0.2.1", true],
    [["::/0"], "2001:db8::1", true],
    [["192.0.2.0/24"], "192.0.2.9", true],
    [["192.0.2.7/24"], "192.0.2.9", true],
    [["192.0.2.9"], "192.0.2.9", true],
    [["192.0.2.8", "2001:db8::/32"], "192.0.2.9", false],
    [["2001:DB8:0::1"], "2001:db8::1", true],
  ])("%j, %s: %s", (blocks, address, expected) => expect(isWithin(blocks, address)).toBe(expected));
});

test("a peer as the system tells it", () => {
  expect(peerAddress("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(peerAddress("::ffff:c000:201")).toBe("192.0.2.1");
  expect(peerAddress("fe80::1%eth0")).toBe("fe80::1");
  expect(peerAddress("2001:DB8::1")).toBe("2001:db8::1");
  expect(peerAddress("192.0.2.1")).toBe("192.0.2.1");
});

test("with a port, and in a URL", () => {
  expect(hostPort("192.0.2.1", 22)).toBe("192.0.2.1:22");
  expect(hostPort("2001:db8::1", 22)).toBe("[2001:db8::1]:22");
  expect(hostPort("host-a.example", 22)).toBe("host-a.example:22");
  expect(fromUrl(new URL("https://[::1]:8501").hostname)).toBe("::1");
  expect(fromUrl("192.0.2.1")).toBe("192.0.2.1");
});
