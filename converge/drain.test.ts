import { expect, test } from "vitest";
import { HoldfastError } from "../contract/errors.ts";
import { units } from "../contract/paths.ts";
import { type DrainHost, drain } from "./drain.ts";
import type { Alone } from "./maintenance/with-lock.ts";

/** A host of which each part can be there or not, and that fails where it is told to. */
class FakeHost implements DrainHost {
  readonly host = "host-b";
  readonly events: string[] = [];
  readonly running = new Set<string>([units.agent, units.neard, units.consul]);
  keys = ["/etc/holdfast/credentials/validator-key.cred"];
  isVoter = true;
  isLocked: boolean | null = true;
  failsAt = "";

  #do(what: string): void {
    if (what === this.failsAt) throw new Error(`cut short at ${what}`);
    this.events.push(what);
  }
  async alone(work: (alone: Alone | null) => Promise<void>): Promise<void> {
    this.#do("lock");
    const { isLocked } = this;
    if (isLocked === null) return await work(null);
    await work({
      isLocked,
      untilSpared: async () => this.#do("spared"),
      beforeLeaving: async () => this.#do("done is said"),
    });
  }
  async retire(unit: string) {
    this.#do(`retire ${unit}`);
    return this.running.delete(unit);
  }
  async endWithKey() {
    this.#do("end with key");
  }
  async eraseSealedKeys() {
    this.#do("erase");
    return this.keys.splice(0);
  }
  async leaveConsul() {
    this.#do("leave");
    const { isVoter } = this;
    this.isVoter = false;
    return isVoter;
  }
}

const inOrder = [
  "lock",
  `retire ${units.agent}`,
  "end with key",
  "erase",
  `retire ${units.neard}`,
  "spared",
  "done is said",
  "leave",
  `retire ${units.consul}`,
];

async function drained(host: FakeHost): Promise<string[]> {
  const done: string[] = [];
  await drain(host, ({ what }) => done.push(what));
  return done;
}

test("each goes before what it rests on: the agent, neard with its key, Consul with its vote", async () => {
  const host = new FakeHost();
  expect(await drained(host)).toEqual([
    units.agent,
    "/etc/holdfast/credentials/validator-key.cred",
    units.neard,
    units.consul,
  ]);
  expect(host.events).toEqual(inOrder);
});

test("called again, it finds nothing to do, and asks all the same before Consul is told to leave", async () => {
  const host = new FakeHost();
  await drained(host);
  host.events.length = 0;
  expect(await drained(host)).toEqual([]);
  expect(host.events).toEqual(inOrder);
});

test.each(inOrder)("cut short at %s, the next call brings it to its end", async (failsAt) => {
  const host = new FakeHost();
  host.failsAt = failsAt;
  await expect(drained(host)).rejects.toThrow("cut short");
  host.failsAt = "";
  await drained(host);
  expect([host.running.size, host.keys.length, host.isVoter]).toEqual([0, 0, false]);
});

test("without a quorum nothing is done: this server may be the one that is missing", async () => {
  const host = new FakeHost();
  host.isLocked = false;
  const error = await drained(host).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(HoldfastError);
  expect(error).toMatchObject({ code: "HF_CONSUL", message: expect.stringContaining("Nothing was changed here") });
  expect(host.events).toEqual(["lock"]);
});

test("a host that never had an agent is taken down without asking anybody", async () => {
  const host = new FakeHost();
  host.isLocked = null;
  await drained(host);
  expect(host.running.size).toBe(0);
});
