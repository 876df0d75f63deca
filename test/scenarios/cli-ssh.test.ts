/**
 * The operator's way to a host, against the real sshd of a lab host: the agent's Unix socket through
 * SSH, commands, ssh itself, and a host that loses power in between. Where the agent will be, a socket
 * unit of systemd answers here, so that this file needs no deployed cluster.
 */
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostDeadlineMs } from "../../cli/hosts/agent-client.ts";
import { openShell } from "../../cli/hosts/open-shell.ts";
import { createSshLink, type SshAccess, wayTo } from "../../cli/hosts/ssh-link.ts";
import type { HostLink, StackHost } from "../../cli/ports.ts";
import { paths } from "../../contract/paths.ts";
import { askHost } from "../../infra/preflight/ask-host.ts";
import { sampleTopology } from "../../infra/testing/sample.ts";
import { hostOf, type Lab } from "../../lab/hosts/description.ts";
import { downLab, upLab } from "../../lab/hosts/lab.ts";
import { powerOff, powerOn } from "../../lab/hosts/power.ts";
import { sshArguments } from "../../lab/hosts/ssh.ts";
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

/**
 * SSH servers as they are out there, beside the host's own one: each is one sshd of its own on its own port. The
 * preflight asks (`pulumi up` goes no further than it), and the operator's commands.
 */
