/**
 * The command plugin against a real OpenSSH server: what it does, and the exact words in which it fails, as
 * they were seen on the official plugin 1.2.1.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { copyToRemote } from "../../toolchain/command-plugin/copy.ts";
import { type Connection, dial } from "../../toolchain/command-plugin/dial.ts";
import { runLocal } from "../../toolchain/command-plugin/local-command.ts";
import {
  type CommandContext,
  type CommandInputs,
  type Results,
  runRemote,
} from "../../toolchain/command-plugin/remote-command.ts";
import type { Source } from "../../toolchain/command-plugin/values.ts";
import { freePort, listen, makeKey, type Sshd, sshdIsInstalled, startSshd } from "./command-plugin/sshd.ts";

const none: Results = { stdout: "", stderr: "" };
let directory: string;
let sshd: Sshd;
let notes: string[];
let context: CommandContext;

beforeAll(async () => {
  delete process.env.SSH_AUTH_SOCK; // it would be one more way to log in
  directory = mkdtempSync(join(tmpdir(), "command-plugin-"));
  if (sshdIsInstalled) sshd = await startSshd(join(directory, "sshd"));
});

afterAll(() => {
  sshd?.stop();
  rmSync(directory, { recursive: true, force: true });
});

beforeEach(() => {
  notes = [];
  const note = (kind: string) => (message: string) => void notes.push(`${kind}${message}`);
  context = { note: note(""), warn: note("warning: "), fail: note("error: "), signal: new AbortController().signal };
});

const withConnection = (changes: Partial<Connection>): Connection => ({ ...sshd.connection, ...changes });
const without = (name: "hostKey" | "privateKey"): Connection => {
  const { [name]: _, ...rest } = sshd.connection;
  return rest;
};
const remote = (
  command: string,
  inputs: CommandInputs = {},
  previous = none,
  connection = sshd.connection,
): Promise<Results> => runRemote(command, { ...inputs, connection }, previous, context);
const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "it worked",
    (error: Error) => error.message,
  );
const dialError = (connection: Connection): Promise<string> =>
  messageOf(dial(connection, context).then(({ close }) => close()));

describe.skipIf(!sshdIsInstalled)("a remote command", () => {
  test("cuts one final newline of each stream and logs every line", async () => {
    expect(await remote("printf 'a\\n\\n'; echo b >&2")).toEqual({ stdout: "a\n", stderr: "b" });
    expect(notes).toEqual(expect.arrayContaining(["a", "", "b"]));
  });

  test("logs what its logging asks for, and keeps both streams all the same", async () => {
    expect(await remote("echo a; echo b >&2", { logging: "stderr" })).toEqual({ stdout: "a", stderr: "b" });
    expect(notes).toEqual(["b"]);
  });

  test("reads its stdin to the end, or leaves it", async () => {
    const megabyte = "x".repeat(1024 * 1024);
    expect((await remote("wc -c", { stdin: megabyte })).stdout).toBe("1048576");
    expect((await remote("head -c 1", { stdin: megabyte })).stdout).toBe("x");
    expect((await remote("true", { stdin: megabyte })).stdout).toBe("");
    expect((await remote("wc -c")).stdout).toBe("0");
  });

  test("takes a line of 5 MB and output that is not logged", async () => {
    expect((await remote("head -c 5000000 /dev/zero | tr '\\0' x", { logging: "none" })).stdout).toHaveLength(
      5_000_000,
    );
    expect((await remote("head -c 100000 /dev/zero | tr '\\0' x; echo")).stdout).toHaveLength(100_000);
  });

  test("fails after it ran when its output is not UTF-8", async () => {
    const file = join(directory, "ran");
    expect(await messageOf(remote(`touch ${file}; printf '\\377'`))).toBe(
      "grpc: error while marshaling: string field contains invalid UTF-8",
    );
    expect(existsSync(file)).toBe(true);
  });

  test("fails with its status or signal, its text quoted, and both streams", async () => {
    const command = 'echo "o\tut"; sleep 0.2; echo err >&2; exit 3';
    expect(await messageOf(remote(command))).toBe(
      'Process exited with status 3: running "echo \\"o\\tut\\"; sleep 0.2; echo err >&2; exit 3":\no\tut\nerr\n',
    );
    expect(await messageOf(remote("kill -9 $$"))).toBe(
      'Process exited with status 137 from signal KILL: running "kill -9 $$":\n',
    );
  });

  test("fails when the session is lost", async () => {
    const said = await messageOf(remote("echo begun; sleep 0.1; kill -9 $PPID; sleep 5"));
    expect(said).toContain(
      'wait: remote command exited without exit status or exit signal: running "echo begun; sleep 0.1; kill -9 $PPID; sleep 5":\nbegun\n',
    );
    expect(said).toContain("(HF_HOST_UNREACHABLE, see docs/errors.md)");
  });

  test("waits for a background child that holds its output, and only for such a one", async () => {
    const startedAt = performance.now();
    expect((await remote("(sleep 1; echo late) & echo early")).stdout).toBe("early\nlate");
    expect(performance.now() - startedAt).toBeGreaterThan(900);
    const againAt = performance.now();
    await remote("sleep 5 > /dev/null 2>&1 &");
    expect(performance.now() - againAt).toBeLessThan(4_000);
  });

  test("gets an environment that the server accepts", async () => {
    const environment = { ALLOWED_A: "with spaces", ALLOWED_B: "", ALLOWED_C: "x".repeat(50_000) };
    const { stdout } = await remote('echo "$ALLOWED_A"; env | grep -c ^ALLOWED_B=; printf %s "$ALLOWED_C" | wc -c', {
      environment,
    });
    expect(stdout).toBe("with spaces\n1\n50000");
  });

  test("does not run when the server refuses a variable", async () => {
    const file = join(directory, "must-not-run");
    expect(await messageOf(remote(`touch ${file}`, { environment: { FOO: "1" } }))).toBe(
      'could not set environment variable "FOO": ssh: setenv failed',
    );
    expect(notes[0]).toMatch(
      /^error: Unable to set 'FOO'\. This only works if .*accept\n\tthese variables via AcceptEnv\. /,
    );
    expect(existsSync(file)).toBe(false);
  });

  test("gets the last output where it can, and a warning where it cannot", async () => {
    const previous = { stdout: "before", stderr: "trouble" };
    expect((await remote('echo "$PULUMI_COMMAND_STDOUT|$PULUMI_COMMAND_STDERR"', {}, previous)).stdout).toBe("before|");
    expect(notes[0]).toContain("warning: Unable to set 'PULUMI_COMMAND_STDERR'");
    notes.length = 0;
    const silent = await remote('echo "$PULUMI_COMMAND_STDOUT"', { addPreviousOutputInEnv: false }, previous);
    expect(silent.stdout).toBe("");
    expect(notes).toEqual([""]);
  });

  test("leaves no connection behind", async () => {
    await remote("true");
    await pause(300);
    const sessions = execFileSync("ss", ["-tnH", "state", "established", "dport", "=", `:${sshd.connection.port}`]);
    expect(sessions.toString()).toBe("");
  });
});

describe.skipIf(!sshdIsInstalled)("the host key", () => {
  test("may be absent, or in any of its forms", async () => {
    const [type, base64] = sshd.hostKey.split(" ");
    const forms = [
      `${type} ${base64}`,
      `${sshd.hostKey}\n`,
      `[127.0.0.1]:22 ${type} ${base64}`,
      `# a\n\n${type} ${base64}`,
    ];
    expect(await dialError(without("hostKey"))).toBe("it worked");
    for (const hostKey of forms) expect(await dialError(withConnection({ hostKey }))).toBe("it worked");
  });

  test("must be the pinned one", async () => {
    makeKey(join(directory, "other-host"));
    const hostKey = readFileSync(join(directory, "other-host.pub"), "utf8");
    expect(await dialError(withConnection({ hostKey }))).toBe(
      "after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch",
    );
    expect(notes).toEqual(["Dial 1/1 failed: retrying"]);
  });

  test("must be of a type that the server has", async () => {
    execFileSync("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", join(directory, "ecdsa")]);
    const hostKey = readFileSync(join(directory, "ecdsa.pub"), "utf8");
    expect(await dialError(withConnection({ hostKey, dialErrorLimit: 0 }))).toBe(
      "after 0 failed attempts: ssh: handshake failed: ssh: no common algorithm for host key; we offered: [ecdsa-sha2-nistp256], peer offered: [ssh-ed25519]",
    );
  });

  test.each(["garbage", "", "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDgL1XtLxfSf7rTbdY"])(
    "%j is refused at once",
    async (hostKey) => {
      expect(await dialError(withConnection({ hostKey }))).toBe("failed to parse host key: ssh: no key found");
      expect(notes).toEqual([]);
    },
  );
});

describe.skipIf(!sshdIsInstalled)("logging in", () => {
  test("private keys that cannot be used are refused at once", async () => {
    const encrypted = makeKey(join(directory, "encrypted"), "secret");
    const cases: [Partial<Connection>, string][] = [
      [{ privateKey: "garbage" }, "ssh: no key found"],
      [{ privateKey: readFileSync(join(directory, "encrypted.pub"), "utf8") }, "ssh: no key found"],
      [{ privateKey: encrypted }, "ssh: this private key is passphrase protected"],
      [{ privateKey: encrypted, privateKeyPassword: "wrong" }, "x509: decryption password incorrect"],
      [{ privateKeyPassword: "secret" }, "ssh: key is not password protected"],
    ];
    for (const [changes, message] of cases) expect(await dialError(withConnection(changes))).toBe(message);
    expect(notes).toEqual([]);
  });

  test("an encrypted key with its password, and a key without its final newline", async () => {
    const path = join(sshd.directory, "id");
    const copy = join(directory, "with-password");
    execFileSync("cp", [path, copy]);
    execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "secret", "-f", copy]);
    const privateKey = readFileSync(copy, "utf8");
    expect(await dialError(withConnection({ privateKey, privateKeyPassword: "secret" }))).toBe("it worked");
    expect(await dialError(withConnection({ privateKey: readFileSync(path, "utf8").trimEnd() }))).toBe("it worked");
  });

  test("the error tells what was attempted", async () => {
    const privateKey = makeKey(join(directory, "stranger"));
    const failed = (attempted: string): string =>
      `after 0 failed attempts: ssh: handshake failed: ssh: unable to authenticate, attempted methods [${attempted}], no supported methods remain`;
    expect(await dialError(withConnection({ privateKey, dialErrorLimit: 0 }))).toBe(failed("none publickey"));
    expect(await dialError({ ...without("privateKey"), dialErrorLimit: 0 })).toBe(failed("none"));
    expect(await dialError({ ...without("privateKey"), password: "no", dialErrorLimit: 0 })).toMatch(
      /attempted methods \[none password/,
    );
  });

  test("an agent has the key, is not asked after a key that failed, and must be there", async () => {
    const agentSocketPath = join(directory, "agent.sock");
    const agent = spawn("ssh-agent", ["-D", "-a", agentSocketPath], { stdio: "ignore" });
    try {
      while (!existsSync(agentSocketPath)) await pause(20);
      execFileSync("ssh-add", [join(sshd.directory, "id")], {
        env: { ...process.env, SSH_AUTH_SOCK: agentSocketPath },
        stdio: "ignore",
      });
      expect(await dialError({ ...without("privateKey"), agentSocketPath })).toBe("it worked");
      const privateKey = makeKey(join(directory, "stranger-2"));
      expect(await dialError(withConnection({ privateKey, agentSocketPath, dialErrorLimit: 0 }))).toContain(
        "[none publickey]",
      );
    } finally {
      agent.kill();
    }
    expect(await dialError(withConnection({ agentSocketPath: "/nonexistent" }))).toBe(
      "dial unix /nonexistent: connect: no such file or directory",
    );
  });
});

describe.skipIf(!sshdIsInstalled)("dialling", () => {
  test("again until the limit, then the cause", async () => {
    const port = await freePort();
    expect(await dialError(withConnection({ port, dialErrorLimit: 2 }))).toBe(
      `after 2 failed attempts: dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
    expect(notes).toEqual(["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"]);
  });

  test("a server that closes at once", async () => {
    const server = await listen(0);
    const { port } = server.address() as { port: number };
    expect(await dialError(withConnection({ port, dialErrorLimit: 0 }))).toBe(
      "after 0 failed attempts: ssh: handshake failed: EOF",
    );
    server.close();
  });

  test("a name that nobody knows", async () => {
    expect(await dialError(withConnection({ host: "nowhere.invalid", dialErrorLimit: 0 }))).toMatch(
      /^after 0 failed attempts: dial tcp: lookup nowhere\.invalid: /,
    );
  });

  test("works as soon as the server is up", async () => {
    const port = await freePort();
    const dialling = dialError(withConnection({ port, dialErrorLimit: -1 }));
    await pause(400);
    const relay = createServer((socket) => {
      const server = connect({ host: "127.0.0.1", port: sshd.connection.port });
      pipeline(socket, server, socket, () => {});
    }).listen(port, "127.0.0.1");
    expect(await dialling).toBe("it worked");
    relay.close();
    expect(notes[0]).toBe("Dial 1/inf failed: retrying");
  });

  test("ends when the step is cancelled", async () => {
    const cancelled = new AbortController();
    context.signal = cancelled.signal;
    const dialling = dialError(withConnection({ port: await freePort(), dialErrorLimit: -1 }));
    await pause(1_500);
    const cancelledAt = performance.now();
    cancelled.abort(new Error("context canceled"));
    expect(await dialling).toBe("context canceled");
    expect(performance.now() - cancelledAt).toBeLessThan(100);
  });
});

describe.skipIf(!sshdIsInstalled)("a proxy", () => {
  test("is dialled first, with its own limits, and works for commands and copies", async () => {
    const connection = withConnection({ proxy: sshd.connection });
    expect((await remote("echo through", {}, none, connection)).stdout).toBe("through");
    const remotePath = join(directory, "through-proxy");
    await copyToRemote({ connection, source: text("x"), remotePath }, context);
    expect(readFileSync(remotePath, "utf8")).toBe("x");
  });

  test("names itself in every error, and each stage counts its own attempts", async () => {
    const port = await freePort();
    expect(await dialError(withConnection({ proxy: withConnection({ port }) }))).toBe(
      `proxy: after 1 failed attempts: dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
    expect(await dialError(withConnection({ port, proxy: sshd.connection }))).toBe(
      "proxy: after 1 failed attempts: ssh: rejected: connect failed (Connection refused)",
    );
    expect(notes).toEqual(["Dial proxy 1/1 failed: retrying", "Dial from proxy 1/1 failed: retrying"]);
  });

  test("names the far host's cause, however often it was tried", async () => {
    const stranger = makeKey(join(directory, "stranger-3"));
    for (const dialErrorLimit of [2, 0])
      expect(
        await dialError(withConnection({ privateKey: stranger, dialErrorLimit, proxy: sshd.connection })),
      ).toContain(`proxy: after ${dialErrorLimit} failed attempts: ssh: handshake failed: ssh: unable to authenticate`);
  });

  test("and a host, that take one login at a time serve all in the end", async () => {
    const narrow = await startSshd(join(directory, "narrow"), { more: ["MaxStartups 1:100:1"] });
    try {
      const patient = { ...narrow.connection, dialErrorLimit: 20 };
      const connection = { ...patient, proxy: patient };
      const all = await Promise.all([1, 2, 3, 4].map((n) => remote(`echo ${n}`, {}, none, connection)));
      expect(all.map(({ stdout }) => stdout)).toEqual(["1", "2", "3", "4"]);
    } finally {
      narrow.stop();
    }
  });
});

const text = (content: string): Source => ({ kind: "asset", hash: content, text: content });
const file = (path: string): Source => ({ kind: "asset", hash: path, path });
const folder = (path: string): Source => ({ kind: "archive", hash: path, path });

describe.skipIf(!sshdIsInstalled)("a copy", () => {
  let from: string;
  let to: string;
  const copy = (source: Source, remotePath: string): Promise<string> =>
    messageOf(copyToRemote({ connection: sshd.connection, source, remotePath }, context));

  beforeEach(() => {
    from = mkdtempSync(join(directory, "from-"));
    to = mkdtempSync(join(directory, "to-"));
    mkdirSync(join(from, "tree", "sub"), { recursive: true });
    mkdirSync(join(from, "tree", "empty"));
    writeFileSync(join(from, "tree", "sub", "f"), "f");
    writeFileSync(join(from, "tree", ".hidden"), "h");
    writeFileSync(join(from, "program"), "#!/bin/sh\n", { mode: 0o755 });
  });

  test("makes the missing folders and a file with the server's mode", async () => {
    expect(await copy(file(join(from, "program")), join(to, "a/b/c"))).toBe("it worked");
    expect(readFileSync(join(to, "a/b/c"), "utf8")).toBe("#!/bin/sh\n");
    expect(statSync(join(to, "a/b/c")).mode & 0o777).toBe(0o644);
    expect(statSync(join(to, "a/b")).mode & 0o777).toBe(0o755);
  });

  test("overwrites in place: mode and links stay", async () => {
    writeFileSync(join(to, "there"), "something longer", { mode: 0o600 });
    symlinkSync("there", join(to, "link"));
    expect(await copy(text("new"), join(to, "link"))).toBe("it worked");
    expect(readFileSync(join(to, "there"), "utf8")).toBe("new");
    expect(statSync(join(to, "there")).mode & 0o777).toBe(0o600);
  });

  test("a file goes into a folder that is there, a text does not", async () => {
    expect(await copy(file(join(from, "program")), `${to}/`)).toBe("it worked");
    expect(readdirSync(to)).toEqual(["program"]);
    expect(await copy(text("x"), to)).toBe(
      `remote path ${to} is a directory; when using a text asset, remotePath must be a file path`,
    );
  });

  test("an empty text makes an empty file", async () => {
    expect(await copy(text(""), join(to, "empty"))).toBe("it worked");
    expect(readFileSync(join(to, "empty"), "utf8")).toBe("");
  });

  test("a folder is copied as itself, or its content if its name ends in a slash", async () => {
    const files = (path: string): string[] => readdirSync(path, { recursive: true }).map(String).sort();
    const tree = [".hidden", "empty", "sub", "sub/f"];
    writeFileSync(join(to, "stays"), "");
    expect(await copy(folder(join(from, "tree")), to)).toBe("it worked");
    expect(files(join(to, "tree"))).toEqual(tree);
    expect(await copy(folder(`${join(from, "tree")}/`), join(to, "new"))).toBe("it worked");
    expect(files(join(to, "new"))).toEqual(tree);
    expect(await copy(folder(`${join(from, "tree")}/`), to)).toBe("it worked");
    expect(existsSync(join(to, "stays"))).toBe(true);
  });

  test("says what is in the way", async () => {
    const taken = join(to, "taken");
    writeFileSync(taken, "");
    mkdirSync(join(to, "parent"));
    const [program, tree] = [join(from, "program"), join(from, "tree")];
    expect(await copy(file(program), join(taken, "x/y"))).toBe(
      `failed to create parent directories for ${taken}/x/y: mkdir ${taken}: not a directory`,
    );
    expect(await copy(file(program), join(to, "late/"))).toBe(
      `failed to create remote file ${to}/late/: sftp: "Failure" (SSH_FX_FAILURE)`,
    );
    expect(statSync(join(to, "late")).isDirectory()).toBe(true);
    expect(await copy(folder(tree), taken)).toBe(
      `failed to create remote directory ${taken}/tree: file does not exist`,
    );
    expect(await copy(folder(`${tree}/`), taken)).toBe(`remote path ${taken} exists but is not a directory`);
    expect(await copy(text("x"), "")).toBe("failed to create remote file : file does not exist");
  });

  test("stops at a link to a folder; what was copied before stays", async () => {
    symlinkSync("sub", join(from, "tree", "link"));
    const link = join(from, "tree", "link");
    expect(await copy(folder(join(from, "tree")), to)).toBe(
      `failed to copy file ${link} to remote path ${to}/tree/link: read ${link}: is a directory`,
    );
    expect(readdirSync(join(to, "tree")).sort()).toEqual([".hidden", "empty", "link"]);
    expect(statSync(join(to, "tree", "link")).size).toBe(0);
  });

  test("many copies may make the same folders at once", async () => {
    const targets = Array.from({ length: 8 }, (_, index) => join(to, "one/two/three", String(index)));
    expect(new Set(await Promise.all(targets.map((target) => copy(text("x"), target))))).toEqual(
      new Set(["it worked"]),
    );
  });

  test("50 MB arrive whole within seconds", async () => {
    const big = join(from, "big");
    execFileSync("dd", ["if=/dev/urandom", `of=${big}`, "bs=1M", "count=50"], { stdio: "ignore" });
    const startedAt = performance.now();
    expect(await copy(file(big), join(to, "big"))).toBe("it worked");
    const tookMs = performance.now() - startedAt;
    execFileSync("cmp", [big, join(to, "big")]);
    expect(tookMs).toBeLessThan(10_000);
  });

  test("needs the server's SFTP", async () => {
    const { connection, stop } = await startSshd(join(directory, "bare"), { sftp: false });
    const copying = copyToRemote({ connection, source: text("x"), remotePath: join(to, "x") }, context);
    expect(await messageOf(copying)).toBe("ssh: subsystem request failed");
    stop();
  });
});

describe("a local command", () => {
  const local = (command: string, inputs: Parameters<typeof runLocal>[1] = {}, previous = none): Promise<Results> =>
    runLocal(command, inputs, previous, context);

  test("has its own folder, interpreter, environment and last output", async () => {
    const dir = realpathSync(directory);
    const { stdout } = await local(
      'echo "$PWD $A $PULUMI_COMMAND_STDOUT"; cat',
      { dir, environment: { A: "a" }, stdin: "in" },
      { stdout: "out", stderr: "" },
    );
    expect(stdout).toBe(`${dir} a out\nin`);
    expect((await local("world", { interpreter: ["/bin/echo", "hello"] })).stdout).toBe("hello world");
  });

  test("says how it failed", async () => {
    chmodSync(directory, 0o755);
    expect(await messageOf(local("echo a; exit 3"))).toBe('exit status 3: running "echo a; exit 3":\na\n');
    expect(await messageOf(local("kill -9 $$"))).toBe('signal: killed: running "kill -9 $$":\n');
    expect(await messageOf(local("x", { dir: "/nowhere" }))).toBe(
      'chdir /nowhere: no such file or directory: running "x":\n',
    );
    expect(await messageOf(local("x", { interpreter: ["/nowhere/sh"] }))).toBe(
      'fork/exec /nowhere/sh: no such file or directory: running "x":\n',
    );
  });

  test("is killed when the step is cancelled", async () => {
    const cancelled = new AbortController();
    context.signal = cancelled.signal;
    const running = messageOf(local("exec sleep 10"));
    await pause(200);
    cancelled.abort(new Error("context canceled"));
    expect(await running).toBe('signal: killed: running "exec sleep 10":\n');
  });
});
