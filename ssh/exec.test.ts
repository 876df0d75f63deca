import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type Dialled, dial } from "./dial.ts";
import { type ExecOptions, type ExecResult, exec } from "./exec.ts";
import { explain, SshFailure } from "./failure.ts";
import { createKeyPair, type Lacks, startSshServer, type TestSshServer } from "./testing/ssh-server.ts";
import type { Way } from "./way.ts";

const client = createKeyPair();
const bin = mkdtempSync(join(tmpdir(), "holdfast-exec-"));
afterAll(() => rmSync(bin, { recursive: true }));

let server: TestSshServer;
let open: Dialled;
afterEach(async () => {
  open.destroy();
  await server.close();
});

async function on(
  user: string,
  lacks: Lacks,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult | string> {
  server = await startSshServer(user, client, { ...process.env, PATH: `${bin}:${process.env.PATH}` }, lacks);
  const { port, hostKey } = server;
  const way: Way = { name: "host-a", host: "127.0.0.1", port, user, hostKey, proxy: null };
  open = await dial(way, { privateKey: client.privateKey }, { withinMs: 5000, retryMs: 0 });
  try {
    return await exec(open.client, way, argv, options);
  } catch (error) {
    if (!(error instanceof SshFailure)) throw error;
    const { code, message, next } = explain(way, error);
    return `${code}: ${message}. ${next}`;
  }
}

function sudo(script: string): void {
  writeFileSync(join(bin, "sudo"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

describe("what a shell's start-up files print", () => {
  const banner = { forced: 'echo "* welcome *"; printf half; eval "$SSH_ORIGINAL_COMMAND"' };

  test("is no part of a program's output", async () => {
    expect(await on("root", banner, ["printf", "%s", '{"a":1}'])).toEqual({ code: 0, stdout: '{"a":1}', stderr: "" });
  });

  test("nor of what is listened to", async () => {
    const heard: string[] = [];
    await on("root", banner, ["echo", "ä"], { onStdout: (text) => heard.push(text) });
    expect(heard.join("")).toBe("ä\n");
  });
});

test("what the login's shell finds behind it goes through sudo", async () => {
  sudo('[ "$1 $2" = "-n --" ] || exit 9\nshift 2\nSSH_CONNECTION= exec "$@"');
  const script = { behind: '"$SSH_CONNECTION" <<\\END\necho "$1"\nEND\n' };
  expect(await on("debian", {}, ["sh", "-s", "--"], script)).toMatchObject({
    stdout: "127.0.0.1 40000 127.0.0.1 22\n",
  });
});

describe("what runs instead speaks for itself", () => {
  const first = "HF_HOST_LOGIN: host-a (127.0.0.1)";

  test("a ForceCommand, or a cloud's root", async () => {
    const forced = { forced: 'echo "Please login as the user \\"admin\\" rather than root."; exit 142' };
    expect(await on("root", forced, ["id"])).toBe(
      `${first} lets root in, but does not run what it is told: it says "Please login as the user "admin" rather than root.". ` +
        "Take away what stands in between (ForceCommand in sshd_config, command= in authorized_keys, a nologin shell, one that is not POSIX), or set another user.",
    );
  });

  test("an SFTP server, which waits for ever", async () => {
    expect(await on("root", { forced: "exec sleep 60" }, ["id"], { withinMs: 500 })).toContain(
      'it says "nothing of ours, within 0.5 s"',
    );
  });

  test("a shell that lets nobody in, without a word", async () => {
    expect(await on("root", { forced: "exit 1" }, ["id"])).toContain("does not run what it is told: it says nothing.");
  });

  test.each([
    ["a password", "echo 'sudo: a password is required' >&2; exit 1"],
    ["a terminal", "echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1"],
  ])("a sudo that wants %s", async (_, script) => {
    sudo(script);
    expect(await on("debian", {}, ["id"])).toMatch(
      /^HF_HOST_LOGIN: host-a .* gives debian no root rights: it says "sudo: .*debian ALL=\(ALL\) NOPASSWD:ALL/,
    );
  });

  test("no sudo", async () => {
    rmSync(join(bin, "sudo"), { force: true });
    const hidden = { forced: `PATH=/nonexistent; eval "$SSH_ORIGINAL_COMMAND"` };
    expect(await on("debian", hidden, ["id"])).toContain("gives debian no root rights");
  });
});

test("a program that is not there is the program's failure, not the login's", async () => {
  expect(await on("root", {}, ["/opt/none"])).toMatchObject({
    code: 127,
    stderr: expect.stringContaining("/opt/none"),
  });
});
