import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { paths } from "../../contract/paths.ts";
import { createKeyPair, startSshServer, type TestSshServer } from "../../ssh/testing/ssh-server.ts";
import type { HostLink, StackHost } from "../ports.ts";
import { createSshLink, type SshAccess } from "./ssh-link.ts";

const client = createKeyPair();
const directory = mkdtempSync(join(tmpdir(), "holdfast-ssh-link-"));
const socketPath = join(directory, "agent.sock");
const posted: string[] = [];
let agent: Server;
let sshd: TestSshServer;
let link: HostLink;

function host({ host, user, proxy, ...ssh }: Partial<StackHost["ssh"]> = {}): StackHost {
  const { port = sshd.port, hostKey = sshd.hostKey } = ssh;
  return {
    name: "host-a",
    address: "127.0.0.1",
    roles: ["neard"],
    zone: null,
    ssh: { user: user ?? "root", port, hostKey, ...(host === undefined ? {} : { host }), proxy },
  };
}

function access(overrides: { agentSocket?: string; privateKey?: string } = {}): SshAccess {
  const { agentSocket = socketPath, privateKey = client.privateKey } = overrides;
  return { agentSocket, sshAccess: { privateKey } };
}

beforeAll(async () => {
  agent = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      if (request.url === "/never") return;
      if (request.method === "POST") posted.push(body);
      response.writeHead(request.method === "POST" ? 202 : 200).end(JSON.stringify({ asked: request.url }));
    });
  });
  await new Promise<void>((resolve) => agent.listen(socketPath, resolve));
});

beforeEach(async () => {
  sshd = await startSshServer("root", client);
  link = createSshLink(access(), host());
});

afterEach(async () => {
  link.close();
  await sshd.close();
});

afterAll(() => {
  agent.closeAllConnections();
  agent.close();
  rmSync(directory, { recursive: true });
});

const get = (path: string, timeoutMs = 3000) => ({ method: "GET", path, timeoutMs }) as const;

describe("the agent's socket through SSH", () => {
  test("answers on one connection, also to questions at the same time", async () => {
    const answers = await Promise.all([link.request(get("/status")), link.request(get("/history"))]);
    expect(answers.map((answer) => JSON.parse(answer.body).asked)).toEqual(["/status", "/history"]);
  });

  test("a body goes as JSON", async () => {
    const response = await link.request({ method: "POST", path: "/pause", body: { reason: "wö" }, timeoutMs: 3000 });
    expect(response.status).toBe(202);
    expect(JSON.parse(posted.at(-1) ?? "")).toEqual({ reason: "wö" });
  });

  test("connects anew after the connection was cut", async () => {
    await link.request(get("/status"));
    sshd.cutConnections();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await link.request(get("/again"))).status).toBe(200);
  });

  test("an agent that does not answer costs the deadline and no more", async () => {
    const start = performance.now();
    await expect(link.request(get("/never", 300))).rejects.toMatchObject({ code: "HF_HOST_UNREACHABLE" });
    expect(performance.now() - start).toBeLessThan(1500);
  });

  test("without a socket there is no agent", async () => {
    const other = createSshLink(access({ agentSocket: join(directory, "none.sock") }), host());
    await expect(other.request(get("/status"))).rejects.toMatchObject({ code: "HF_AGENT_UNREACHABLE" });
    other.close();
  });
});

/** The host's Node is the one that runs this test. */
const withNode = { forced: `eval "$(printf %s "$SSH_ORIGINAL_COMMAND" | sed 's|${paths.node}|${process.execPath}|')"` };

describe("an sshd that opens no sockets (AllowStreamLocalForwarding no, DisableForwarding)", () => {
  test("is no obstacle, also where a shell prints something first", async () => {
    const forced = `echo Welcome; ${withNode.forced}`;
    const server = await startSshServer("root", client, process.env, { forwarding: true, forced });
    const other = createSshLink(access(), host(server));
    const answers = await Promise.all([other.request(get("/status")), other.request(get("/history"))]);
    expect(answers.map((answer) => JSON.parse(answer.body).asked)).toEqual(["/status", "/history"]);
    other.close();
    await server.close();
  });

  test("whose words are not the agent's", async () => {
    const forced = "echo 'This account is for backups.'";
    const server = await startSshServer("root", client, process.env, { forwarding: true, forced });
    const other = createSshLink(access(), host(server));
    const failure = { code: "HF_HOST_LOGIN", message: expect.stringContaining('"This account is for backups."') };
    await expect(other.request(get("/status"))).rejects.toMatchObject(failure);
    await expect(other.run(["id"])).rejects.toMatchObject(failure);
    other.close();
    await server.close();
  });
});

