import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { testHost, testOutputs } from "../testing/cluster.ts";
import { openShell } from "./open-shell.ts";

const bin = mkdtempSync(join(tmpdir(), "holdfast-open-shell-"));
const seen = join(bin, "seen");
afterAll(() => rmSync(bin, { recursive: true }));

/** A stand-in for ssh: a shell script. */
function ssh(script: string): void {
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

beforeEach(() => {
  rmSync(seen, { force: true });
  vi.stubEnv("PATH", `${bin}:${process.env.PATH}`);
  return () => vi.unstubAllEnvs();
});

/** Notes arguments, and modes and content of the two files; names their directory. */
const note = `
for word in "$@"; do
  case $word in
    UserKnownHostsFile=*) known=\${word#*=};;
    IdentityFile=*) key=\${word#*=};;
  esac
done
{ echo "$@"; stat -c %a "$(dirname "$key")" "$key" "$known"; cat "$key" "$known"; dirname "$key"; } > ${seen}`;

test("ssh gets the pinned key and the private key in files of its own, which are gone afterwards", async () => {
  ssh(`${note}\nexit 3`);
  const host = testHost("host-a");
  expect(await openShell(testOutputs(), host, ["ls", "-l"])).toBe(3);
  const lines = readFileSync(seen, "utf8").trim().split("\n");
  expect(lines[0]).toMatch(/^-F \/dev\/null .*StrictHostKeyChecking=yes .*-p 22 -l root host-a.example -- ls -l$/);
  expect(lines.slice(1, 6)).toEqual(["700", "600", "600", "not a key", `host-a ${host.ssh.hostKey}`]);
  expect(existsSync(lines[6] ?? "")).toBe(false);
});

test("who ends us ends ssh, and the key's file is gone too", async () => {
  ssh(`${note}\nexec sleep 60`);
  const shell = openShell(testOutputs(), testHost("host-a"), []);
  await vi.waitUntil(() => existsSync(seen) && readFileSync(seen, "utf8").trim().split("\n").length === 7);
  process.emit("SIGHUP", "SIGHUP");
  expect(await shell).toBe(255);
  expect(existsSync(readFileSync(seen, "utf8").trim().split("\n")[6] ?? "")).toBe(false);
});

test("behind a jump host ssh goes through it, by its own pinned key", async () => {
  ssh(`${note}\ncat "$known" > ${seen}.known; printf '%s\\n' "$@" > ${seen}.words`);
  const { hostKey } = testHost("host-a").ssh;
  const proxy = { host: "2001:db8::1", port: 2200, user: "it's", hostKey: "ssh-ed25519 JUMP" };
  const host = { ...testHost("host-a"), ssh: { user: "root", port: 22, hostKey, host: "203.0.113.7", proxy } };
  expect(await openShell(testOutputs(), host, [])).toBe(0);
  expect(readFileSync(`${seen}.known`, "utf8")).toBe(`host-a ${hostKey}\njump.host ssh-ed25519 JUMP\n`);
  const words = readFileSync(`${seen}.words`, "utf8").trim().split("\n");
  expect(words.slice(-5)).toEqual(["-p", "22", "-l", "root", "203.0.113.7"]);
  const command = words.find((word) => word.startsWith("ProxyCommand="));
  expect(command).toMatch(/^ProxyCommand=ssh -W '\[%h\]:%p' -F \/dev\/null .*-o HostKeyAlias=jump.host /);
  expect(command).toMatch(/-p 2200 -l 'it'\\''s' 2001:db8::1$/);
});
