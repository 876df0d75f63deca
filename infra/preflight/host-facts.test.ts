/** What the script says of whose a host is, run on this machine with holdfast's paths below a folder of the test. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deploymentId } from "../../contract/deployment.ts";
import { paths } from "../../contract/paths.ts";
import { type HostFacts, parseFacts, scriptFor, secretsIn } from "./host-facts.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "holdfast-facts-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const moved = (text: string) =>
  text
    .replaceAll(/\/(opt|etc|run|var\/lib)\/(holdfast|neard)/g, `${root}/$1/$2`)
    .replaceAll("/etc/fstab", `${root}/fstab`);
function write(path: string, text: string): void {
  mkdirSync(dirname(moved(path)), { recursive: true });
  writeFileSync(moved(path), text);
}
function ask(adopt: string | null): HostFacts {
  const script = moved(scriptFor({ peers: [], adopt }));
  const output = execFileSync("sh", ["-s"], { input: script, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] });
  const facts = parseFacts(`client=192.0.2.9\n${output}`);
  if (facts === undefined) throw new Error(output);
  return facts;
}

const certificate = (content: string) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(content).toString("base64")}\n-----END CERTIFICATE-----\n`;
const authorities = certificate("theirs") + certificate("before them");
const theirs = deploymentId(authorities) ?? "";

/** With systemd before 250, which leaves secrets where a test can put them. */
function deploy(): void {
  write(paths.caCertificate, authorities);
  write(paths.hostCertificate, "certificate");
  write(`${paths.unsealed}/consul-secrets`, '{"encrypt": "gossip"}\n');
  write(`${paths.unsealed}/tls-key`, "key\n");
}

test("a bare host says that it has nothing", () =>
  expect(ask(null)).toMatchObject({ identity: "", authorities: "", agentConfig: "", homeKind: "", unmounted: [] }));

test("secrets are told to whoever adopts the very deployment, by its authority or by its identity, and to nobody else", () => {
  deploy();
  expect(ask(null)).toMatchObject({ authorities });
  for (const adopt of [null, "hf-0123456789abcdef"]) expect(secretsIn(ask(adopt))).toBeNull();
  const secrets = {
    consulSecrets: '{"encrypt": "gossip"}\n',
    tlsKey: "key\n",
    certificate: "certificate",
    authorities,
    nodeKey: "",
  };
  expect(secretsIn(ask(theirs))).toEqual(secrets);
  write(paths.deployment, JSON.stringify({ id: "hf-aaaaaaaaaaaaaaaa", adopted: ["hf-0123456789abcdef"] }, null, 2));
  expect(secretsIn(ask("hf-0123456789abcdef"))).toEqual(secrets);
  expect(ask(null).identity).toContain("hf-aaaaaaaaaaaaaaaa");
});

test("file systems of neard that are not mounted: in fstab, or there when the host was deployed", () => {
  const data = moved(`${paths.neardHome}/data`);
  write(
    "/etc/fstab",
    `# /dev/sda ${data} ext4\n/dev/sdb ${data} ext4 nofail 0 2\n/dev/sdd ${moved(paths.neardHome)}-x ext4\n`,
  );
  expect(ask(null).unmounted).toEqual([data]);
  write("/etc/fstab", "");
  write(`${paths.specs}/neard.json`, JSON.stringify({ lines: ["[Unit]", `AssertPathIsMountPoint=${data}`] }, null, 2));
  expect(ask(null).unmounted).toEqual([data]);
});

test("an older neard's data, in a folder or behind a link", () => {
  write(`${paths.neardHome}/config.json`, "{}");
  mkdirSync(moved(`${paths.neardHome}/lost+found`));
  expect(ask(null)).toMatchObject({ homeKind: "directory", homeHolds: ["config.json"] });
});