test("a host that is reached elsewhere than by its cluster, through a jump host", async () => {
  const jump = await startSshServer("jump", client);
  const proxy = { host: "127.0.0.1", port: jump.port, user: "jump", hostKey: jump.hostKey };
  const inner = { ...host({ host: "127.0.0.1", proxy }), address: "192.0.2.11" };
  const behind = createSshLink(access(), inner);
  expect(JSON.parse((await behind.request(get("/status"))).body)).toEqual({ asked: "/status" });
  expect(jump.taken).toBe(1);
  behind.close();
  await jump.close();
});

test("a login that is not root reaches the socket through sudo and the host's own Node", async () => {
  const sudo = join(directory, "sudo");
  writeFileSync(sudo, `#!/bin/sh\n[ "$1 $2" = "-n --" ] || exit 9\nshift 2\nexec "$@"\n`, { mode: 0o755 });
  const server = await startSshServer("debian", client, { PATH: `${directory}:${process.env.PATH}` }, withNode);
  const { port, hostKey } = server;
  const debian = createSshLink(access(), host({ user: "debian", port, hostKey }));
  expect(JSON.parse((await debian.request(get("/status"))).body)).toEqual({ asked: "/status" });
  const none = createSshLink(access({ agentSocket: join(directory, "none") }), host({ user: "debian", port, hostKey }));
  await expect(none.request(get("/status"))).rejects.toMatchObject({
    code: "HF_AGENT_UNREACHABLE",
    message: expect.stringContaining("ENOENT"),
  });
  debian.close();
  none.close();
  await server.close();
});

describe("the connection", () => {
  test("a host with another key is refused before it learns who we are", async () => {
    const stranger = createSshLink(access(), host({ hostKey: createKeyPair().publicKey }));
    await expect(stranger.request(get("/status"))).rejects.toMatchObject({ code: "HF_HOST_KEY_MISMATCH" });
  });

  test("a host that has no key of the pinned kind counts as another one", async () => {
    const rsa = ssh2RsaPublicKey();
    const stranger = createSshLink(access(), host({ hostKey: rsa }));
    await expect(stranger.request(get("/status"))).rejects.toMatchObject({ code: "HF_HOST_KEY_MISMATCH" });
  });

  test("a malformed pinned key is refused", async () => {
    const malformed = createSshLink(access(), host({ hostKey: "ssh-ed25519 AAAA" }));
    await expect(malformed.request(get("/status"))).rejects.toMatchObject({ code: "HF_CONFIG_INVALID" });
  });

  test("a closed port is an unreachable host, and the message names it", async () => {
    const closed = createSshLink(access(), host({ port: 1 }));
    await expect(closed.request(get("/status"))).rejects.toMatchObject({
      code: "HF_HOST_UNREACHABLE",
      message:
        "host-a cannot be reached at root@127.0.0.1 port 1: the connection was refused: nothing listens there (ECONNREFUSED).",
    });
  });

  test("a refused login says so", async () => {
    const other = createSshLink(access({ privateKey: createKeyPair().privateKey }), host());
    await expect(other.request(get("/status"))).rejects.toMatchObject({
      code: "HF_HOST_UNREACHABLE",
      message: expect.stringContaining("refused the SSH login of root"),
    });
  });
});

describe("programs", () => {
  const argv = ["sh", "-c", "echo 'ä  b'; echo no >&2; exit 3"];

  test("output, errors and exit code come back", async () => {
    expect(await link.run(argv)).toEqual({ code: 3, stdout: "ä  b\n", stderr: "no\n" });
  });

  test("output that somebody listens to is not kept", async () => {
    const heard: string[] = [];
    const result = await link.run(argv, { onStdout: (text) => heard.push(text) });
    expect(heard.join("")).toBe("ä  b\n");
    expect(result).toEqual({ code: 3, stdout: "", stderr: "no\n" });
  });

  test("a program that goes on ends with the signal", async () => {
    const stop = new AbortController();
    const forever = ["sh", "-c", "echo on; exec sleep 60"];
    const result = await link.run(forever, { onStdout: () => stop.abort(), signal: stop.signal });
    expect(result.code).toBeNull();
  });

  test("a connection that breaks ends it without an exit code", async () => {
    const forever = ["sh", "-c", "echo on; exec sleep 60"];
    expect(await link.run(forever, { onStdout: () => sshd.cutConnections() })).toMatchObject({ code: null });
  });
});

/** The public half of an RSA key, as known_hosts has it. */
function ssh2RsaPublicKey(): string {
  const field = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const blob = Buffer.concat([
    field(Buffer.from("ssh-rsa")),
    field(Buffer.from([1, 0, 1])),
    field(Buffer.concat([Buffer.from([0, 0x80]), Buffer.alloc(255, 7)])),
  ]);
  return `ssh-rsa ${blob.toString("base64")}`;
}
