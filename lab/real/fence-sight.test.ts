import { expect, test } from "vitest";
import { letsOut } from "./fence-sight.ts";

/** As `nft list table` prints it. */
const listing = (elements: string, deadline: string) => `table inet holdfast {
\tset alive {
\t\ttype mark
\t\tflags timeout
${elements}\t}

\tchain deadline {
${deadline}\t}

\tchain output {
\t\ttype filter hook output priority filter + 10; policy accept;
\t\toifname "lo" accept
\t\tmeta skuid 999 ct mark set 0x48000007
\t\tct mark 0x48000007 ct mark @alive jump deadline
\t}
}
`;
const alive = "\t\telements = { 0x48000007 timeout 6s500ms expires 5s }\n";
const until = '\t\tmeta time < "2026-01-01 00:00:10" accept\n';
const at = (text: string) => Date.parse(text);

test.for([
  ["fed, before the deadline", listing(alive, until), "2026-01-01T00:00:05Z", true],
  ["fed, past the deadline", listing(alive, until), "2026-01-01T00:00:11Z", false],
  ["shut", listing("", ""), "2026-01-01T00:00:05Z", false],
  ["its element timed out", listing("", until), "2026-01-01T00:00:05Z", false],
  ["not armed", "table inet holdfast {\n\tchain output {\n\t}\n}\n", "2026-01-01T00:00:05Z", true],
  ["of a shape that is not known", "ct mark set 0x48000007", "2026-01-01T00:00:05Z", true],
] as const)("a fence that is %s", ([, text, time, open]) => {
  expect(letsOut(text, at(time))).toBe(open);
});
