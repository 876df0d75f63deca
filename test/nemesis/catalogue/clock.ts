/** The wall clock. Deadlines are on the boot-time clock; the fence's second condition alone reads the wall. */
import { failoverMs, givesWayMs, undisturbedMs } from "../bounds.ts";
import { fault, inArea, type Scenario } from "../scenario.ts";

export const clock: readonly Scenario[] = inArea("clock", [
  fault("clock-ahead", "active", 15_000, {
    name: "clock-ahead-1h",
    sentence: "The wall clock of the holder's agent is stepped an hour ahead, for 15 s.",
    // By that clock neard's head is an hour old: the holder gives way to a host that thinks better of its own.
    expects: "either",
    boundMs: givesWayMs(() => 0),
  }),
  fault("clock-behind", "active", 30_000, {
    name: "clock-behind-1h",
    sentence: "The wall clock of the holder's agent is stepped an hour back, for 30 s; the kernel's is not.",
    // The kernel finds every deadline long over: neard is cut off, and the agent sees it deaf and gives way.
    expects: "moves",
    boundMs: givesWayMs(({ hungMs }) => hungMs + 4000),
  }),
  fault("clock-behind", "standby", 10_000, {
    name: "clock-behind-1h-standby",
    sentence: "The wall clock of the standby's agent is stepped an hour back, for 10 s.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  {
    name: "clock-of-the-machine",
    sentence: "The machine's own wall clock is stepped, kernel and agent alike.",
    expects: "either",
    boundMs: failoverMs,
    notHere:
      "the hosts share this machine's kernel and clock, which are not ours to step; agent/fence tests and the simulation step theirs",
    run: async () => {},
  },
]);
