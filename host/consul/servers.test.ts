import { expect, test } from "vitest";
import { ConsulUnknown } from "./errors.ts";
import { ConsulServers } from "./servers.ts";

/** Three ways, by name, and a clock of their own. */
function ways() {
  let nowMs = 10_000;
  const clock = { bootMs: () => nowMs, wallMs: () => nowMs, sleep: async () => {} };
  const servers = new ConsulServers(["own", "b", "c"], clock);
  const taken: string[] = [];
  /** The returned function gives the request up. */
  const hang = (slowMs?: number) => {
    let giveUp = () => {};
    const asked = servers.use(
      (way) => {
        taken.push(way);
        return new Promise<never>((_, reject) => {
          giveUp = () => reject(new ConsulUnknown("timed out"));
        });
      },
      slowMs === undefined ? {} : { slowMs },
    );
    return () => {
      giveUp();
      return asked.catch(() => {});
    };
  };
  const answer = async () => await servers.use(async (way) => void taken.push(way));
  const fail = async () =>
    await servers
      .use(async (way) => {
        taken.push(way);
        throw new ConsulUnknown("no answer");
      })
      .catch(() => {});
  const after = (ms: number) => {
    nowMs += ms;
  };
  return { taken, hang, answer, fail, after };
}

test("the own Consul first, as long as it answers", async () => {
  const { taken, answer } = ways();
  await answer();
  await answer();
  expect(taken).toEqual(["own", "own"]);
});

test("a way that failed is avoided for three seconds", async () => {
  const { taken, answer, fail, after } = ways();
  await fail();
  await answer();
  after(3001);
  await answer();
  expect(taken).toEqual(["own", "b", "own"]);
});

test("blocking queries that hang one after the other each take another way", async () => {
  const { taken, hang, answer, after } = ways();
  // The leader died with its host: the own Consul still waits for it, and the next way is that very host.
  for (const _ of ["own", "b"]) {
    hang(1200);
    after(1300);
  }
  await answer();
  expect(taken).toEqual(["own", "b", "c"]);
});

test("a blocking query within its time makes nothing suspect, two of one moment are told apart", async () => {
  const { taken, hang, answer, after } = ways();
  await answer();
  hang(1200);
  hang();
  after(600);
  hang(1200);
  after(200);
  await answer();
  expect(taken).toEqual(["own", "own", "own", "own", "b"]);
});

test("when all hang, each has its turn, the least waited for first", async () => {
  const { taken, hang, after } = ways();
  for (let i = 0; i < 6; i++) {
    hang(350);
    after(400);
  }
  expect(taken).toEqual(["own", "b", "c", "own", "b", "c"]);
});

test("a request that hangs, and then fails, says nothing of a way that has answered a later one", async () => {
  const { taken, hang, answer, after } = ways();
  const giveUp = hang(350);
  await answer();
  after(400);
  await answer();
  await giveUp();
  await answer();
  expect(taken).toEqual(["own", "own", "own", "own"]);
});

test("of the others, one that failed comes after one that has not", async () => {
  const { taken, hang, fail, answer, after } = ways();
  hang(350);
  after(400);
  await fail();
  after(3001);
  await answer();
  expect(taken).toEqual(["own", "b", "c"]);
});
