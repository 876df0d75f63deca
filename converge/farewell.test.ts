import { expect, test } from "vitest";
import { ConsulUnknown } from "../host/consul/errors.ts";
import type { WithoutOne } from "../host/consul/voters.ts";
import { decideFarewell, type Surroundings } from "./farewell.ts";

const well: WithoutOne = { spare: 0, enoughWhenLeft: true, counts: true, voters: 4, faults: [] };
const server = (without: Partial<WithoutOne>, inUse = true): Surroundings => ({
  isServer: true,
  without: { ...well, ...without },
  inUse,
});
const short = { enoughWhenLeft: false, faults: ["host-b gives no answer itself"] };

async function farewell(look: (nowMs: number) => Surroundings) {
  let nowMs = 0;
  const lines: string[] = [];
  const outcome = await decideFarewell(async () => look(nowMs), {
    host: "host-d",
    progress: (line) => lines.push(line),
    nowMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  }).catch((error: unknown) => error);
  return { outcome, lines, tookMs: nowMs };
}

test("a client, and a server that the others can spare, leave at once", async () => {
  expect(await farewell(() => ({ isServer: false }))).toMatchObject({ outcome: { leave: true }, tookMs: 0 });
  expect(await farewell(() => server({}))).toMatchObject({ outcome: { leave: true }, tookMs: 0 });
});

test("a server that was killed seconds ago is waited for, and said by name", async () => {
  const { outcome, lines, tookMs } = await farewell((now) => server(now < 5000 ? short : {}));
  expect({ outcome, tookMs }).toEqual({ outcome: { leave: true }, tookMs: 5000 });
  expect(lines[0]).toBe("Consul does not leave yet: host-b gives no answer itself (2 s)");
});

test("a cluster in use never loses its quorum: the removal is refused, and says what to do", async () => {
  const { outcome, tookMs } = await farewell(() => server(short));
  expect(outcome).toMatchObject({
    code: "HF_REFUSED",
    message: expect.stringContaining("(host-b gives no answer itself)"),
    next: expect.stringContaining("holdfast:gone"),
  });
  expect(tookMs).toBe(45_000);
});

test("a cluster that is taken down goes on: once no session is left, or at two voters", async () => {
  expect((await farewell((now) => server(short, now < 20_000))).outcome).toMatchObject({ leave: false });
  expect(await farewell(() => server({ ...short, voters: 2 }))).toMatchObject({ outcome: { leave: false }, tookMs: 0 });
});

test("without a leader for longer than an election there is no quorum to lose", async () => {
  const noLeader = (untilMs: number) => (now: number) => {
    if (now < untilMs) throw new ConsulUnknown("No cluster leader");
    return server({});
  };
  expect((await farewell(noLeader(4000))).outcome).toEqual({ leave: true });
  expect(await farewell(noLeader(99_000))).toMatchObject({
    outcome: { leave: false, because: "No cluster leader" },
    tookMs: 6000,
  });
});
