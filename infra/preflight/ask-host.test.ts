import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createKeyPair, type Lacks, startSshServer, type TestSshServer } from "../../ssh/testing/ssh-server.ts";
import { sampleTopology } from "../testing/sample.ts";
import { type Answer, accessFault, askHost } from "./ask-host.ts";

const { privateKey } = generateKeyPairSync("ec", {
  namedCurve: "prime256v1",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "sec1", format: "pem" },
});

test("a key that can be read keeps nobody out", () => expect(accessFault(privateKey)).toBeUndefined());

test("a key that was cut short is named once, and not shown", () => {
  const fault = accessFault(privateKey.slice(0, 80));
  expect(fault).toMatchObject({ code: "HF_CONFIG_INVALID" });
  expect(fault?.message).toMatch(/^holdfast:ssh.privateKey cannot be read: /);
  expect(fault?.message).not.toContain(privateKey.slice(40, 60));
});

test("no key and no ssh-agent", () => {
  expect(accessFault(undefined, "/run/agent.sock")).toBeUndefined();
  expect(accessFault(undefined, "")?.message).toContain("no ssh-agent runs here");
});

test("a port where nobody listens is told in words, with the host and what to do", async () => {
  const [host] = sampleTopology().hosts;
  if (host === undefined) throw new Error("the sample has no host");
  const answer = await askHost({ ...host, ssh: { ...host.ssh, host: "127.0.0.1", port: 1 } }, privateKey, {
    peers: [],
    adopt: null,
  });
  expect(answer).toEqual({
    fault: {
      code: "HF_HOST_UNREACHABLE",
      message:
        "host-a cannot be reached at root@127.0.0.1 port 1: the connection was refused: nothing listens there (ECONNREFUSED)",
      next:
        "Check that it has power and network, that sshd runs, and that address and port are right. To change the others meanwhile: " +
        "HOLDFAST_WITHOUT=host-a pulumi up. If its machine is lost: holdfast replace host-a for another one, or take host-a out of holdfast:hosts and put it into holdfast:gone.",
    },
  });
});

describe("a host that answers", () => {
  const client = createKeyPair();
  let sshd: TestSshServer;
  afterEach(async () => await sshd.close());

  async function ask(lacks: Lacks, user = "root"): Promise<Answer> {
    const script = join(mkdtempSync(join(tmpdir(), "holdfast-ask-host-")), "sudo");
    writeFileSync(script, '#!/bin/sh\nshift 2\nexec "$@"\n', { mode: 0o755 });
    sshd = await startSshServer(user, client, { PATH: `${dirname(script)}:${process.env.PATH}` }, lacks);
    const [host] = sampleTopology().hosts;
    if (host === undefined) throw new Error("the sample has no host");
    const { port, hostKey } = sshd;
    const ssh = { host: "127.0.0.1", port, hostKey, user, proxy: null };
    return await askHost({ ...host, ssh }, client.privateKey, { peers: [], adopt: null });
  }

  test.each(["root", "admin"])("is looked at by %s, also where its shell prints something first", async (user) => {
    const answer = await ask({ forced: 'echo "uid=77"; eval "$SSH_ORIGINAL_COMMAND"', patience: 2 }, user);
    expect(answer).toMatchObject({ report: { facts: { uid: process.getuid?.(), client: "127.0.0.1", sshPort: 22 } } });
  });

  test("but takes no files", async () => {
    expect(await ask({ sftp: true })).toMatchObject({
      fault: {
        code: "HF_HOST_LOGIN",
        message: expect.stringMatching(/^host-a \(127.0.0.1\) takes no files, for it has no working SFTP/),
        next: expect.stringContaining("Subsystem sftp internal-sftp"),
      },
    });
  });

  test("with other words than ours", async () => {
    expect(await ask({ forced: "echo This account is currently not available.; exit 1" })).toMatchObject({
      fault: { code: "HF_HOST_LOGIN", message: expect.stringContaining('"This account is currently not available."') },
    });
  });
});
