/**
 * Answering for a host that is dark. A host without power says nothing, so its neard's peers keep their connections to
 * it, half open, under the account's key, and do not hear the successor (docs/security.md). Whoever answers for its
 * address ends them: the kernel resets what belongs to no connection of its own.
 *
 * Think of a neighbour who opens the door of an empty house for a moment: "moved, ask next door".
 * Only a convenience: it changes nothing about who may sign, comes after the lock was won, never while the old host
 * answers, and ends by itself. A failure of it is logged, and the take-over goes on.
 */
import { connect } from "node:net";
import { ports } from "../../contract/paths.ts";
import type { TakeoverAddress } from "../../contract/wire/agent-config.ts";
import type { Connection } from "../../contract/wire/notes.ts";
import { endHalfOpen } from "./half-open.ts";
import type { AddressMover } from "./mover.ts";
import { announceByNeighbours } from "./neighbours.ts";
import { CommandMovers } from "./operators-command.ts";

/**
 * How long an address is answered for, beyond the connections that are known and ended at once. A peer's kernel repeats
 * what was not acknowledged 6 and 13 s after the loss (it doubles its wait from 0.2 s on), give or take when it had
 * something to say; a take-over begins at 7 s.
 */
export const answerMs = 12_000;

/** How long the old host has to answer before it counts as dark. */
const knockMs = 700;

/** What answering for hosts needs of the world. */
export interface AddressWorld {
  mover(way: TakeoverAddress): AddressMover;
  /** Ends what peers still hold to `address`, once this host has it. */
  endHalfOpen(address: string, neardPort: number, connections: readonly Connection[]): Promise<void>;
  /** Whether anything at `address` answers, were it by a refusal. */
  answers(address: string, at: readonly number[], withinMs: number): Promise<boolean>;
}

/** @param onTrouble told of what goes wrong later, when an address is given back */
export function systemAddresses(onTrouble: (what: string) => void): AddressWorld {
  const commands = new CommandMovers(onTrouble);
  return {
    mover: (way) => (way.mover === "arp" ? announceByNeighbours(onTrouble) : commands.of(way.command, way.host)),
    answers,
    endHalfOpen,
  };
}

/** Where a living host would answer the others, were it with a refusal (infra/plan/firewall.ts lets them in). */
const clusterPorts = [ports.agentHttp, ports.consulHttps, ports.consulGossip];

/** By the cluster's way to it, and by its peers': of these two addresses one may be cut off, or be somebody else's by now. */
async function isThereAt({ address, neardPort, hostAddress }: TakeoverAddress, world: AddressWorld): Promise<boolean> {
  const answers = await Promise.all([
    world.answers(hostAddress, clusterPorts, knockMs),
    world.answers(address, [neardPort], knockMs),
  ]);
  return answers.includes(true);
}

/**
 * Answers for `host`, if its address can be had and it is dark.
 * @param connectionsOf what a host wrote down of its neard's connections
 * @returns what was done, a sentence's end for the log; null: nothing is configured for this host
 * @throws Error that says why it could not be done
 */
export async function answerFor(
  host: string,
  ways: readonly TakeoverAddress[],
  world: AddressWorld,
  connectionsOf: (host: string) => Promise<readonly Connection[]>,
): Promise<string | null> {
  const way = ways.find((one) => one.host === host);
  if (way === undefined) return null;
  const [isThere, connections] = await Promise.all([
    isThereAt(way, world),
    // Without them its peers learn it all the same, only later: when they repeat what was lost.
    connectionsOf(host).catch(() => []),
  ]);
  if (isThere) return `${host} answers, so its address ${way.address} stays where it is`;
  await world.mover(way).take(way.address, answerMs);
  await world.endHalfOpen(way.address, way.neardPort, connections);
  return `answers for ${host} at ${way.address} for ${answerMs / 1000} s; ended ${connections.length} of its connections`;
}

/** A connection that is accepted or refused comes from something that lives; silence and "no route" do not. */
async function answers(address: string, at: readonly number[], withinMs: number): Promise<boolean> {
  const knocks = at.map(
    (port) =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host: address, port });
        const done = (isThere: boolean) => {
          clearTimeout(timer);
          socket.destroy();
          resolve(isThere);
        };
        const timer = setTimeout(() => done(false), withinMs);
        socket.once("connect", () => done(true));
        socket.once("error", (error: NodeJS.ErrnoException) =>
          done(error.code === "ECONNREFUSED" || error.code === "ECONNRESET"),
        );
      }),
  );
  return (await Promise.all(knocks)).includes(true);
}
