/**
 * What our rules do with a packet, for tests: reads the very text that ruleset.ts makes for nft, and judges one packet
 * by it. It knows just the statements that occur there; any other is an error, so a new rule cannot pass unread.
 *
 * Not here: that the kernel does the same (test/scenarios/09-fence.test.ts).
 */

/** What the rules look at. Lengths in bytes: `length` is the whole IP packet, `words` TCP's header in words of four. */
export interface Packet {
  readonly hook: "output" | "input";
  readonly interface: string;
  /** Whose socket sends it; null: nobody's any more, or it comes in. */
  readonly uid: number | null;
  /** The connection's; 0: none. */
  readonly mark: number;
  readonly family: "ipv4" | "ipv6";
  readonly protocol: "tcp" | "udp";
  readonly isReset: boolean;
  readonly isSyn: boolean;
  /** The kernel knows of no connection that it belongs to. */
  readonly isNew: boolean;
  readonly words: number;
  readonly length: number;
}

export type Verdict = "accept" | "drop" | "reset";

/** A packet on its way through the rules, and when that is. */
interface Passage {
  readonly packet: Packet;
  /** As a rule may have set it. */
  mark: number;
  readonly nowMs: number;
  readonly wallMs: number;
}

/** A statement: whether the rule goes on after it, or its verdict. */
type Statement = (passage: Passage, words: readonly string[]) => boolean | Verdict;

export class NftModel {
  /** Marks and until when they are in the set. */
  #sets = new Map<string, { readonly mark: number; readonly untilMs: number }[]>();
  #chains = new Map<string, string[]>();

  readonly #statements: readonly (readonly [pattern: RegExp, Statement])[] = [
    [/^[io]ifname "(\w+)"(?= |$)/, ({ packet }, [name]) => packet.interface === name],
    [/^meta skuid 0-4294967294(?= |$)/, ({ packet }) => packet.uid !== null],
    [/^ct state new(?= |$)/, ({ packet }) => packet.isNew],
    [
      /^tcp flags & \(syn \| rst\) == 0(?= |$)/,
      ({ packet }) => packet.protocol === "tcp" && !packet.isSyn && !packet.isReset,
    ],
    [/^meta skuid (\d+)(?= |$)/, ({ packet }, [uid]) => packet.uid === Number(uid)],
    [/^meta l4proto (\w+)(?= |$)/, ({ packet }, [protocol]) => packet.protocol === protocol],
    [/^meta nfproto (\w+)(?= |$)/, ({ packet }, [family]) => packet.family === family],
    [/^meta length (\d+)(?= |$)/, ({ packet }, [length]) => packet.length === Number(length)],
    [/^meta time < (\d+)(?= |$)/, ({ wallMs }, [seconds]) => wallMs / 1000 < Number(seconds)],
    [/^tcp flags & rst == rst(?= |$)/, ({ packet }) => packet.protocol === "tcp" && packet.isReset],
    [/^tcp doff (\d+)(?= |$)/, ({ packet }, [words]) => packet.protocol === "tcp" && packet.words === Number(words)],
    [
      /^ct mark and (0x\w+) == (0x\w+)(?= |$)/,
      ({ mark }, [mask, value]) => (mark & Number(mask)) >>> 0 === Number(value),
    ],
    [
      /^ct mark and (0x\w+) != (0x\w+)(?= |$)/,
      ({ mark }, [mask, value]) => (mark & Number(mask)) >>> 0 !== Number(value),
    ],
    [/^ct mark @(\w+)(?= |$)/, ({ mark, nowMs }, [set = ""]) => this.#has(set, mark, nowMs)],
    [/^ct mark (0x\w+)(?= |$)/, ({ mark }, [value]) => mark === Number(value)],
    [
      /^ct mark set (0x\w+)(?= |$)/,
      (passage, [value]) => {
        passage.mark = Number(value);
        return true;
      },
    ],
    [/^counter(?= |$)/, () => true],
    [/^jump (\w+)(?= |$)/, (passage, [chain = ""]) => this.#walk(chain, passage) ?? true],
    [/^accept(?= |$)/, () => "accept"],
    [/^drop(?= |$)/, () => "drop"],
    [/^reject with tcp reset(?= |$)/, () => "reset"],
  ];

  /** Carries out what nft is given at `nowMs`: a table as `armed` makes it, or commands as `fed` and `shut` do. */
  load(text: string, nowMs: number): void {
    if (text.includes("delete table")) this.#replace(text, nowMs);
    else for (const command of text.trimEnd().split(text.includes("\n") ? "\n" : "; ")) this.#carryOut(command, nowMs);
  }

  /** What becomes of a packet at `nowMs` of the kernel's clock and `wallMs` of the host's. */
  judge(packet: Packet, nowMs: number, wallMs: number): Verdict {
    return this.#walk(packet.hook, { packet, mark: packet.mark, nowMs, wallMs }) ?? "accept";
  }

  #replace(text: string, nowMs: number): void {
    this.#sets.clear();
    this.#chains.clear();
    for (const [, kind, name = "", body = ""] of text.matchAll(/(set|chain) (\w+) \{\n((?:.*\n)*?) {2}\}/g)) {
      const lines = body.split("\n").flatMap((line) => line.trim() || []);
      if (kind === "set") {
        this.#sets.set(name, []);
        const elements = lines.find((line) => line.startsWith("elements = "));
        if (elements !== undefined)
          this.#carryOut(elements.replace("elements =", `add element inet holdfast ${name}`), nowMs);
      } else {
        const rules = lines.filter((line) => !line.startsWith("type filter hook"));
        this.#chains.set(name, rules);
      }
    }
  }

