import { describe, expect, test, vi } from "vitest";
import { FenceKeeper } from "./keep-fence.ts";
import { FirewallKeeper, type Rules } from "./keep-firewall.ts";
import { type RuleNews, readRuleNews } from "./rule-news.ts";
import { RulesWatcher } from "./watch-rules.ts";

/** One message as the kernel frames it: an attribute with the table's name behind nfnetlink's own four bytes. */
function message(type: number, table: string): Buffer {
  const name = Buffer.from(`${table}\0`, "latin1");
  const attribute = Buffer.concat([Buffer.from([4 + name.length, 0, 1, 0]), name]);
  const content = Buffer.concat([Buffer.from([1, 0, 0, 7]), attribute]);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + content.length, 0);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, content, Buffer.alloc((4 - (content.length % 4)) % 4)]);
}

const fault = (code: string) => Object.assign(new Error(code), { code });

/** Reads these one after the other, then has nothing. */
function receiving(...datagrams: (Buffer | Error)[]) {
  return (into: Buffer) => {
    const next = datagrams.shift() ?? fault("EAGAIN");
    if (next instanceof Error) throw next;
    return next.copy(into);
  };
}

const [newTable, delTable, newRule, newElement] = [0xa00, 0xa02, 0xa06, 0xa0c];
const tables = ["holdfast_firewall", "holdfast"];

describe("the kernel's news", () => {
  test("whose table changed, and which went", () => {
    const news = readRuleNews(
      tables,
      receiving(
        Buffer.concat([message(newElement, "holdfast"), message(newRule, "filter")]),
        Buffer.concat([message(delTable, "holdfast_firewall"), message(newTable, "filter")]),
      ),
    );
    expect(news).toEqual({
      changed: new Set(tables),
      deleted: new Set(["holdfast_firewall"]),
      all: false,
      broken: null,
    });
  });
  test("a name within another is another's", () =>
    expect(readRuleNews(tables, receiving(message(delTable, "my_holdfast_firewall"))).changed.size).toBe(0));
  test("lost news may concern anything, and what follows is read", () =>
    expect(readRuleNews(tables, receiving(fault("ENOBUFS"), message(delTable, "holdfast")))).toEqual({
      changed: new Set(["holdfast"]),
      deleted: new Set(["holdfast"]),
      all: true,
      broken: null,
    }));
  test("a socket of no use says which error it was, and what it said before counts", () =>
    expect(readRuleNews(tables, receiving(message(delTable, "holdfast"), fault("EBADF")))).toEqual({
      changed: new Set(["holdfast"]),
      deleted: new Set(["holdfast"]),
      all: true,
      broken: "EBADF",
    }));
  test("a cut message ends the datagram", () =>
    expect(readRuleNews(tables, receiving(Buffer.alloc(16))).changed.size).toBe(0));
});

/** A kernel with one table, and a file that is loaded into it. */
class MemoryRules implements Rules {
  table: string | null = "ours";
  loads = 0;
  refuses = false;
  listing = async () => this.table;
  load = async () => {
    if (this.refuses) throw new Error("nft: syntax error");
    this.loads += 1;
    this.table = "ours";
  };
}

describe("the host's firewall", () => {
  function keeping(rules = new MemoryRules()) {
    const said: string[] = [];
    let nowMs = 0;
    const keeper = new FirewallKeeper({ rules, nowMs: () => nowMs, say: (what) => said.push(what) });
    return { rules, said, keeper, later: (ms: number) => (nowMs += ms) };
  }

  test("is loaded once by an agent that starts, and left alone after that", async () => {
    const { rules, said, keeper } = keeping();
    for (let times = 0; times < 3; times++) expect(await keeper.look()).toBe(false);
    expect(rules.loads).toBe(1);
    expect(said).toEqual([]);
  });
  test.each([
    [null, "the host's firewall was gone, and was put back"],
    ["ours, and a rule", "the host's firewall had other rules, and was put back"],
  ])("comes back when somebody made it %j", async (table, sentence) => {
    const { rules, said, keeper } = keeping();
    await keeper.look();
    rules.table = table;
    expect(await keeper.look()).toBe(true);
    expect(rules.table).toBe("ours");
    expect(said).toEqual([sentence]);
    expect(await keeper.look()).toBe(false);
  });
  test("is put back by an agent that starts and finds none", async () => {
    const { rules, said, keeper } = keeping();
    rules.table = null;
    expect(await keeper.look()).toBe(true);
    expect(said).toHaveLength(1);
  });
  test("what happens all the time is done each time, and said once a minute", async () => {
    const { rules, said, keeper, later } = keeping();
    await keeper.look();
    for (let times = 0; times < 200; times++) {
      rules.table = null;
      await keeper.look();
      later(500);
    }
    expect(rules.loads).toBe(201);
    expect(said).toEqual([
      "the host's firewall was gone, and was put back",
      "the host's firewall was gone, and was put back (120 times since it was last said)",
    ]);
  });
  test("a file that cannot be loaded is tried again", async () => {
    const { rules, keeper } = keeping();
    rules.table = null;
    rules.refuses = true;
    await expect(keeper.look()).rejects.toThrow("syntax error");
    rules.refuses = false;
    expect(await keeper.look()).toBe(true);
  });
});

