import { expect, test } from "vitest";
import { parse } from "yaml";
import { cloudInitFiles } from "./seed.ts";

const spec = {
  name: "host-a",
  address: "10.77.3.11",
  server: { id: 1_000_021, name: "holdfast-localnet-host-a" },
  userData: "#cloud-config\nssh_pwauth: false\n",
  publicKeys: ["ssh-ed25519 AAAA operator"],
};

test("cloud-init finds who the server is and what it was told, for root's eyes alone", () => {
  const files = cloudInitFiles(spec);
  const at = (name: string) => files[`var/lib/cloud/seed/nocloud/${name}`];
  expect(parse(at("meta-data")?.content ?? "")).toEqual({
    "instance-id": "1000021",
    "local-hostname": "holdfast-localnet-host-a",
    "public-keys": ["ssh-ed25519 AAAA operator"],
  });
  expect(at("user-data")).toEqual({ content: spec.userData, mode: 0o600 });
  expect(at("meta-data")?.mode).toBe(0o600);
});

test("a server that was told nothing is an instance too", () => {
  expect(cloudInitFiles({ ...spec, userData: "" })["var/lib/cloud/seed/nocloud/user-data"]?.content).toBe(
    "#cloud-config\n{}\n",
  );
});
