/** A sound configuration for tests, and what follows from it. Addresses are those of RFC 5737. */
import { generateValidatorKey, keyFileJson } from "../../contract/near-key.ts";
import { type Settings, type SettingsInput, settingsSchema } from "../config/schema.ts";
import { type Topology, topologyFrom } from "../config/topology.ts";
import type { ArtifactsByArch } from "../plan/deployment.ts";
import type { HostArtifacts } from "../plan/uploads.ts";

export const sampleKey = generateValidatorKey("validator.localnet");

type HostInput = SettingsInput["hosts"][number];
type Roles = NonNullable<HostInput["roles"]>;
export type SampleHost = HostInput & { readonly roles: Roles };

export function sampleHost(name: string, last: number, roles: Roles, more: Partial<SampleHost> = {}): SampleHost {
  return { name, address: `192.0.2.${last}`, hostKey: sampleHostKey(name), roles, ...more };
}

/** Of the right form; no project has it. */
export const sampleToken = "Abcdefgh12345678".repeat(4);

type HcloudInput = NonNullable<SettingsInput["hcloud"]>;

/** What makes hosts at Hetzner Cloud; the sample's private key is none whose public half could be told. */
export function sampleHcloud(more: Partial<HcloudInput> = {}): HcloudInput {
  return { token: sampleToken, sshPublicKey: sampleHostKey("operator"), ...more };
}

/** A host at Hetzner Cloud by as little as one can say. */
export function sampleCloudHost(name: string, more: Partial<HostInput> = {}): HostInput {
  return { name, cloud: { location: "fsn1" }, ...more };
}

/** Three hosts at three locations, one of them an arbiter. */
export function sampleCloudInput(more: Partial<SettingsInput> = {}): SettingsInput {
  return sampleInput({
    hcloud: sampleHcloud(),
    hosts: [
      sampleCloudHost("host-a"),
      sampleCloudHost("host-b", { cloud: { location: "nbg1" } }),
      sampleCloudHost("host-c", { cloud: { location: "hel1" }, roles: ["consul"] }),
    ],
    ...more,
  });
}

/** Of the right form; nobody connects. */
export function sampleHostKey(name: string): string {
  const part = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const key = Buffer.alloc(32, `host key of ${name}`);
  return `ssh-ed25519 ${Buffer.concat([part(Buffer.from("ssh-ed25519")), part(key)]).toString("base64")}`;
}

/** Two validators and an arbiter. */
export function sampleInput(more: Partial<SettingsInput> = {}): SettingsInput {
  return {
    network: "localnet",
    validator: { account: "validator.localnet" },
    validatorKey: keyFileJson(sampleKey),
    ssh: { privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n" },
    hosts: [
      sampleHost("host-a", 11, ["consul", "neard"], { zone: "rack-1" }),
      sampleHost("host-b", 12, ["consul", "neard"], { zone: "rack-2" }),
      sampleHost("host-c", 13, ["consul"], { zone: "rack-3" }),
    ],
    neard: {
      version: "2.13.4",
      artifact: { source: "neard" },
      genesis: { source: "genesis.json" },
      bootNodes: ["ed25519:86EtEy7epneKyrcJwSWP7zsisTkfDRH5CFVszt4qiQYw@192.0.2.1:24567"],
    },
    ...more,
  };
}

/** As Pulumi hands a configuration over: texts, objects as JSON. */
export function asPulumiGives(values: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `holdfast:${name}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

export function sampleSettings(more: Partial<SettingsInput> = {}): Settings {
  return settingsSchema.parse(sampleInput(more));
}

export function sampleTopology(more: Partial<SettingsInput> = {}): Topology {
  return topologyFrom(sampleSettings(more), "ed25519:86EtEy7epneKyrcJwSWP7zsisTkfDRH5CFVszt4qiQYw");
}

const artifact = (name: string, digit: string) => ({ name, sha256: digit.repeat(64) });

export const sampleArtifacts: HostArtifacts = {
  node: artifact("node", "1"),
  holdfastd: artifact("holdfastd", "2"),
  consul: artifact("consul", "3"),
  neard: artifact("neard", "4"),
  genesis: artifact("genesis", "5"),
};

export const sampleArtifactsByArch: ArtifactsByArch = { x64: sampleArtifacts, arm64: sampleArtifacts };
