import { createPrivateKey, X509Certificate } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certify, makeAuthority } from "./certificates.ts";
import { integer, ipBytes, oid, time } from "./der.ts";

const nowMs = Date.UTC(2026, 10, 21);
const authority = makeAuthority("holdfast testnet", nowMs);
const host = certify(
  authority,
  { name: "host-a", dnsNames: ["host-a", "server.holdfast.consul"], addresses: ["127.0.0.1", "2001:db8::5"] },
  nowMs,
);
const parsed = new X509Certificate(host.certificate);
const issuer = new X509Certificate(authority.certificate);

describe("a host's certificate, as OpenSSL reads it", () => {
  test("is signed by the authority", () => {
    expect(parsed.verify(issuer.publicKey)).toBe(true);
    expect(parsed.checkIssued(issuer)).toBe(true);
    expect(parsed.verify(new X509Certificate(makeAuthority("other", nowMs).certificate).publicKey)).toBe(false);
  });
  test("is good for its names and addresses, and no others", () => {
    expect(parsed.checkHost("host-a")).toBe("host-a");
    expect(parsed.checkHost("server.holdfast.consul")).toBe("server.holdfast.consul");
    expect(parsed.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(parsed.checkIP("2001:db8::5")).toBe("2001:db8::5");
    expect(parsed.checkHost("host-b")).toBeUndefined();
    expect(parsed.checkIP("192.0.2.1")).toBeUndefined();
  });
  test("belongs to its key, and is no authority", () => {
    expect(parsed.checkPrivateKey(createPrivateKey(host.privateKey))).toBe(true);
    expect(parsed.ca).toBe(false);
    expect(issuer.ca).toBe(true);
    expect(parsed.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  });
  test("is valid from an hour ago, for ten years", () => {
    expect(parsed.validFromDate.getTime()).toBe(nowMs - 3_600_000);
    expect(parsed.validToDate.getUTCFullYear()).toBe(2036);
  });
});

test("no two are alike", () => {
  const again = certify(authority, { name: "host-a", dnsNames: [], addresses: ["192.0.2.1"] }, nowMs);
  expect(again.privateKey).not.toBe(host.privateKey);
  expect(new X509Certificate(again.certificate).serialNumber).not.toBe(parsed.serialNumber);
});

describe("DER", () => {
  test("numbers are positive, and as short as can be", () => {
    expect([...integer(Buffer.from([0, 0, 5]))]).toEqual([2, 1, 5]);
    expect([...integer(Buffer.from([0x80]))]).toEqual([2, 2, 0, 0x80]);
    expect([...integer(Buffer.from([0]))]).toEqual([2, 1, 0]);
  });
  test("object identifiers", () => expect(oid("1.2.840.10045.4.3.2").toString("hex")).toBe("06082a8648ce3d040302"));
  test("times change their form in 2050", () => {
    expect(time(new Date(Date.UTC(2049, 11, 31))).toString("latin1")).toBe("\x17\x0d491231000000Z");
    expect(time(new Date(Date.UTC(2050, 0, 1))).toString("latin1")).toBe("\x18\x0f20500101000000Z");
  });
  test("every IP address is its bytes", () => {
    fc.assert(
      fc.property(fc.ipV4(), (ip) => {
        expect([...ipBytes(ip)]).toEqual(ip.split(".").map(Number));
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        const canonical = (text: string) => new URL(`http://[${text}]`).hostname;
        const back = ipBytes(ip)
          .toString("hex")
          .replace(/.{4}(?=.)/g, "$&:");
        expect(canonical(back)).toBe(canonical(ip));
      }),
    );
  });
});
