import { createServer } from "node:net";
import { expect, test } from "vitest";
import { countIn, tcpSocketCounts, tcpSockets } from "./sockets.ts";

test("the first number of the kernel's line on TCP is taken, and no line is no count", () => {
  expect(countIn("sockets: used 29\nTCP: inuse 5 orphan 0 tw 3 alloc 5 mem 111\nUDP: inuse 2 mem 0\n")).toBe("5");
  expect(countIn("TCP6: inuse 12\nUDP6: inuse 3\n")).toBe("12");
  expect(() => countIn("UDP: inuse 2 mem 0\n")).toThrow(/does not say/);
});

test("this machine's kernel says both, and its list has what has just begun", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  expect(tcpSockets().some(({ local }) => local.port === port)).toBe(true);
  expect(Number.parseInt(tcpSocketCounts(), 10)).toBeGreaterThan(0);
  await new Promise((resolve) => server.close(resolve));
});
