import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "./connection.ts";
import type { FromChain } from "./wire.ts";

let server: Server;
let reader: Socket;
let writer: Socket;

beforeEach(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  reader = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  reader.on("error", () => {});
  writer = await accepted;
  writer.on("error", () => {});
});
afterEach(() => {
  vi.useRealTimers();
  reader.destroy();
  writer.destroy();
  server.close();
});

/** More than the kernel takes for a reader that does not read. */
const large: FromChain = { type: "refused", because: "x".repeat(16_000_000) };
const small: FromChain = { type: "refused", because: "x" };

/** The time-out's own clock, so that a busy machine's slowness is none. */
const withStillClock = () => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });

test("a write that the kernel takes is no time-out, however long nothing follows", async () => {
  withStillClock();
  let timeouts = 0;
  const connection = new Connection(writer, 50, () => timeouts++);
  reader.pause();
  connection.send(small);
  while (connection.fullForMs > 0) await sleep(10);
  vi.advanceTimersByTime(60_000);
  expect(timeouts).toBe(0);
});

test("one that waits for room times out, counted from the first that waits", async () => {
  let timedOutAt = 0;
  const connection = new Connection(writer, 400, () => {
    timedOutAt ||= performance.now();
  });
  reader.pause();
  const sentAt = performance.now();
  connection.send(large);
  await sleep(200);
  connection.send(small);
  expect(connection.fullForMs).toBeGreaterThanOrEqual(190);
  while (timedOutAt === 0) await sleep(10);
  expect(timedOutAt - sentAt).toBeGreaterThanOrEqual(395);
});

test("a slow reader that reads at last is none", async () => {
  withStillClock();
  let timeouts = 0;
  const connection = new Connection(writer, 1500, () => timeouts++);
  reader.pause();
  connection.send(large);
  await sleep(200);
  expect(connection.fullForMs).toBeGreaterThan(0);
  reader.resume();
  while (connection.fullForMs > 0) await sleep(10);
  vi.advanceTimersByTime(60_000);
  expect(timeouts).toBe(0);
});
