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
 * It bars what can carry a signature, not the end of a connection. Other validators keep one connection for the
 * account and hear no successor until that one has ended (docs/security.md): so a reset without payload may leave, and
 * whatever comes in for an ended epoch's connection is answered with one, before the host's firewall sees it.
 * The armed epoch's own are spared until it was fed for the first time (they are the connections that its holder begins
 * with), and for `spareMs` after a lease that ran out, which a belated feed may still renew.
 *
 * Awkward case: a killed process leaves sockets with unsent data, and the kernel goes on sending it
 * for a while, as nobody's packets: `meta skuid` no longer matches. So what counts is the mark on the
 * connection (conntrack), and marks of ended epochs stay barred for good, after disarming too. Barred TCP
 * is answered with a reset, towards ourselves too: that ends the socket and what it still had to send, so
 * that nothing is left to get out when the rules go one day (a removed host once sent a block that way).
 */
import { fenceTable } from "../../contract/paths.ts";

/** Marks are 0x48 ("H") and the epoch's low 24 bits. */
const markBase = 0x48000000;
const markMask = 0xff000000;

/**
 * For so long after a deadline the epoch's connections are held back, not ended: nft may be that late with the feed of
 * a renewal that was confirmed in time. A standby waits longer than this (lease rule), so its peers are free by then.
 */
export const spareMs = 300;

export function markOf(epoch: number): number {
  return markBase + (epoch & 0xffffff);
}

const hex = (n: number): string => `0x${n.toString(16).padStart(8, "0")}`;

/** A connection of any epoch. */
const ours = `ct mark and ${hex(markMask)} == ${hex(markBase)}`;

/**
 * A reset, and nothing with it: TCP's header (in words of four bytes) and IP's are the whole packet. These are the
 * headers that Linux sends resets with, without and with timestamps (net/ipv4/tcp_output.c, nf_reject_ipv4.c).
 */
const farewell = [
  "chain farewell {",
  ...[
    ["ipv4", 5, 40],
    ["ipv4", 8, 52],
    ["ipv6", 5, 60],
    ["ipv6", 8, 72],
  ].map(
    ([family, words, bytes]) =>
      `  tcp flags & rst == rst meta nfproto ${family} tcp doff ${words} meta length ${bytes} accept`,
  ),
  "}",
];

/** Connections of ended epochs: their packets leave no more, and their sockets end. */
const bar = [`${ours} meta l4proto tcp counter reject with tcp reset`, `${ours} counter drop`];

/**
 * What a dead process left, once the kernel has forgotten its connection (10 s after a reset that it saw, say): nobody's
 * packet, without a mark, in the middle of a connection that looks new. A living process's packet has an owner, and
 * whoever begins a connection says SYN. So this bars no one else, and ends the socket.
 */
const forgotten = [
  "meta skuid 0-4294967294 accept",
  "ct state new tcp flags & (syn | rst) == 0 counter reject with tcp reset",
];

const output = (rules: readonly string[]): string[] => [
  "chain output {",
  "  type filter hook output priority 10; policy accept;",
  '  oifname "lo" accept',
  ...rules.map((rule) => `  ${rule}`),
  ...forgotten.map((rule) => `  ${rule}`),
  "}",
];

/** Ahead of the host's firewall, which drops what belongs to no connection that it knows. */
const input = (spared: readonly string[]): string[] => [
  "chain input {",
  "  type filter hook input priority -10; policy accept;",
  '  iifname "lo" accept',
  `  ct mark and ${hex(markMask)} != ${hex(markBase)} accept`,
  "  tcp flags & rst == rst accept",
  ...spared.map((rule) => `  ${rule}`),
  "  meta l4proto tcp counter reject with tcp reset",
  "}",
];

/** The whole table, replaced in one transaction. */
const table = (lines: readonly string[]): string =>
  [
    `table inet ${fenceTable}`,
    `delete table inet ${fenceTable}`,
    `table inet ${fenceTable} {`,
    ...lines.map((line) => `  ${line}`),
    "}",
    "",
  ].join("\n");

