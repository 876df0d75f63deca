import { expect, test } from "vitest";
import type { SwitchoverProgress } from "../../contract/wire/agent-status.ts";
import { lastOrders, type Officer } from "./last-orders.ts";

type Said = Pick<SwitchoverProgress, "state" | "because"> | null;

/** An agent that says these of its switchover, one after the other, 50 ms apart; the last of them for good. */
async function goDown(change: Partial<Officer>, said: readonly Said[] = [], isStopping = true) {
  const asked: string[] = [];
  const log: string[] = [];
  let nowMs = 0;
  let looks = 0;
  const advance = (ms: number) => {
    nowMs += ms;
  };
  await lastOrders({
    officer: {
      role: "active",
      isPaused: async () => false,
      underWay: null,
      switchover: async () => {
        asked.push("switchover");
        return { id: "s1", from: "host-a", to: "host-b" };
      },
      progress: (id) => {
        const one = said[Math.min(looks++, said.length - 1)] ?? null;
        return one === null ? null : { id, from: "host-a", to: "host-b", ...one };
      },
      ...change,
    },
    isHostStopping: async () => isStopping,
    clock: { bootMs: () => nowMs, sleep: async (ms) => void advance(ms) },
    say: (what) => log.push(what),
  });
  return { asked, log, tookMs: nowMs };
}

const waiting: Said = { state: "waiting", because: "asks it to stand ready" };
const running: Said = { state: "running", because: "shuts the fence" };
const done: Said = { state: "done", because: "host-b took over" };

test("an active host that goes down hands over, and waits until it is taken", async () => {
  expect(await goDown({}, [waiting, running, done])).toEqual({
    asked: ["switchover"],
    log: ["the host is going down: hands over to host-b first", "handed over to host-b"],
    tookMs: 100,
  });
});

test("an agent that is only restarted hands nothing over", async () =>
  expect(await goDown({}, [done], false)).toEqual({ asked: [], log: [], tookMs: 0 }));

test.each(["standby", "starting", "taking", "demoting"] as const)("nor does a host that is %s", async (role) =>
  expect(await goDown({ role }, [done])).toEqual({ asked: [], log: [], tookMs: 0 }),
);

test("a paused cluster's key stays", async () =>
  expect(await goDown({ isPaused: async () => true }, [done])).toMatchObject({
    asked: [],
    log: ["the host is going down, and nothing could be handed over: the cluster is paused"],
  }));

test("nor does it move while nobody can say whether it is paused", async () =>
  expect(await goDown({ isPaused: async () => null }, [done])).toMatchObject({ asked: [], tookMs: 0 }));

test("a switchover that is under way is waited for, wherever it is", async () => {
  for (const role of ["active", "handing"] as const) {
    const { asked, log } = await goDown({ role, isPaused: async () => true, underWay: { id: "s0", to: "host-c" } }, [
      running,
      done,
    ]);
    expect(asked).toEqual([]);
    expect(log.at(-1)).toBe("handed over to host-c");
  }
});

test("nobody is ready: it goes down at once", async () => {
  const switchover = async () => ({ refused: "no standby is ready", next: "mend it" });
  expect(await goDown({ switchover })).toMatchObject({
    log: ["the host is going down, and nothing could be handed over: no standby is ready"],
    tookMs: 0,
  });
});

test("a handover that fails, or is forgotten, ends the wait", async () => {
  const failed: Said = { state: "failed", because: "host-b did not say that it stands ready" };
  expect((await goDown({}, [waiting, failed])).log.at(-1)).toBe(
    "nothing was handed over: host-b did not say that it stands ready",
  );
  expect((await goDown({}, [waiting, null])).log.at(-1)).toContain("another switchover came in between");
});

test("no wait is longer than systemd's, whoever does not answer", async () => {
  const { tookMs, log } = await goDown({}, [waiting]);
  expect(tookMs).toBe(8000);
  expect(log.at(-1)).toBe("host-b did not take over in time: asks it to stand ready");
});
