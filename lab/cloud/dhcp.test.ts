import { expect, test } from "vitest";
import { answer, cardOf } from "./dhcp.ts";

const card = "86:00:00:0f:42:41";

/** What a client sends: a type, and filling in front of it as clients have. */
function request(type: number): Buffer {
  const packet = Buffer.alloc(240);
  packet.set([1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
  packet.set(
    card.split(":").map((byte) => Number.parseInt(byte, 16)),
    28,
  );
  packet.writeUInt32BE(0x63825363, 236);
  return Buffer.concat([packet, Buffer.from([0, 61, 1, 7, 53, 1, type, 255])]);
}

test("a card is told its address and mask, whether it asks around or asks for one", () => {
  expect(cardOf(request(1))).toBe(card);
  for (const [asked, answered] of [
    [1, 2],
    [3, 5],
  ] as const) {
    const reply = answer(request(asked), { ip: "10.233.79.234", prefix: 16 }, "10.77.1.1") as Buffer;
    expect([...reply.subarray(0, 8)]).toEqual([2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
    expect([...reply.subarray(16, 20)]).toEqual([10, 233, 79, 234]);
    expect([...reply.subarray(240)]).toEqual([
      53,
      1,
      answered,
      54,
      4,
      10,
      77,
      1,
      1,
      51,
      4,
      0,
      1,
      0x51,
      0x80,
      1,
      4,
      255,
      255,
      0,
      0,
      255,
    ]);
  }
});

test("what is no request, or asks for nothing, gets no answer", () => {
  expect(cardOf(Buffer.alloc(300))).toBeUndefined();
  expect(cardOf(Buffer.alloc(3))).toBeUndefined();
  expect(answer(request(7), { ip: "10.0.0.2", prefix: 24 }, "10.0.0.1")).toBeUndefined();
  expect(answer(request(1).subarray(0, 241), { ip: "10.0.0.2", prefix: 24 }, "10.0.0.1")).toBeUndefined();
});
