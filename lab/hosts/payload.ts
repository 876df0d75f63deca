/**
 * Counts what leaves a host with something in it: TCP segments that carry at least one byte, seen on this machine's end
 * of the host's cables, where no rule of the host has any say. Ends of connections (FIN, RST) and acknowledgements carry
 * nothing and do not count; SSH, by which the host is asked, does not count either.
 */
import type { Lab } from "./description.ts";
import { run } from "./machine.ts";
import { cableName, cablesOf } from "./power.ts";

/** A count that goes on until it is stopped. */
export interface PayloadCount {
  /** Segments with payload so far, and what they had, headers included, in bytes. */
  read(): Promise<{ segments: number; bytes: number }>;
  stop(): Promise<void>;
}

/** TCP's header has 5 to 15 words of four bytes (RFC 9293). */
const headerWords = Array.from({ length: 11 }, (_, i) => i + 5);

/** Begins to count what `host` of `lab` sends from now on. Its cable must be there: the host is on. */
export async function countPayload(lab: Lab, host: string): Promise<PayloadCount> {
  const cable = cableName(lab, host);
  const table = `netdev holdfast-payload-${cable.slice("vb-".length)}`.replaceAll("-", "_");
  // IPv4's length has its own header of 20 bytes in it, IPv6's has not (RFC 791, RFC 8200).
  const rules = headerWords.flatMap((words) => [
    `tcp doff ${words} ip length > ${20 + words * 4} counter name sent`,
    `tcp doff ${words} ip6 length > ${words * 4} counter name sent`,
  ]);
  await run(
    "nft",
    ["-f", "-"],
    `table ${table}
delete table ${table}
table ${table} {
  counter sent {
  }
  chain ingress {
    type filter hook ingress devices = { ${cablesOf(lab, host).join(", ")} } priority 0; policy accept;
    tcp sport 22 accept
    ${rules.join("\n    ")}
  }
}
`,
  );
  return {
    async read() {
      const listing = await run("nft", ["list", "counter", ...table.split(" "), "sent"]);
      const [, segments, bytes] = /packets (\d+) bytes (\d+)/.exec(listing) ?? [];
      if (segments === undefined) throw new Error(`nft lists no counter of ${table}: ${listing}`);
      return { segments: Number(segments), bytes: Number(bytes) };
    },
    stop: async () => void (await run("nft", ["delete", "table", ...table.split(" ")])),
  };
}
