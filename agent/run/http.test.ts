import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import { nodeOptions } from "../../infra/plan/agent.ts";
import { monitoringServer } from "./http.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** A program as small as the agent is kept, with all that it loads; it sends itself a snapshot of so many bytes. */
const program = (bytes: string) => `
  import { request } from "node:http";
  import { mkdtempSync, rmSync } from "node:fs";
  import { dirname, join } from "node:path";
  import { tmpdir } from "node:os";
  await import(${JSON.stringify(import.meta.resolve("./agent.ts"))});
  const { socketServer } = await import(${JSON.stringify(import.meta.resolve("./http.ts"))});
  const { maxSnapshotBytes } = await import(${JSON.stringify(import.meta.resolve("../../host/consul/snapshot.ts"))});
  const path = join(mkdtempSync(join(tmpdir(), "holdfast-http-")), "socket");
  const desk = { status: () => ({}), restoreSnapshot: async (_token, snapshot) => {
    console.log("restored " + (snapshot.length === ${bytes}));
    return null;
  } };
  socketServer(path, desk, {}).on("listening", () => {
    const sent = request({ socketPath: path, path: "/snapshot/restore", method: "POST" }, (response) => {
      console.log(response.statusCode);
      rmSync(dirname(path), { recursive: true });
      process.exit();
    });
    sent.write('{"token":"t","snapshot":"');
    for (let left = ${bytes}; left > 0; left -= 49152) sent.write(Buffer.alloc(Math.min(left, 49152)).toString("base64"));
    sent.end('"}');
  });`;

const answerTo = async (bytes: string) => {
  const node = [...nodeOptions.split(" "), "--input-type=module", "--eval", program(bytes)];
  return (await promisify(execFile)(process.execPath, node)).stdout.trim();
};

test("the largest snapshot that is taken fits into the agent's memory; a larger one is refused", {
  timeout: 30_000,
}, async () => {
  expect(await answerTo("maxSnapshotBytes")).toBe("restored true\n200");
  expect(await answerTo("2 * maxSnapshotBytes")).toBe("400");
});

test("a monitoring port that somebody else has is tried again, and ends nothing", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const at = { address: "127.0.0.1", port: (other.address() as AddressInfo).port };
  const { promise, resolve } = Promise.withResolvers<Error>();
  const server = monitoringServer(at, {} as never, {} as never, resolve);
  expect((await promise).message).toContain("EADDRINUSE");
  other.close();
  await once(other, "close");
  vi.advanceTimersByTime(10_000);
  await once(server, "listening");
  server.close();
});
