/**
 * A Consul server that comes back without its data: its machine was set up anew, under the same name and address. Before it
 * is started, the others must have stopped counting on the one that it replaces.
 *
 * Think of a juror who has lost his memory and takes his old seat: what he swore to before, he would swear against now.
 * Raft sends to addresses, so the leader would go on with the newcomer as with the voter that was there; and a voter that
 * has forgotten what it confirmed can help to elect a leader that never had it. So the old one leaves the list of servers
 * first, said on its behalf, and the new one joins as any other: without a vote until it has caught up.
 * Awkward cases: a first deployment (nobody answers, or nobody has a list yet); a cluster that still sees a living server of
 * this name: it died seconds ago, or two machines have this name, and then this one is not started.
 */
import { HoldfastError } from "../contract/errors.ts";
import { type Progress, unhurried } from "./progress.ts";

/** One of Raft's servers, as any other server lists them. */
export interface RaftServer {
  /** Its name; Consul says "(unknown)" for one that it has forgotten. */
  readonly name: string;
  /** Without the port. */
  readonly address: string;
}

/** Another server of the cluster. Each method throws when it does not answer. */
export interface OtherServer {
  raftServers(): Promise<readonly RaftServer[]>;
  /** Whether gossip has a living member of that name. */
  seesAlive(name: string): Promise<boolean>;
  /** Says goodbye on behalf of a member that has failed. */
  forceLeave(name: string): Promise<void>;
}

export interface PredecessorWork {
  readonly host: string;
  readonly address: string;
  readonly others: readonly OtherServer[];
  readonly progress: Progress;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/** Until gossip has noticed that a server which was stopped is gone, and the leader has taken it off the list. */
const goneWithinMs = 45_000;
const lookEveryMs = 1000;

/** Pure. Those on the list that are this host as it was. */
export function predecessorsIn(servers: readonly RaftServer[], own: { host: string; address: string }): RaftServer[] {
  return servers.filter(({ name, address }) => name === own.host || address === own.address);
}

/**
 * Call it only where this host's Consul has no data.
 * @returns whether there was one, which counts no more
 * @throws HoldfastError HF_REFUSED when the cluster goes on counting on it
 */
export async function dismissPredecessor(work: PredecessorWork): Promise<boolean> {
  const startMs = work.nowMs();
  const say = unhurried(work.progress, work.nowMs);
  for (let found = false; ; found = true) {
    const seen = await firstWord(work.others);
    if (seen === null || predecessorsIn(seen.servers, work).length === 0) return found;
    const isAlive = await seen.through.seesAlive(work.host).catch(() => true);
    const why = isAlive ? "they see it alive" : "it is on their list of servers";
    if (work.nowMs() - startMs >= goneWithinMs) throw stillCounted(work, isAlive);
    if (!isAlive) await seen.through.forceLeave(work.host).catch((error: Error) => say(error.message));
    say(`Consul is not started yet, for the others count on the one that was here before: ${why}`);
    await work.sleep(lookEveryMs);
  }
}

/** Null: nobody answers, or nobody has a list: there is no cluster yet. */
async function firstWord(
  others: readonly OtherServer[],
): Promise<{ readonly through: OtherServer; readonly servers: readonly RaftServer[] } | null> {
  const asked = others.map(async (through) => {
    const servers = await through.raftServers();
    if (servers.length === 0) throw new Error("it has no list yet");
    return { through, servers };
  });
  return await Promise.any(asked).catch(() => null);
}

function stillCounted({ host, address }: PredecessorWork, isAlive: boolean): HoldfastError {
  return isAlive
    ? new HoldfastError(
        "HF_REFUSED",
        `Consul on ${host} has no data, and the other servers see a living server ${host} (${address}): another machine runs under this name. Consul was not started here.`,
        { next: "Find that machine and switch it off, then run pulumi up again: it goes on from here." },
      )
    : new HoldfastError(
        "HF_REFUSED",
        `Consul on ${host} has no data, and the other servers go on counting on the one that was here before: they may be no majority without it. Consul was not started here.`,
        {
          next: 'Bring the other Consul servers back (holdfast status), then run pulumi up again: it goes on from here. If most of them are gone for good: docs/operate/replace-a-host.md, "Most Consul servers are gone for good".',
        },
      );
}
