/**
 * A hostile arbiter: whoever has root there reads every Consul token from its data, and may write whatever he likes into
 * the lock. Each way alone, and in the moment in which the holder or the standby is cut off. Nobody signs beside another,
 * and status says that somebody tampers.
 */

import { units } from "../../../contract/paths.ts";
import { snapshotFault } from "../../../contract/snapshot-file.ts";
import { tamperedMs } from "../bounds.ts";
import { lookAtAll } from "../look.ts";
import { inArea, type Place, type Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";

interface Lock {
  readonly Value: string;
  readonly LockIndex: number;
  readonly Session?: string;
}

interface Past {
  /** The record of the lock's last holder before this one, and the marker with which he let go. */
  readonly record: string;
  readonly marker: string;
  readonly snapshot: Buffer;
}

interface Way {
  readonly name: string;
  readonly sentence: string;
  readonly act: (stage: Stage, past: Past) => Promise<unknown>;
  /** It takes something that was kept from an earlier term. */
  readonly replays?: true;
}

async function lockOf(stage: Stage): Promise<Lock> {
  const [entry] = await stage.consulJson<Lock[]>(`/kv/${stage.lockKey}`);
  if (entry === undefined) throw new Error("there is no lock");
  return { ...entry, Value: Buffer.from(entry.Value, "base64").toString("utf8") };
}

async function put(stage: Stage, value: string, query = ""): Promise<void> {
  await stage.consul("PUT", `/kv/${stage.lockKey}${query}`, { body: value });
}

const nothing: Past = { record: "", marker: "", snapshot: Buffer.alloc(0) };

/**
 * Somebody who has looked on for a while, and kept copies. While the cluster is paused, a holder that lets go leaves his
 * marker where everybody can read it. At the end the host holds that held at the beginning.
 */
async function watched(stage: Stage): Promise<Past> {
  const { active } = stage;
  const record = (await lockOf(stage)).Value;
  const snapshot = await stage.consul("GET", "/snapshot");
  if ((await snapshotFault(snapshot)) !== null) throw new Error("the arbiter gave no whole snapshot");
  await stage.holdfast("pause", "--reason", "nemesis");
  await stage.on(active, `systemctl kill --signal=KILL ${units.neard}`);
  const marker = await markerLeft(stage);
  await stage.holdfast("resume");
  const holds = (host: string) => stage.seen(30_000, (statuses) => statuses.get(host)?.role === "active");
  const isBack = await Promise.race([holds(active).then(() => true), holds(stage.standby).then(() => false)]);
  // Who has just begun to hold is watched for a whole wait before anybody believes him.
  await stage.wait(stage.limits.lease.takeoverMs + 3000);
  if (isBack) return { record, snapshot, marker };
  const { code, stderr } = await stage.holdfast("switchover", "--yes", "--heard-timeout", "0", "--to", active);
  if (code !== 0) throw new Error(stderr);
  await stage.wait(stage.limits.lease.takeoverMs + 3000);
  return { record, snapshot, marker };
}

async function markerLeft(stage: Stage): Promise<string> {
  for (let tries = 0; tries < 20; tries += 1, await stage.wait(500)) {
    const { Value } = await lockOf(stage);
    if (Value.includes('"released"')) return Value;
  }
  throw new Error("the holder left no marker");
}

/** Releases the lock in the name of the holder's session. */
async function release(stage: Stage, value: (lock: Lock) => object | string): Promise<void> {
  const lock = await lockOf(stage);
  const body = value(lock);
  await put(stage, typeof body === "string" ? body : JSON.stringify(body), `?release=${lock.Session}`);
}

/** A clean marker of the holder's own session and epoch: right in all but its seal. */
function forged(stage: Stage, lock: Lock): object {
  const record = JSON.parse(lock.Value) as { host: string; seq: number };
  const released = {
    by: record.host,
    session: lock.Session,
    to: stage.standby,
    epoch: lock.LockIndex,
    switchover: null,
    because: "forged",
    height: null,
    deaths: 0,
  };
  return { ...record, seq: record.seq + 1, released };
}

const ways: readonly Way[] = [
  {
    name: "release-marker-forged",
    sentence: "releases the lock in its holder's name with a forged clean marker",
    act: (stage) => release(stage, (lock) => forged(stage, lock)),
  },
  {
    name: "marker-forged-on-a-free-lock",
    sentence: "destroys the lock's session and writes a forged clean marker of it",
    act: async (stage) => {
      const lock = await lockOf(stage);
      await stage.consul("PUT", `/session/destroy/${lock.Session}`);
      await put(stage, JSON.stringify(forged(stage, { ...lock, LockIndex: 0 })));
    },
  },
  {
    name: "old-marker-replayed",
    sentence: "releases the lock in its holder's name with a genuine marker of an earlier term",
    replays: true,
    act: (stage, past) => release(stage, () => past.marker),
  },
  {
    name: "old-record-replayed",
    sentence: "writes a genuine record of an earlier term into the lock",
    replays: true,
    act: (stage, past) => put(stage, past.record),
  },
  {
    name: "lock-written-plainly",
    sentence: "writes the present record into the lock again, with a shorter lease in it",
    act: async (stage) => {
      const { Value } = await lockOf(stage);
      await put(stage, JSON.stringify({ ...JSON.parse(Value), heardMs: 0 }));
    },
  },
  {
    name: "lock-deleted-and-made-again",
    sentence: "deletes the lock's key and writes its record into a new one",
    act: async (stage) => {
      const { Value } = await lockOf(stage);
      await stage.consul("DELETE", `/kv/${stage.lockKey}`);
      await put(stage, Value);
    },
  },
  {
    name: "earlier-snapshot-restored",
    sentence: "restores a snapshot of an earlier term",
    replays: true,
    act: (stage, past) => stage.consul("PUT", "/snapshot", { body: past.snapshot }),
  },
  {
    name: "session-destroyed-by-a-stranger",
    sentence: "destroys the lock's session",
    act: async (stage) => await stage.consul("PUT", `/session/destroy/${await stage.lockSession()}`),
  },
];

const cuts: readonly { place: Place | null; suffix: string; words: string }[] = [
  { place: null, suffix: "", words: "" },
  { place: "active", suffix: "-holder-cut-off", words: ", while the holder is cut off from the other hosts" },
  { place: "standby", suffix: "-standby-cut-off", words: ", while the standby is cut off from the other hosts" },
];

const resumed = async (stage: Stage) => void (await stage.holdfast("resume"));

/** Whoever can be reached by now has seen it, and says so; those who were cut off see what is there when they are back. */
async function untilTold(stage: Stage): Promise<void> {
  const isTold = await stage.seen(20_000, (statuses) =>
    [...statuses.values()].some((status) => (status?.lock?.tampering?.lastAgoMs ?? Number.POSITIVE_INFINITY) < 60_000),
  );
  if (!isTold) {
    const said = [...(await lookAtAll(stage.lab)).values()].map((status) => JSON.stringify(status?.lock));
    throw new Error(`no host says that somebody tampers: ${said.join(", ")}`);
  }
}

export const tampering: readonly Scenario[] = inArea(
  "tampering",
  cuts.flatMap(({ place, suffix, words }) =>
    ways.map(({ name, sentence, act, replays }) => ({
      name: `${name}${suffix}`,
      sentence: `Root on the arbiter ${sentence}${words}.`,
      expects: "either" as const,
      boundMs: tamperedMs,
      run: async (stage: Stage) => {
        const past = replays === true ? await watched(stage) : nothing;
        // It goes on leading whoever is cut off, so that it can do its work.
        await stage.leadBy(stage.arbiter);
        if (place !== null) await stage.inject("partition", stage[place]);
        stage.broken();
        await act(stage, past);
        // The time in which two could sign, if anybody believed it.
        await stage.wait(2 * stage.limits.lease.leaseMs);
        if (place !== null) await stage.heal();
        await untilTold(stage);
      },
      ...(replays === true ? { undo: resumed } : {}),
    })),
  ),
);
