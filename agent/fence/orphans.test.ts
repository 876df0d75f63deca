import { expect, test } from "vitest";
import { countOrphans } from "./orphans.ts";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (local: string, state: string, tx: string, inode: string) =>
  `   1: ${local} 0100000A:5FF7 ${state} ${tx}:00000000 01:0000001F 00000003     0        0 ${inode} 2 0000 100 4 0 10 -1`;

test("counts a closed socket of nobody that has unsent data", () => {
  expect(countOrphans([head, line("0B054D0A:9C40", "04", "000000C1", "0")].join("\n"))).toBe(1);
});

test.for([
  ["somebody still owns it", line("0B054D0A:9C40", "04", "000000C1", "8812")],
  ["all was sent", line("0B054D0A:9C40", "04", "00000000", "0")],
  ["it is established", line("0B054D0A:9C40", "01", "000000C1", "0")],
  ["it stays on this machine", line("0100007F:9C40", "04", "000000C1", "0")],
] as const)("does not count it when %s", ([, entry]) => {
  expect(countOrphans([head, entry].join("\n"))).toBe(0);
});
