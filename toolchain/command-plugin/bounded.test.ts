import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createKeyPair, startSshServer, type TestSshServer } from "../../ssh/testing/ssh-server.ts";
import { copyToRemote } from "./copy.ts";
import type { Connection } from "./dial.ts";
import { type CommandContext, runRemote } from "./remote-command.ts";

/** Stands between us and the server; once dark, it drops whatever comes, as the cable of a host without power. */
class Cable {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  dark = false;
  /** Goes dark by itself once it has carried so many bytes from the client. */
  carries = Number.POSITIVE_INFINITY;
  #carried = 0;
  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on("data", (data) => {
          if (from === near) this.#carried += data.length;
          this.dark ||= this.#carried > this.carries;
          if (!this.dark) to.write(data);
        });
        from.on("error", () => {});
        from.on("close", () => void (this.dark || to.destroy()));
      }
    });
  }
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as { port: number }).port;
  }
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

let server: TestSshServer;
let cable: Cable;
let connection: Connection;
let cancel: AbortController;
let context: CommandContext;
let notes: string[];
const limits = { keepaliveMs: 100, keepaliveCount: 3, graceMs: 300 };

beforeEach(async () => {
  const keys = createKeyPair();
  server = await startSshServer("root", keys);
  cable = new Cable(server.port);
  const { privateKey } = keys;
  const { hostKey } = server;
  const port = await cable.listen();
  connection = { host: "127.0.0.1", port, user: "root", privateKey, hostKey, dialErrorLimit: 0, perDialTimeout: 5 };
  cancel = new AbortController();
  notes = [];
  const note = (line: string) => void notes.push(line);
  context = { note, warn: note, fail: note, signal: cancel.signal, step: "host-a-neard", limits };
});
afterEach(async () => {
  cable.close();
  await server.close();
});

const run = (command: string) =>
  runRemote(command, { connection }, { stdout: "", stderr: "" }, context).then(
    ({ stdout }) => stdout,
    (error: Error) => error.message,
  );

describe("a host that falls silent in the middle of a command", () => {
  test("ends the step, with its name, what it said last, and what to do", async () => {
    const running = run("echo waiting until healthy; sleep 30");
    while (notes.length === 0) await pause(10);
    const darkMs = performance.now();
    cable.dark = true;
    expect(await running).toBe(
      `127.0.0.1:${connection.port} (host-a-neard) has given no sign of life for 0 s: it lost its power or its network, or it hangs.\n` +
        "  next: Bring it back, then run pulumi up again: it goes on where this one stopped.\n" +
        "  (HF_HOST_UNREACHABLE, see docs/errors.md)\nIt said last:\n  waiting until healthy",
    );
    expect(performance.now() - darkMs).toBeLessThan(2000);
  });

  test("in the middle of a copy, too", async () => {
    // A busy machine that copies is silent for a while, and lives.
    context = { ...context, limits: { ...limits, keepaliveMs: 600 } };
    const source = { kind: "asset", hash: "", text: "x".repeat(8 << 20) } as const;
    const copy = () => copyToRemote({ connection, source, remotePath: "/never" }, context);
    await copy();
    cable.carries = 12 << 20;
    await expect(copy()).rejects.toMatchObject({ code: "HF_HOST_UNREACHABLE" });
    expect(cable.dark).toBe(true);
  });

  test("is left at the first Ctrl-C, without waiting for its silence to be noticed", async () => {
    context = { ...context, limits: { ...limits, keepaliveMs: 60_000 } };
    const running = run("echo begun; sleep 30");
    while (notes.length === 0) await pause(10);
    cable.dark = true;
    const cancelledMs = performance.now();
    cancel.abort(new Error("context canceled"));
    expect(await running).toMatch(/^context canceled: 127\.0\.0\.1:\d+ \(host-a-neard\) was left while something/);
    expect(performance.now() - cancelledMs).toBeLessThan(1000);
  });
});

test("a slow command with a living host is not ended, however long it says nothing", async () => {
  expect(await run("sleep 1.2; echo done")).toBe("done");
});

test("a cancelled command may come to its end, if it is near", async () => {
  // Near enough on a busy machine too.
  context = { ...context, limits: { ...limits, graceMs: 10_000 } };
  const running = run("echo begun; sleep 0.1; echo done");
  while (notes.length === 0) await pause(10);
  cancel.abort(new Error("context canceled"));
  expect(await running).toBe("begun\ndone");
  expect(notes).toContain("cancelled: what runs has 10 s to come to its end");
});

test("a server that takes the connection and says nothing does not hold back Ctrl-C", async () => {
  cable.dark = true;
  setTimeout(() => cancel.abort(new Error("context canceled")), 100);
  expect(await run("true")).toBe("context canceled");
});

test("a connection that is cut off says so", async () => {
  const running = run("echo begun; sleep 30");
  while (notes.length === 0) await pause(10);
  cable.close();
  expect(await running).toMatch(/without exit status or exit signal: running .*\nbegun\n\n {2}next: 127\.0\.0\.1:\d+ /);
});
