import { expect, test } from "vitest";
import { connectionsNoteShape } from "../../contract/wire/notes.ts";
import type { TcpSocket } from "../../host/system/sockets.ts";
import { connectionNotes } from "./connection-notes.ts";

const uid = 64_748;
const to = (address: string): TcpSocket => ({
  local: { address: "192.0.2.11", port: 40_000 },
  remote: { address, port: 24_567 },
  state: "01",
  unsent: 0,
  uid,
  inode: "4711",
});

test("the active host writes down what has changed, and again what could not be written", async () => {
  const world = { isActive: false, sockets: [to("203.0.113.5")], fails: false, notes: [] as string[] };
  const look = connectionNotes({
    uid,
    address: "192.0.2.11",
    isActive: () => world.isActive,
    sockets: () => world.sockets,
    write: async (text) => {
      if (world.fails) throw new Error("Consul does not answer");
      world.notes.push(text);
    },
  });
  await look();
  expect(world.notes, "a standby has none to end").toEqual([]);

  world.isActive = true;
  await look();
  await look();
  expect(world.notes).toHaveLength(1);

  world.sockets = [to("203.0.113.6")];
  world.fails = true;
  await expect(look()).rejects.toThrow(/does not answer/);
  world.fails = false;
  await look();
  expect(world.notes.map((text) => connectionsNoteShape.schema.parse(JSON.parse(text)).connections)).toEqual([
    [{ port: 40_000, address: "203.0.113.5", peerPort: 24_567 }],
    [{ port: 40_000, address: "203.0.113.6", peerPort: 24_567 }],
  ]);
});
