/** The kernel's list of TCP sockets, /proc/net/tcp and tcp6 (Linux Documentation/networking/proc_net_tcp). */
import { readFileSync } from "node:fs";
import { canonicalAddress } from "../../contract/address.ts";
import { unlessGone } from "./start-ticks.ts";

export interface End {
  /** As in `10.77.5.11` or `2001:db8::1`; an IPv4 address in IPv6 clothes is given as IPv4. */
  readonly address: string;
  readonly port: number;
}

export interface TcpSocket {
  readonly local: End;
  readonly remote: End;
  /** Two hexadecimal digits (include/net/tcp_states.h). */
  readonly state: string;
  /** Bytes that the kernel has still to send. */
  readonly unsent: number;
  readonly uid: number;
  /** `0`: nobody's any more. */
  readonly inode: string;
}

/** The sockets of one listing. */
export function socketsIn(listing: string): TcpSocket[] {
  return listing
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .map(([, here = "", there = "", state = "", queues = "", , , uid = "", , inode = ""]) => ({
      local: endOf(here),
      remote: endOf(there),
      state,
      unsent: Number.parseInt(queues.split(":")[0] ?? "0", 16),
      uid: Number(uid),
      inode,
    }));
}

/**
 * How many there are, by family, those that only wait out their end excepted. The kernel counts them as it goes; for the
 * list it walks a table of the whole machine, milliseconds on one with much memory, however few sockets it finds.
 */
export function tcpSocketCounts(): string {
  return ofBothFamilies("/proc/net/sockstat").map(countIn).join(" ");
}

/** `TCP: inuse 5 orphan 0 …`: of these only the first number is this network namespace's alone. */
export function countIn(sockstat: string): string {
  const count = /^TCP6?: inuse (\d+)/m.exec(sockstat)?.[1];
  if (count === undefined) throw new Error("the kernel does not say how many TCP sockets are in use");
  return count;
}

/** All of this machine's. */
export function tcpSockets(): TcpSocket[] {
  return ofBothFamilies("/proc/net/tcp").flatMap(socketsIn);
}

/** What a file and its like for IPv6 say. A kernel that was told to have no IPv6 has only the first, and no such socket. */
function ofBothFamilies(file: string): string[] {
  const sixth = unlessGone(() => readFileSync(`${file}6`, "latin1"));
  return [readFileSync(file, "latin1"), ...(sixth === null ? [] : [sixth])];
}

/** `0B054D0A:206C` is 10.77.5.11:8300: words of 32 bits as they lie in the memory of a little-endian machine. */
function endOf(text: string): End {
  const [words = "", port = ""] = text.split(":");
  const bytes = Buffer.from(words, "hex").swap32();
  const isFourth = bytes.length === 4 || bytes.subarray(0, 12).toString("hex") === `${"0".repeat(20)}ffff`;
  const address = isFourth
    ? bytes.subarray(-4).join(".")
    : canonicalAddress((bytes.toString("hex").match(/.{4}/g) ?? []).join(":"));
  return { address, port: Number.parseInt(port, 16) };
}