  #carryOut(command: string, nowMs: number): void {
    const [verb, what, , , name = ""] = command.split(" ");
    const rest = command.split(" ").slice(5).join(" ");
    const element = /^\{ (0x\w+)(?: timeout (\d+)ms)? \}$/.exec(rest);
    if (verb === "flush" && what === "set") this.#inside(this.#sets, name).length = 0;
    else if (verb === "flush") this.#inside(this.#chains, name).length = 0;
    else if (what === "set") this.#sets.set(name, this.#sets.get(name) ?? []);
    else if (what === "rule") this.#inside(this.#chains, name).push(rest);
    else if (element !== null)
      this.#inside(this.#sets, name).push({
        mark: Number(element[1]),
        untilMs: nowMs + Number(element[2] ?? Number.POSITIVE_INFINITY),
      });
    else throw new Error(`this model does not know the command: ${command}`);
  }

  #inside<T>(all: ReadonlyMap<string, T[]>, name: string): T[] {
    const found = all.get(name);
    if (found === undefined) throw new Error(`No such file or directory: ${name}`);
    return found;
  }

  #has(set: string, mark: number, nowMs: number): boolean {
    return this.#inside(this.#sets, set).some((element) => element.mark === mark && nowMs < element.untilMs);
  }

  #walk(chain: string, passage: Passage): Verdict | null {
    for (const rule of this.#inside(this.#chains, chain)) {
      const verdict = this.#follow(rule, passage);
      if (verdict !== null) return verdict;
    }
    return null;
  }

  #follow(rule: string, passage: Passage): Verdict | null {
    for (let rest = rule; rest !== ""; ) {
      const { length, outcome } = this.#statement(rest, rule, passage);
      if (typeof outcome === "string") return outcome;
      if (!outcome) return null;
      rest = rest.slice(length).trimStart();
    }
    return null;
  }

  #statement(text: string, rule: string, passage: Passage): { length: number; outcome: boolean | Verdict } {
    for (const [pattern, statement] of this.#statements) {
      const found = pattern.exec(text);
      if (found !== null) return { length: found[0].length, outcome: statement(passage, found.slice(1)) };
    }
    throw new Error(`this model does not know the rule: ${rule}`);
  }
}
