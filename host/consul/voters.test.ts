import { describe, expect, test } from "vitest";
import type { AutopilotHealth, ServerWord } from "./client.ts";
import { type Asked, askVoters, heirOf, judge, seconded, type Voter, withoutOne } from "./voters.ts";

const good: ServerWord = { index: 20, knowsLeader: true, lastContactMs: 30 };

function server(Name: string, over: Partial<AutopilotHealth["Servers"][number]> = {}) {
  const Address = `10.0.0.${Name.charCodeAt(5) - 96}:8300`;
  return {
    ID: `id of ${Name}`,
    Name,
    Version: "1.20.6",
    Address,
    SerfStatus: "alive",
    Leader: Name === "host-a",
    Voter: true,
    Healthy: true,
    LastIndex: 20,
    ...over,
  };
}

/** Three servers: what the leader says of them, and what each says itself; "dead" gives no answer. */
function cluster(words: Record<string, ServerWord | "dead">, over: Record<string, object> = {}) {
  const closed: string[] = [];
  const through: Pick<Asked, "health" | "leadersWord"> = {
    health: async () => ({ Healthy: true, Servers: Object.keys(words).map((name) => server(name, over[name])) }),
    leadersWord: async () => good,
  };
  const clientOf = (address: string) => ({
    ownWord: async () => {
      const name = Object.keys(words).find((each) => server(each, over[each]).Address.startsWith(`${address}:`));
      const word = words[name ?? ""];
      if (word === undefined || word === "dead") throw new Error("no answer");
      return word;
    },
    close: () => void closed.push(address),
  });
  return {
    through,
    clientOf,
    ask: async (host: string) => withoutOne(await askVoters(through, clientOf), host),
    closed,
  };
}

test("all well: one of three may go, and every client is closed", async () => {
  const { ask, closed } = cluster({ "host-a": good, "host-b": good, "host-c": good });
  expect(await ask("host-b")).toEqual({ spare: 0, enoughWhenLeft: true, counts: true, voters: 3, faults: [] });
  expect(closed).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
});

test("a killed server that the leader still calls healthy is not counted on", async () => {
  const { ask } = cluster({ "host-a": good, "host-b": good, "host-c": "dead" });
  expect(await ask("host-b")).toMatchObject({ spare: -1, counts: true, faults: ["host-c gives no answer itself"] });
  // Restarting the dead one costs nothing only once the leader knows it, too, to be dead.
  expect(await ask("host-c")).toMatchObject({ spare: 0, counts: true });
});

test("one that is surely dead may be restarted", async () => {
  const { ask } = cluster({ "host-a": good, "host-b": good, "host-c": "dead" }, { "host-c": { Healthy: false } });
  expect(await ask("host-c")).toMatchObject({ spare: 0, counts: false });
});

describe("a voter counts only if it follows the leader now", () => {
  test.each<[string, Partial<ServerWord>, string | null]>([
    ["well", {}, null],
    ["just started", { knowsLeader: false }, "knows no leader"],
    ["cut off", { lastContactMs: 2300 }, "has heard nothing from the leader for 2.3 s"],
    ["replaying", { index: 19 }, "is behind the leader"],
    ["further than the leader was", { index: 25 }, null],
  ])("%s", (_, over, fault) => {
    expect(judge(server("host-b"), { ...good, ...over }, 20)).toMatchObject({ name: "host-b", fault, lives: true });
  });

  test("and if the leader has nothing against it", () => {
    const { fault } = judge(server("host-b", { Healthy: false }), good, 20);
    expect(fault).toBe("is not healthy, says the leader");
  });
});

test("who has no vote, and who is no server, is not counted at all", async () => {
  const { ask } = cluster(
    { "host-a": good, "host-b": good, "host-c": good, "host-d": good },
    { "host-d": { Voter: false } },
  );
  expect(await ask("host-d")).toMatchObject({ voters: 3, counts: false, spare: 1 });
});

test("a fourth may go while one is lost: the three that are left have a majority", async () => {
  const { ask } = cluster({ "host-a": good, "host-b": good, "host-c": "dead", "host-d": good });
  expect(await ask("host-d")).toMatchObject({ spare: -1, enoughWhenLeft: true });
});

test("an address of IPv6 loses its port and its brackets", async () => {
  const { ask, closed } = cluster({ "host-a": good }, { "host-a": { Address: "[fd00::1]:8300" } });
  await ask("host-a");
  expect(closed).toEqual(["fd00::1"]);
});

describe("who may lead after a leader that is restarted", () => {
  const at = (version: string) => ({ Version: version });
  const heir = async (host: string, words: Record<string, ServerWord | "dead">, over: Record<string, object> = {}) => {
    const { through, clientOf } = cluster(words, over);
    return heirOf(await askVoters(through, clientOf), host);
  };
  const all = { "host-a": good, "host-b": good, "host-c": good };

  test("nobody after one that does not lead", async () => expect(await heir("host-b", all)).toBeNull());
  test("one that answers itself", async () =>
    expect(await heir("host-a", { ...all, "host-b": "dead" })).toEqual({ name: "host-c", id: "id of host-c" }));
  test("nobody, if no other does", async () =>
    expect(await heir("host-a", { ...all, "host-b": "dead", "host-c": "dead" })).toBeNull());
  test.for([
    ["1.20.6", "1.22.6", "host-c"],
    ["1.22.10", "1.22.9", "host-b"],
  ] as const)("of %s and %s the newer one, for it is through with its upgrade", async ([b, c, name]) =>
    expect(await heir("host-a", all, { "host-b": at(b), "host-c": at(c) })).toMatchObject({ name }),
  );
});

describe("where the others cannot be asked, as by a host that leaves", () => {
  const unheard = (name: string, index: number, healthy = true): Voter => ({
    name,
    fault: "gives no answer itself",
    lives: healthy,
    unheard: true,
    heardOf: { index, healthy },
    server: { id: "", version: "", leads: false },
  });
  const faults = (voters: Voter[]) => seconded(voters, 50).map(({ fault }) => fault);

  test("who has what was written since counts, by the leader's word", () => {
    expect(faults([unheard("host-a", 50), unheard("host-b", 61)])).toEqual([null, null]);
  });
  test("who was killed before never gets that far, though the leader still calls it healthy", () => {
    expect(faults([unheard("host-c", 49)])).toEqual(["gives no answer itself"]);
  });
  test("nor does one count that the leader is not content with, or that had a fault of its own", () => {
    expect(faults([unheard("host-c", 61, false)])).toEqual(["gives no answer itself"]);
    const { unheard: _, ...heard } = unheard("host-c", 61);
    expect(faults([{ ...heard, fault: "knows no leader" }])).toEqual(["knows no leader"]);
  });
});
