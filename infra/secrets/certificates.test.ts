import "reflect-metadata/lite";
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certify, makeAuthority } from "./certificates.ts";

const nowMs = Date.UTC(2026, 10, 21);
const authority = await makeAuthority("holdfast testnet", nowMs);
const host = await certify(
  authority,
  { name: "host-a", dnsNames: ["host-a", "server.holdfast.consul"], addresses: ["127.0.0.1", "2001:db8::5"] },
  nowMs,
);
const parsed = new X509Certificate(host.certificate);
const issuer = new X509Certificate(authority.certificate);

describe("a host's certificate, as OpenSSL reads it", () => {
  test("is signed by the authority", async () => {
    expect(parsed.verify(issuer.publicKey)).toBe(true);
    expect(parsed.checkIssued(issuer)).toBe(true);
    expect(parsed.verify(new X509Certificate((await makeAuthority("other", nowMs)).certificate).publicKey)).toBe(false);
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

test("no two are alike", async () => {
  const again = await certify(authority, { name: "host-a", dnsNames: [], addresses: ["192.0.2.1"] }, nowMs);
  expect(again.privateKey).not.toBe(host.privateKey);
  expect(new X509Certificate(again.certificate).serialNumber).not.toBe(parsed.serialNumber);
});

/** Made in November 2026 by the code that wrote certificates before; it guards nothing. */
const oldAuthority = {
  name: "holdfast testnet",
  certificate: `-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIQVSHg0sPLUOFNznRA4cFUAjAKBggqhkjOPQQDAjAbMRkw
FwYDVQQDDBBob2xkZmFzdCB0ZXN0bmV0MB4XDTI2MTExOTIzMDAwMFoXDTM2MTEy
MDAwMDAwMFowGzEZMBcGA1UEAwwQaG9sZGZhc3QgdGVzdG5ldDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABJNS82lny+RX6rB99jWUWhzU8C45Nca5Iv5ahelz1pkG
YQ0Cng7IA9wRikl7Pwff51A4NrgVwI4lXoZPKTsGZ2KjRTBDMBIGA1UdEwEB/wQI
MAYBAf8CAQAwDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBSGLHrInhtH5LC1VEEp
ipK4Ha0c+jAKBggqhkjOPQQDAgNIADBFAiEA4gvNhTc9MEmjlDZi58AemUukAp/C
VVqrWL5gc4skjZ4CIFQR9dbBjd5uF9O25yiX0yIavgM1IujqxZZbpuqn+4kd
-----END CERTIFICATE-----
`,
  privateKey: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghKUCGyy1aBAg9o80
VUFd8y5jl4pZYWvBW04FaDRC/K+hRANCAASTUvNpZ8vkV+qwffY1lFoc1PAuOTXG
uSL+WoXpc9aZBmENAp4OyAPcEYpJez8H3+dQODa4FcCOJV6GTyk7Bmdi
-----END PRIVATE KEY-----
`,
};

describe.each([
  ["a new authority", authority],
  ["an authority that an earlier version has made", oldAuthority],
])("a certificate from %s", (_which, by) => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "certificates-"));
    const made = await certify(by, { name: "host-b", dnsNames: ["host-b"], addresses: ["192.0.2.2"] }, nowMs);
    writeFileSync(join(folder, "authority.pem"), by.certificate);
    writeFileSync(join(folder, "host.pem"), made.certificate);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("is accepted by openssl, strictly, in both its uses", () => {
    for (const purpose of ["sslserver", "sslclient"]) {
      const flags = ["-x509_strict", "-attime", String(nowMs / 1000), "-purpose", purpose];
      const files = ["-CAfile", join(folder, "authority.pem"), join(folder, "host.pem")];
      expect(execFileSync("openssl", ["verify", ...flags, ...files], { encoding: "utf8" })).toMatch(/: OK$/m);
    }
  });
  test("names its issuer in the same bytes, for that is how Go looks for it", () => {
    const subject = new x509.X509Certificate(by.certificate).subjectName.toArrayBuffer();
    const issuerName = new x509.X509Certificate(readFileSync(join(folder, "host.pem"), "utf8")).issuerName;
    expect(Buffer.from(issuerName.toArrayBuffer()).equals(Buffer.from(subject))).toBe(true);
  });
});
