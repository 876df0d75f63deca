import { expect, test } from "vitest";
import { socketsIn } from "../../host/system/sockets.ts";
import { connectionsOf, standIns } from "./half-open.ts";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (local: string, remote: string, state: string, uid: number) =>
  `   1: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${uid}        0 4711 1 0000 20 4 30 10 -1`;
const neard = 64_748;

test("a host writes down its neard's established connections to others, and nobody else's", () => {
  const listing = [
    head,
    line("0B054D0A:9C40", "010200C0:5FF7", "01", neard),
    // Somebody dialled it; over IPv6's socket, by IPv4.
    line("0000000000000000FFFF00000B054D0A:5FF7", "0000000000000000FFFF0000020200C0:C001", "01", neard),
    line("0B054D0A:9C41", "010200C0:5FF7", "06", neard),
    line("0B054D0A:9C42", "010200C0:206C", "01", 999),
    line("0100007F:0BD6", "0100007F:C002", "01", neard),
    line("0B054D0A:9C43", "0B054D0A:5FF7", "01", neard),
  ].join("\n");
  expect(connectionsOf(socketsIn(listing), neard, "10.77.5.11")).toEqual([
    { port: 40_000, address: "192.0.2.1", peerPort: 24_567 },
    { port: 24_567, address: "192.0.2.2", peerPort: 49_153 },
  ]);
});

test("an IPv6 address is one, however it is spelled", () => {
  const listing = [
    head,
    line("000000FD00000000000000000B000000:9C40", "000000FD00000000000000000C000000:5FF7", "01", neard),
  ];
  expect(connectionsOf(socketsIn(listing.join("\n")), neard, "fd00:0::b")).toMatchObject([
    { port: 40_000, peerPort: 24_567 },
  ]);
});

test("an attempt in the name of the port at which this host's own neard listens leaves by another", () => {
  expect(standIns("192.0.2.11", 24_567)).toContain(
    "ip saddr 192.0.2.11 tcp sport 29000-29399 snat ip to 192.0.2.11:24567",
  );
  expect(standIns("2001:db8::11", 24_567)).toContain("snat ip6 to [2001:db8::11]:24567");
});
