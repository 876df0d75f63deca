/**
 * Gives this host's Consul its sight of the leader back. A server that was cut off for some seconds takes the others for
 * dead, and they it; when the way is free again, Raft goes on within a second, but gossip speaks to the dead only now and
 * then: up to 30 s later (seen on 1.22.6: 15 s). Until then that server passes nothing on to the leader, so a standby there
 * does not see the lock confirmed, and if the holder falls in those seconds, nobody takes over. Whom Raft hears can be
 * greeted, which is what a server does with all others when it starts.
 *
 * Greets nobody else: an attempt at a host that is dead costs Consul ten seconds and a line in its log.
 */
import { ports } from "../../contract/paths.ts";
import type { ConsulClient } from "../../host/consul/client.ts";
import { leaderUntracked } from "../../host/consul/errors.ts";
import type { Clock } from "../../host/system/clock.ts";

/** One greeting is enough, and the answers that were under way still say that it is needed. */
const pauseMs = 2000;

/** @returns to be told of every request to a Consul that failed; it never throws, and greets in the background */
export function regainLeader(options: {
  own: Pick<ConsulClient, "url" | "leader" | "join">;
  clock: Pick<Clock, "bootMs">;
  log: { warn(facts: object, text: string): void };
}): (error: unknown) => void {
  const { own, clock, log } = options;
  const isOwn = (error: unknown) => leaderUntracked(error) && (error as Error).message.startsWith(own.url);
  let isGreeting = false;
  let greetedMs = Number.NEGATIVE_INFINITY;

  async function greet(): Promise<void> {
    // By Raft's port; gossip has another one.
    const leader = await own.leader();
    if (leader === null) return;
    await own.join(`${leader.slice(0, leader.lastIndexOf(":"))}:${ports.consulGossip}`);
    log.warn({ effect: "consul" }, `Consul took its leader ${leader} for dead, and has greeted it anew`);
  }

  return (error) => {
    if (!isOwn(error) || isGreeting || clock.bootMs() - greetedMs < pauseMs) return;
    isGreeting = true;
    void greet()
      .catch((failed: Error) =>
        log.warn({ effect: "consul" }, `Consul takes its leader for dead, and could not greet it: ${failed.message}`),
      )
      .finally(() => {
        isGreeting = false;
        greetedMs = clock.bootMs();
      });
  };
}
