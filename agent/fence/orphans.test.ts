import { expect, test } from "vitest";
import { socketsIn } from "../../host/system/sockets.ts";
import { countOrphans } from "./orphans.ts";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (local: string, state: string, tx: string, inode: string, remote = "0100000A:5FF7") =>
  `   1: ${local} ${remote} ${state} ${tx}:00000000 01:0000001F 00000003     0        0 ${inode} 2 0000 100 4 0 10 -1`;
const servers = ["10.77.5.11", "10.77.5.12", "fd00::c"];
const count = (entry: string) => countOrphans(socketsIn([head, entry].join("\n")), servers);

test("counts a closed socket of nobody that has unsent data", () => {
  expect(count(line("0B054D0A:9C40", "04", "000000C1", "0"))).toBe(1);
});

test.for([
  ["somebody still owns it", line("0B054D0A:9C40", "04", "000000C1", "8812")],
  ["all was sent", line("0B054D0A:9C40", "04", "00000000", "0")],
  ["it is established", line("0B054D0A:9C40", "01", "000000C1", "0")],
  ["it stays on this machine", line("0100007F:9C40", "04", "000000C1", "0")],
  ["it stays on this machine, by IPv6", line("00000000000000000000000001000000:9C40", "04", "000000C1", "0")],
  ["Consul had it from another server", line("0B054D0A:206C", "04", "000000C1", "0", "0C054D0A:9C40")],
  ["Consul had it to another server", line("0B054D0A:9C40", "04", "000000C1", "0", "0C054D0A:206C")],
  [
    "Consul had it to a server that has IPv6",
    line("000000FD00000000000000000B000000:9C40", "04", "C1", "0", "000000FD00000000000000000C000000:206D"),
  ],
] as const)("does not count it when %s", ([, entry]) => {
  expect(count(entry)).toBe(0);
});

test.for([
  [
    "a port like Consul's on a host that is none of ours",
    line("0B054D0A:9C40", "04", "000000C1", "0", "0D054D0A:206C"),
  ],
  ["another port of one of our hosts: its neard", line("0B054D0A:9C40", "04", "000000C1", "0", "0C054D0A:5FF7")],
] as const)("counts one to %s", ([, entry]) => {
  expect(count(entry)).toBe(1);
});