describe("an sshd", () => {
  /** What is asked of a host, in the words that an operator reads. */
  async function askedBy(user: string, more: Partial<StackHost["ssh"]>): Promise<string> {
    const { name, ...ssh } = wayTo({ ...host, ssh: { ...host.ssh, user, ...more } });
    const [sample] = sampleTopology().hosts;
    if (sample === undefined) throw new Error("the sample has no host");
    const answer = await askHost({ ...sample, name, ssh }, access.sshAccess.privateKey, { peers: [], adopt: null });
    if ("fault" in answer) return `${answer.fault.code}: ${answer.fault.message}`;
    return `uid ${answer.report.facts.uid} for ${answer.report.facts.client} on ${answer.report.facts.sshPort}`;
  }
  const commandsOf = (user: string, more: Partial<StackHost["ssh"]>): HostLink =>
    createSshLink(access, { ...host, ssh: { ...host.ssh, user, ...more } });

  /** One that listens at `port` until the host goes; true to `lines` first. */
  async function start(port: number, ...lines: string[]): Promise<void> {
    const config = [...lines, `Port ${port}`, "PidFile none", "HostKey /etc/ssh/ssh_host_ed25519_key", "UsePAM yes"];
    const script =
      'printf "%s\\n" "$1" > "/run/sshd-$2"; systemd-run --quiet --unit "sshd-$2" /usr/sbin/sshd -D -f "/run/sshd-$2"; ' +
      'until ss -Hltn "sport = :$2" | grep -q .; do sleep 0.05; done';
    const { code, stderr } = await link.run(["sh", "-c", script, "sh", config.join("\n"), String(port)]);
    expect(code, stderr).toBe(0);
  }
  const sftp = "Subsystem sftp internal-sftp";

  beforeAll(async () => {
    // admin may become root without a password, typist with one; both have root's key. mute may run nothing.
    const script =
      "for user in admin typist mute; do useradd --create-home --shell /bin/bash $user; cp -r /root/.ssh /home/$user/; " +
      "chown -R $user: /home/$user/.ssh; done; usermod --shell /usr/sbin/nologin mute; " +
      "echo 'admin ALL=(ALL) NOPASSWD:ALL\ntypist ALL=(ALL) ALL' > /etc/sudoers.d/test; " +
      "echo 'echo \"* Welcome *\"' > /home/admin/.bashrc; mkdir -p /opt/holdfast/bin";
    const { code, stderr } = await link.run(["sh", "-c", script]);
    expect(code, stderr).toBe(0);
    // As `pulumi up` would bring it: the stand-in for the agent is there already.
    await execa("ssh", [...sshArguments(lab, hostOf(lab, "host-a")), `cat > ${paths.node}; chmod 755 ${paths.node}`], {
      inputFile: realpathSync(process.execPath),
    });
  }, 60_000);

  test("that forwards nothing is no obstacle", async () => {
    await start(2201, sftp, "AllowTcpForwarding no", "DisableForwarding yes");
    expect(await askedBy("root", { port: 2201 })).toBe(`uid 0 for ${lab.gateway} on 2201`);
    const commands = commandsOf("root", { port: 2201 });
    expect(await commands.request(get)).toEqual({ status: 200, body });
    expect(await commands.run(["echo", "ran"])).toMatchObject({ code: 0, stdout: "ran\n" });
    commands.close();
  });

  test("that takes one login at a time serves all in the end", async () => {
    await start(2202, sftp, "MaxStartups 1:100:1");
    const asked = await Promise.all([1, 2, 3, 4].map(() => askedBy("root", { port: 2202 })));
    expect(new Set(asked)).toEqual(new Set([`uid 0 for ${lab.gateway} on 2202`]));
  });

  test("that runs something else is quoted", async () => {
    await start(2203, sftp, "ForceCommand echo This account is for backups.");
    const words = 'lets root in, but does not run what it is told: it says "This account is for backups."';
    expect(await askedBy("root", { port: 2203 })).toBe(`HF_HOST_LOGIN: host-a (${host.address}) ${words}`);
    const commands = commandsOf("root", { port: 2203 });
    await expect(commands.run(["id"])).rejects.toMatchObject({ code: "HF_HOST_LOGIN" });
    commands.close();
  });

  test("without SFTP, or one that a shell's greeting spoils, is told apart", async () => {
    await start(2204);
    expect(await askedBy("root", { port: 2204 })).toContain("HF_HOST_LOGIN: host-a");
    expect(await askedBy("root", { port: 2204 })).toContain("takes no files, for it has no working SFTP");
    await start(2205, "Subsystem sftp /usr/lib/openssh/sftp-server");
    expect(await askedBy("admin", { port: 2205 })).toContain("takes no files, for it has no working SFTP");
  });

  test("with nothing but a key exchange of after quantum computers is told what would do", async () => {
    await start(2206, sftp, "KexAlgorithms sntrup761x25519-sha512@openssh.com");
    expect(await askedBy("root", { port: 2206 })).toContain(
      "offers no key exchange that holdfast's SSH library knows: only sntrup761x25519-sha512@openssh.com",
    );
  });

  test("lets a user with sudo in, greeted by its shell, behind a jump host that is only that", async () => {
    await start(2207, sftp);
    await start(2208, "ForceCommand /bin/false", `PermitOpen ${host.address}:2207`);
    const { hostKey } = host.ssh;
    const way = { port: 2207, proxy: { host: host.address, port: 2208, user: "typist", hostKey } };
    expect(await askedBy("admin", way)).toBe(`uid 0 for ${host.address} on 2207`);
    const commands = commandsOf("admin", way);
    expect(await commands.request(get)).toEqual({ status: 200, body });
    expect(await commands.run(["id", "-un"])).toMatchObject({ code: 0, stdout: "root\n" });
    commands.close();
    const behind = { ...host, address: "192.0.2.1", ssh: { ...host.ssh, ...way, host: host.address, user: "admin" } };
    expect(await openShell(access, behind, ["sudo", "-n", "test", "-d", "/root/.ssh"])).toBe(0);
    expect(await askedBy("admin", { ...way, port: 2201 })).toContain(
      "does not open connections to others (AllowTcpForwarding): it cannot be the way to host-a",
    );
  });

  test.each([
    ["typist", 'gives typist no root rights: it says "sudo: a password is required"'],
    ["mute", 'lets mute in, but does not run what it is told: it says "This account is currently not available."'],
    ["nobody-here", "refused the SSH login of nobody-here"],
  ])("with the login %s", async (user, words) => {
    expect(await askedBy(user, {})).toContain(words);
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
