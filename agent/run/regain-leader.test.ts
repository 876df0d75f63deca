import { setImmediate as settled } from "node:timers/promises";
import { expect, test } from "vitest";
import { ConsulRefused, ConsulUnknown } from "../../host/consul/errors.ts";
import { regainLeader } from "./regain-leader.ts";

const url = "https://127.0.0.1:8501";
/** As Consul 1.22.6 says it, status 500. */
const untracked = new ConsulUnknown(`${url}: Raft leader not found in server lookup mapping`);

function consul({ leader = "10.0.0.3:8300" as string | null, fails = false } = {}) {
  const joined: string[] = [];
  const said: string[] = [];
  let nowMs = 0;
  const join = async (address: string) => {
    joined.push(address);
    if (fails) throw new ConsulUnknown("i/o timeout");
  };
  const tell = regainLeader({
    own: { url, leader: async () => leader, join },
    clock: { bootMs: () => nowMs },
    log: { warn: (_, text) => said.push(text) },
  });
  const tellAt = async (error: unknown, atMs: number) => {
    nowMs = atMs;
    tell(error);
    await settled();
  };
  return { joined, said, tell: tellAt };
}

test("the leader that Raft hears is greeted where gossip is, once for many failures", async () => {
  const { joined, said, tell } = consul();
  for (const atMs of [0, 200, 400, 1900]) await tell(untracked, atMs);
  expect(joined).toEqual(["10.0.0.3:8301"]);
  expect(said).toEqual(["Consul took its leader 10.0.0.3:8300 for dead, and has greeted it anew"]);
  await tell(untracked, 2100);
  expect(joined).toHaveLength(2);
});

test("an address of IPv6 keeps its brackets", async () => {
  const { joined, tell } = consul({ leader: "[fd00::3]:8300" });
  await tell(untracked, 0);
  expect(joined).toEqual(["[fd00::3]:8301"]);
});

test("a greeting that fails is told, and tried again", async () => {
  const { joined, said, tell } = consul({ fails: true });
  await tell(untracked, 0);
  await tell(untracked, 3000);
  expect(joined).toHaveLength(2);
  expect(said[0]).toBe("Consul takes its leader for dead, and could not greet it: i/o timeout");
});

test("nobody is greeted for another server's words, another failure, or where there is no leader", async () => {
  const { joined, tell } = consul();
  await tell(new ConsulUnknown("https://10.0.0.2:8501: Raft leader not found in server lookup mapping"), 0);
  await tell(new ConsulUnknown(`${url}: No cluster leader`), 0);
  await tell(new ConsulRefused(403, "Permission denied"), 0);
  await tell(new Error(untracked.message), 0);
  expect(joined).toEqual([]);
  const leaderless = consul({ leader: null });
  await leaderless.tell(untracked, 0);
  expect(leaderless.joined).toEqual([]);
});
