import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { makeKeyPair } from "../../ssh/key-pair.ts";
import { mostUserDataBytes, userData } from "./user-data.ts";

const pair = makeKeyPair("host-a");
const text = userData(pair);
const config = parse(text);

test("is cloud-config, and far below what Hetzner takes", () => {
  expect(text.startsWith("#cloud-config\n")).toBe(true);
  expect(Buffer.byteLength(text)).toBeLessThan(mostUserDataBytes / 8);
});

test("gives the server its host key and no other", () =>
  expect(config).toMatchObject({
    ssh_deletekeys: true,
    ssh_genkeytypes: [],
    ssh_keys: { ed25519_private: pair.privateKey, ed25519_public: pair.publicKey },
    ssh_pwauth: false,
    disable_root: false,
  }));

test("tells networkd of the private interface, however it is called and whenever it comes, and of no other", () => {
  const [file] = config.write_files;
  expect(file.path).toMatch(/^\/etc\/systemd\/network\/05-.*\.network$/);
  const lines = file.content.split("\n");
  for (const line of [
    "Driver=virtio_net",
    "Name=!eth0",
    "DHCP=ipv4",
    "MTUBytes=1450",
    "RequiredForOnline=no",
    "UseGateway=no",
  ])
    expect(lines).toContain(line);
  expect(file.content).not.toContain("MACAddress");
});

test("its commands are shell, and none of them stops the others", () => {
  for (const command of config.runcmd) {
    execFileSync("sh", ["-n", "-c", command]);
    expect(command).toMatch(/\|\| true$/);
  }
});
