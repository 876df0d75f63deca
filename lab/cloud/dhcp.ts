/**
 * DHCP (RFC 2131) for the cloud's private network, as much as a host's systemd-networkd asks for: a network card has one address,
 * for good, and gets it whenever it asks. Packets in, packets out; pure.
 */

/** The address that belongs to a network card. */
export interface Lease {
  readonly ip: string;
  readonly prefix: number;
}

const messageType = 53;
const discover = 1;
const offer = 2;
const ask = 3;
const ack = 5;
const magic = 0x63825363;
const optionsAt = 240;
const leaseSeconds = 86_400;

/** The network card that a request is of; undefined: it is no request. */
export function cardOf(packet: Buffer): string | undefined {
  if (packet.length < optionsAt || packet[0] !== 1 || packet.readUInt32BE(236) !== magic) return undefined;
  return [...packet.subarray(28, 34)].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The answer, or undefined where none is due. `server`: our own address. */
export function answer(packet: Buffer, lease: Lease, server: string): Buffer | undefined {
  const reply = { [discover]: offer, [ask]: ack }[optionOf(packet, messageType)?.[0] ?? 0];
  if (reply === undefined) return undefined;
  const head = Buffer.alloc(optionsAt);
  head.set([2, 1, 6, 0]);
  packet.copy(head, 4, 4, 8); // the request's number
  // All on the network may hear it: the card has no address yet to send it to.
  head.writeUInt16BE(0x8000, 10);
  head.set(bytesOf(lease.ip), 16);
  head.set(bytesOf(server), 20);
  packet.copy(head, 28, 28, 44); // the card
  head.writeUInt32BE(magic, 236);
  const seconds = Buffer.alloc(4);
  seconds.writeUInt32BE(leaseSeconds);
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE((0xffffffff << (32 - lease.prefix)) >>> 0);
  const options: [number, Uint8Array][] = [
    [messageType, Uint8Array.of(reply)],
    [54, bytesOf(server)],
    [51, seconds],
    [1, mask],
  ];
  const tail = options.flatMap(([code, value]) => [code, value.length, ...value]);
  return Buffer.concat([head, Buffer.from([...tail, 255])]);
}

function optionOf(packet: Buffer, wanted: number): Buffer | undefined {
  for (let at = optionsAt; at + 1 < packet.length; ) {
    const code = packet[at] as number;
    if (code === 255) return undefined;
    if (code === 0) {
      at++;
      continue;
    }
    const length = packet[at + 1] as number;
    if (code === wanted) return packet.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
  return undefined;
}

const bytesOf = (ip: string): Uint8Array => Uint8Array.from(ip.split(".").map(Number));