describe("the fence's table", () => {
  test("is missed only where it was", async () => {
    let there = false;
    const gone = vi.fn(async () => {
      there = true;
    });
    const keeper = new FenceKeeper({ isThere: async () => there, gone });
    await keeper.look(false);
    expect(gone).not.toHaveBeenCalled();
    await keeper.look(true);
    expect(gone).toHaveBeenCalledTimes(1);
    there = false;
    await keeper.look(false);
    expect(gone).toHaveBeenCalledTimes(2);
  });
  test("that could not be put back is gone still", async () => {
    let fails = true;
    const gone = vi.fn(async () => {
      if (fails) throw new Error("nft");
    });
    const keeper = new FenceKeeper({ isThere: async () => false, gone });
    await expect(keeper.look(true)).rejects.toThrow("nft");
    fails = false;
    await keeper.look(false);
    expect(gone).toHaveBeenCalledTimes(2);
  });
});

describe("the watch", () => {
  const quiet: RuleNews = { changed: new Set(), deleted: new Set(), all: false, broken: null };
  /** Runs for so many looks; one takes 500 ms of the clock. */
  async function watching(looks: number, at: Record<number, RuleNews>, failing = 0, heard = true) {
    const seen: string[] = [];
    let turn = 0;
    let failures = failing;
    const watcher = new RulesWatcher({
      clock: { bootMs: () => turn * 500 },
      news: heard ? () => at[turn] ?? quiet : null,
      lookAtFirewall: async () => {
        if (failures-- > 0) throw new Error("nft");
        seen.push(`firewall ${turn}`);
      },
      lookAtFence: async (isSaid) => void seen.push(`fence ${turn}${isSaid ? " said" : ""}`),
      onFailure: (error) => seen.push(`${error.message} ${turn}`),
      onDeaf: (code) => seen.push(`deaf ${code} ${turn}`),
    });
    for (; turn < looks; turn++) await watcher.look();
    return seen;
  }

  test("looks when the kernel says so, and every five minutes", async () => {
    const seen = await watching(610, {
      10: { ...quiet, changed: new Set(["holdfast_firewall"]) },
      20: { ...quiet, changed: new Set(["holdfast"]), deleted: new Set(["holdfast"]) },
      30: { ...quiet, changed: new Set(["holdfast"]) },
    });
    expect(seen).toEqual(["fence 4", "firewall 4", "firewall 10", "fence 20 said", "fence 604", "firewall 604"]);
  });
  test("looks at all when news was lost", async () =>
    expect(await watching(4, { 2: { ...quiet, all: true } })).toEqual(["fence 2", "firewall 2"]));
  test("looks again a second after a failure", async () =>
    expect(await watching(12, {}, 1)).toEqual(["fence 4", "nft 4", "fence 6", "firewall 6"]));
  test("waits longer after each further failure, and 5 s at most", async () =>
    expect((await watching(60, {}, 99)).filter((what) => what.startsWith("nft"))).toEqual(
      [4, 6, 10, 18, 28, 38, 48, 58].map((at) => `nft ${at}`),
    ));
  test("a socket of no use costs no more than none, is said once, and is heard again when it can be", async () => {
    const broken = { ...quiet, all: true, broken: "EBADF" };
    const always = Object.fromEntries(Array.from({ length: 35 }, (_, at) => [at, broken]));
    const seen = await watching(60, always);
    expect(seen.filter((what) => !what.startsWith("fence"))).toEqual([
      ...["deaf EBADF 0", "firewall 0", "firewall 10", "firewall 20", "firewall 30"],
      "deaf null 40",
    ]);
  });
  test("looks every 5 s where the kernel's news cannot be had", async () =>
    expect((await watching(26, {}, 0, false)).filter((look) => look.startsWith("firewall"))).toEqual([
      "firewall 4",
      "firewall 14",
      "firewall 24",
    ]));
});
