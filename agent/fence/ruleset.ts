/**
 * The fence's rules, as text for `nft -f -`. Pure.
 *
 * neard runs as a user of its own. Armed for an epoch, the table marks every connection of that user
 * with the epoch and lets marked packets out only while
 *   (a) the epoch's element in `alive` has not timed out (the kernel counts, nobody need be awake), and
 *   (b) the wall clock is before the deadline's second.
 * Both, because an element that is added late (the agent stopped between computing and adding) would
 * live too long, and because the wall clock can be stepped.
 *
 * Awkward case: a killed process leaves sockets with unsent data, and the kernel goes on sending it
 * for a while, as nobody's packets: `meta skuid` no longer matches. So what counts is the mark on the
 * connection (conntrack), and marks of ended epochs stay barred for good, after disarming too. Barred TCP
 * is answered with a reset, towards ourselves: that ends the socket and what it still had to send, so
 * that nothing is left to get out when the rules go one day (a removed host once sent a block that way).
 */

export const tableName = "holdfast";

/** Marks are 0x48 ("H") and the epoch's low 24 bits. */
const markBase = 0x48000000;
const markMask = 0xff000000;

export function markOf(epoch: number): number {
  return markBase + (epoch & 0xffffff);
}

const hex = (n: number): string => `0x${n.toString(16).padStart(8, "0")}`;

/** Connections of ended epochs: their packets leave no more, and their sockets end. */
const bar = [
  `ct mark and ${hex(markMask)} == ${hex(markBase)} meta l4proto tcp counter reject with tcp reset`,
  `ct mark and ${hex(markMask)} == ${hex(markBase)} counter drop`,
].join("\n    ");

/** Replaces the whole table in one transaction; `alive` starts empty, so nothing leaves until it is fed. */
export function armed(epoch: number, uid: number): string {
  const mark = hex(markOf(epoch));
  return `table inet ${tableName}
delete table inet ${tableName}
table inet ${tableName} {
  set alive {
    type mark
    flags timeout
  }
  chain deadline {
  }
  chain output {
    type filter hook output priority 10; policy accept;
    oifname "lo" accept
    meta skuid ${uid} ct mark set ${mark}
    ct mark ${mark} ct mark @alive jump deadline
    ct mark ${mark} counter drop
    ${bar}
    meta skuid ${uid} counter drop
  }
}
`;
}

/** Nobody's lease: neard talks freely, what was armed once stays barred. */
export function disarmed(): string {
  return `table inet ${tableName}
delete table inet ${tableName}
table inet ${tableName} {
  chain output {
    type filter hook output priority 10; policy accept;
    oifname "lo" accept
    ${bar}
  }
}
`;
}

/**
 * Lets marked packets out for `remainingMs` more, and in no case past `wallDeadlineMs`; one line, for
 * a standing nft.
 * nft's time literals have whole seconds, so the second condition is rounded down: it may shut up to
 * a second early, never late.
 */
export function fed(epoch: number, remainingMs: number, wallDeadlineMs: number): string {
  const mark = hex(markOf(epoch));
  return [
    `flush chain inet ${tableName} deadline`,
    `add rule inet ${tableName} deadline meta time < ${Math.floor(wallDeadlineMs / 1000)} accept`,
    `flush set inet ${tableName} alive`,
    `add element inet ${tableName} alive { ${mark} timeout ${Math.floor(remainingMs)}ms }`,
  ].join("; ");
}

/** What nft echoes once a feed is committed. */
export function echoOfFed(epoch: number): string {
  return `add element inet ${tableName} alive { ${hex(markOf(epoch))} `;
}

/** Shuts at once; the table stays armed. */
export function shut(): string {
  return `flush chain inet ${tableName} deadline
flush set inet ${tableName} alive
`;
}

/** The low 24 bits of the epoch for which a listing of the table is armed; null when it is not. */
export function armedMark(listing: string): number | null {
  const match = /ct mark set 0x48([0-9a-f]{6})/.exec(listing);
  return match?.[1] === undefined ? null : markBase + Number.parseInt(match[1], 16);
}
