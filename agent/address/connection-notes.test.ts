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
  const world = { isActive: false, counts: "1 0", sockets: [to("203.0.113.5")], fails: false, notes: [] as string[] };
  const look = connectionNotes({
    uid,
    address: "192.0.2.11",
    isActive: () => world.isActive,
    counts: () => world.counts,
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
  world.counts = "2 0";
  world.fails = true;
  await expect(look()).rejects.toThrow(/does not answer/);
  world.fails = false;
  await look();
  expect(world.notes.map((text) => connectionsNoteShape.schema.parse(JSON.parse(text)).connections)).toEqual([
    [{ port: 40_000, address: "203.0.113.5", peerPort: 24_567 }],
    [{ port: 40_000, address: "203.0.113.6", peerPort: 24_567 }],
  ]);
});

test("the list, which costs milliseconds, is read when the counts change, after a change of role, and now and then", async () => {
  const world = { isActive: true, counts: "5 1", read: 0, sockets: [to("203.0.113.5")], notes: 0 };
  const look = connectionNotes({
    uid,
    address: "192.0.2.11",
    isActive: () => world.isActive,
    counts: () => world.counts,
    sockets: () => {
      world.read += 1;
      return world.sockets;
    },
    write: async () => {
      world.notes += 1;
    },
  });
  const looks = async (times: number) => {
    for (let i = 0; i < times; i++) await look();
    return [world.read, world.notes];
  };
  expect(await looks(6)).toEqual([1, 1]);
  // One that took another's place: the counts do not tell.
  world.sockets = [to("203.0.113.6")];
  expect(await looks(1)).toEqual([2, 2]);
  world.counts = "5 2";
  expect(await looks(1)).toEqual([3, 2]);
  world.isActive = false;
  expect(await looks(9)).toEqual([3, 2]);
  world.isActive = true;
  expect(await looks(1)).toEqual([4, 2]);
});
