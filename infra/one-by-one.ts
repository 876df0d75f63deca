/**
 * Makes many resources without standing still: between two hosts the program gives way, and what is registered of the first goes
 * to Pulumi's engine, which works on it while the next is made. Else it would wait for the last one: 1.5 of 6.6 s at 30 hosts.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

export async function oneByOne<T, Made>(all: readonly T[], make: (one: T) => Made): Promise<Made[]> {
  const made: Made[] = [];
  for (const one of all) {
    made.push(make(one));
    await nextTurn();
  }
  return made;
}