/** Replaces the whole table in one transaction; `alive` starts empty, so nothing leaves until it is fed. */
export function armed(epoch: number, uid: number): string {
  const mark = hex(markOf(epoch));
  return table([
    "set alive {",
    "  type mark",
    "  flags timeout",
    "}",
    "set spared {",
    "  type mark",
    "  flags timeout",
    `  elements = { ${mark} }`,
    "}",
    "chain deadline {",
    "}",
    ...farewell,
    ...output([
      `meta skuid ${uid} ct mark set ${mark}`,
      `ct mark ${mark} ct mark @alive jump deadline`,
      `${ours} jump farewell`,
      `ct mark ${mark} ct mark @spared counter drop`,
      ...bar,
      `meta skuid ${uid} counter drop`,
    ]),
    // `spared` outlives `alive`, but where an agent of 0.1 feeds this table: it knows of the second alone.
    ...input([`ct mark ${mark} ct mark @spared accept`, `ct mark ${mark} ct mark @alive accept`]),
  ]);
}

/** Nobody's lease: neard talks freely, what was armed once stays barred. */
export function disarmed(): string {
  return table([...farewell, ...output([`${ours} jump farewell`, ...bar]), ...input([])]);
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
    `flush set inet ${fenceTable} spared`,
    `add element inet ${fenceTable} spared { ${mark} timeout ${Math.floor(remainingMs) + spareMs}ms }`,
    `flush chain inet ${fenceTable} deadline`,
    `add rule inet ${fenceTable} deadline meta time < ${Math.floor(wallDeadlineMs / 1000)} accept`,
    `flush set inet ${fenceTable} alive`,
    `add element inet ${fenceTable} alive { ${mark} timeout ${Math.floor(remainingMs)}ms }`,
  ].join("; ");
}

/** What nft echoes once a feed is committed. */
export function echoOfFed(epoch: number): string {
  return `add element inet ${fenceTable} alive { ${hex(markOf(epoch))} `;
}

/** Shuts at once, and ends the epoch's connections at both sides; the table stays armed. */
export function shut(): string {
  // An agent of before this set was there may have made the table.
  return `add set inet ${fenceTable} spared { type mark; flags timeout; }
flush chain inet ${fenceTable} deadline
flush set inet ${fenceTable} alive
flush set inet ${fenceTable} spared
`;
}

/** The low 24 bits of the epoch for which a listing of the table is armed; null when it is not. */
export function armedMark(listing: string): number | null {
  const match = /ct mark set 0x48([0-9a-f]{6})/.exec(listing);
  return match?.[1] === undefined ? null : markBase + Number.parseInt(match[1], 16);
}

/**
 * What in a listing of the table speaks against its holding all of neard's packets back; null: nothing does. `uid` is
 * neard's. Only what opens or removes the fence is looked for; nft writes the rest in its own words.
 */
export function openIn(listing: string, uid: number): string | null {
  const output = partOf(listing, "chain output");
  if (output === null || !output.some((line) => line.startsWith("type filter hook output ")))
    return "nothing looks at what leaves";
  const marks = output.findIndex((line) => line.startsWith(`meta skuid ${uid} ct mark set 0x48`));
  const drops = output.findIndex((line) => line.startsWith(`meta skuid ${uid} `) && line.endsWith(" drop"));
  if (marks < 0 || drops < 0) return "neard's packets are not dropped";
  const before = output.slice(0, drops).filter((line) => line.endsWith(" accept"));
  if (before.length > 1) return `a rule lets them out: ${before[1]}`;
  if (partOf(listing, "set alive")?.some((line) => line.startsWith("elements"))) return "an epoch is alive";
  return partOf(listing, "chain deadline")?.length === 0 ? null : "a deadline is set";
}

/** The lines of a chain or set; null: the table has none of that name. */
function partOf(listing: string, name: string): string[] | null {
  const lines = listing.split("\n").map((line) => line.trim());
  const head = lines.indexOf(`${name} {`);
  return head < 0 ? null : lines.slice(head + 1, lines.indexOf("}", head)).filter((line) => line !== "");
}
