/**
 * The operator's way to a host, against the real sshd of a lab host: the agent's Unix socket through
 * SSH, commands, ssh itself, and a host that loses power in between. Where the agent will be, a socket
 * unit of systemd answers here, so that this file needs no deployed cluster.
 */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostDeadlineMs } from "../../cli/hosts/agent-client.ts";
import { openShell } from "../../cli/hosts/open-shell.ts";
import { createSshLink, type SshAccess } from "../../cli/hosts/ssh-link.ts";
import type { HostLink, StackHost } from "../../cli/ports.ts";
import { paths } from "../../contract/paths.ts";
import { hostOf, type Lab } from "../../lab/hosts/description.ts";
import { downLab, upLab } from "../../lab/hosts/lab.ts";
import { powerOff, powerOn } from "../../lab/hosts/power.ts";
import { createKeyPair } from "../../ssh/testing/ssh-server.ts";

const labName = "clissh";
const say = (line: string) => console.error(line);
const get = { method: "GET", path: "/status", timeoutMs: hostDeadlineMs } as const;

let lab: Lab;
let access: SshAccess;
let host: StackHost;
let link: HostLink;

beforeAll(async () => {
  lab = await upLab(labName, say, { hosts: ["host-a"] });
  const { name, address, user, port, hostKey } = hostOf(lab, "host-a");
  access = { agentSocket: paths.socket, sshAccess: { privateKey: readFileSync(lab.sshKeyFile, "utf8") } };
  host = { name, address, roles: ["neard", "consul"], zone: null, ssh: { user, port, hostKey } };
  link = createSshLink(access, host);
  // The first lab on a machine makes the hosts' image.
}, 900_000);

afterAll(async () => {
  link?.close();
  await downLab(labName, say);
}, 60_000);

const body = '{"standing":"in"}';
/** Files on the host: a socket, and for each connection a shell that reads a request and answers it. */
const standIn = {
  "/run/answer-once": String.raw`
while read -r line && [ "$(printf %s "$line" | tr -d '\r')" ]; do :; done
printf 'HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n%s' '${body}'`,
  "/run/systemd/system/answers.socket": `[Socket]\nListenStream=${paths.socket}\nAccept=yes`,
  "/run/systemd/system/answers@.service": "[Service]\nStandardInput=socket\nExecStart=/bin/sh /run/answer-once",
};

async function startStandIn(): Promise<void> {
  for (const [path, content] of Object.entries(standIn))
    await link.run(["sh", "-c", 'printf "%s\n" "$1" > "$2"', "sh", content, path]);
  const { code, stderr } = await link.run(["systemctl", "start", "answers.socket"]);
  expect(code, stderr).toBe(0);
}

describe("the agent's socket", () => {
  test("no socket: the host is there, its agent is not", async () => {
    await expect(link.request(get)).rejects.toMatchObject({ code: "HF_AGENT_UNREACHABLE" });
  });

  test("answers through sshd", async () => {
    await startStandIn();
    expect(await link.request(get)).toEqual({ status: 200, body });
  });

  test("another question on the open connection takes a moment only", async () => {
    const startMs = performance.now();
    await link.request(get);
    expect(performance.now() - startMs).toBeLessThan(500);
  });
});

describe("commands", () => {
  test("arguments arrive as they are, the exit code comes back", async () => {
    const result = await link.run(["sh", "-c", 'printf "%s|" "$@"; exit 4', "sh", "a b", "$HOME", "it's"]);
    expect(result).toMatchObject({ code: 4, stdout: "a b|$HOME|it's|" });
  });

  test("a following command ends on the host too, when it is not wanted any more", async () => {
    const stop = new AbortController();
    const follow = ["journalctl", "--follow", "--lines", "1"];
    await link.run(follow, { onStdout: () => stop.abort(), signal: stop.signal });
    // sshd closes the command's pipe; journalctl notices at the next line.
    await link.run(["logger", "one more line"]);
    await expect.poll(async () => (await link.run(["pgrep", "--exact", "journalctl"])).code, { timeout: 5000 }).toBe(1);
  });
});

describe("ssh", () => {
  const leftovers = () => readdirSync("/dev/shm").filter((name) => name.startsWith("holdfast-ssh-"));

  test("runs a command with the stack's key, hands its exit code on, and leaves no key behind", async () => {
    expect(await openShell(access, host, ["test", "-d", "/run/systemd/system"])).toBe(0);
    expect(await openShell(access, host, ["exit", "7"])).toBe(7);
    expect(leftovers()).toEqual([]);
  });

  test("refuses a host with another key", async () => {
    const [type, base64] = createKeyPair().publicKey.split(" ");
    const stranger = { ...host, ssh: { ...host.ssh, hostKey: `${type} ${base64}` } };
    expect(await openShell(access, stranger, ["true"])).toBe(255);
    await expect(createSshLink(access, stranger).request(get)).rejects.toMatchObject({ code: "HF_HOST_KEY_MISMATCH" });
    expect(leftovers()).toEqual([]);
  });
});

test("a host that loses power costs one deadline, and answers again when it is back", async () => {
  await link.request(get);
  await powerOff(lab, "host-a");
  for (const attempt of ["on the open connection", "on a new one"]) {
    const startMs = performance.now();
    await expect(link.request(get), attempt).rejects.toMatchObject({ code: "HF_HOST_UNREACHABLE" });
    expect(performance.now() - startMs, attempt).toBeLessThan(hostDeadlineMs + 500);
  }
  await powerOn(lab, "host-a");
  await expect.poll(async () => (await link.run(["true"]).catch(() => null))?.code, { timeout: 30_000 }).toBe(0);
});
