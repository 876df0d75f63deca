/**
 * What the kernel says of changed packet filter rules, on a socket that the unit opened for the agent
 * (infra/plan/notify-socket.ts): one message for each object that somebody, this host's own agent included, made or
 * took away. A look costs a system call; nobody is started, nothing is listed.
 *
 * Idea: a message that concerns a table has its name in it. That is all that is read of it: what became of the table
 * is looked up afterwards, by whoever cares.
 * Awkward case: more is said than the socket holds. The kernel says so once (ENOBUFS), and then anything may have changed.
 * Any other failure is no news at all: whoever watches has to look by itself then.
 */
import { readSync } from "node:fs";

/** nfnetlink's number for nftables, and its message for a table that went (linux/netfilter/nf_tables.h). */
const tableDeleted = (10 << 8) | 2;
const headerBytes = 16;
/** The kernel puts no more into one datagram than a few pages. */
const buffer = Buffer.alloc(64 * 1024);
/** A flood must not keep the agent here; the rest is read at the next look. */
const mostDatagrams = 200;

export interface RuleNews {
  /** Tables of which anything changed. Some may be missing when `all` is true. */
  readonly changed: ReadonlySet<string>;
  /** Tables that were taken away; they may be there again. */
  readonly deleted: ReadonlySet<string>;
  /** Some news was lost: anything may have changed. */
  readonly all: boolean;
  /** Why the socket is of no use, by its system error's code; null: it is. */
  readonly broken: string | null;
}

/**
 * All that was said since the last look about these tables.
 * @param receive reads one datagram into the buffer; throws EAGAIN when there is none
 */
export function readRuleNews(tables: readonly string[], receive: (into: Buffer) => number): RuleNews {
  const changed = new Set<string>();
  const deleted = new Set<string>();
  let all = false;
  for (let count = 0; count < mostDatagrams; count++) {
    let length: number;
    try {
      length = receive(buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") return { changed, deleted, all, broken: null };
      all = true;
      if (code !== "ENOBUFS") return { changed, deleted, all, broken: code ?? String(error) };
      continue;
    }
    for (const { type, content } of messagesIn(buffer.subarray(0, length)))
      for (const table of tables) {
        if (!content.includes(`\0${table}\0`, 0, "latin1")) continue;
        changed.add(table);
        if (type === tableDeleted) deleted.add(table);
      }
  }
  return { changed, deleted, all, broken: null };
}

/** Netlink's own framing (netlink(7)): length and type in front, aligned to four bytes. */
function* messagesIn(datagram: Buffer): Generator<{ type: number; content: Buffer }> {
  for (let at = 0; at + headerBytes <= datagram.length; ) {
    const length = datagram.readUInt32LE(at);
    if (length < headerBytes) return;
    yield { type: datagram.readUInt16LE(at + 4), content: datagram.subarray(at + headerBytes, at + length) };
    at += (length + 3) & ~3;
  }
}

/** Receives from the open socket with this number. */
export const receiveFrom = (socket: number) => (into: Buffer) => readSync(socket, into, 0, into.length, null);
