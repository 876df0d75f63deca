/** Agent, neard and Consul, stopped for a while or killed. */
import { failoverMs, givesWayMs, type Limits, replacedAgentMs, undisturbedMs } from "../bounds.ts";
import { type Expectation, fault, inArea, type Scenario } from "../scenario.ts";

/** Around the lease: shorter, a second less, a second more, and longer than anything waits. */
const spans = [
  { label: "5s", ms: 5000 },
  { label: "lease-minus-1s", ms: 5500 },
  { label: "lease-plus-1s", ms: 7500 },
  { label: "40s", ms: 40_000 },
] as const;

interface Stopped {
  readonly what: string;
  readonly who: string;
  readonly expects: (ms: number) => Expectation;
  readonly boundMs: (ms: number) => (limits: Limits) => number;
}

const stopped: readonly Stopped[] = [
  // systemd's watchdog kills an agent that stands still, after 5 s at most: whether the new one comes before
  // the lease ends is a matter of a second.
  { what: "agent", who: "The holder's agent is", expects: () => "either", boundMs: () => failoverMs },
  {
    what: "neard",
    who: "The holder's neard is",
    expects: (ms) => (ms < 10_000 ? "stays" : "moves"),
    boundMs: (ms) => (ms < 10_000 ? (limits) => ms + undisturbedMs(limits) : givesWayMs(({ hungMs }) => hungMs + 2000)),
  },
  {
    what: "agent-neard",
    who: "Agent and neard of the holder are",
    expects: () => "either",
    boundMs: () => replacedAgentMs,
  },
  { what: "consul", who: "The holder's Consul is", expects: () => "stays", boundMs: () => undisturbedMs },
];

const stops = stopped.flatMap(({ what, who, expects, boundMs }) =>
  spans.map(({ label, ms }) =>
    fault(`stop-${what}`, "active", ms, {
      name: `stop-${what}-${label}`,
      sentence: `${who} stopped (SIGSTOP) for ${ms / 1000} s, and continued (SIGCONT).`,
      expects: expects(ms),
      boundMs: boundMs(ms),
    }),
  ),
);

const settleMs = 4000;

export const processes: readonly Scenario[] = inArea("processes", [
  ...stops,
  fault("kill-agent", "active", settleMs, {
    name: "kill-agent",
    sentence: "The holder's agent is killed; the new one goes on with the lease that it finds.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  fault("kill-neard", "active", settleMs, {
    name: "kill-neard",
    sentence: "The holder's neard is killed; its agent gives way at once.",
    expects: "moves",
    heard: true,
    boundMs: givesWayMs(() => 0),
  }),
  fault("kill-consul", "active", settleMs, {
    name: "kill-consul",
    sentence: "The holder's Consul is killed.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  fault("kill-agent-neard", "active", settleMs, {
    name: "kill-agent-neard",
    sentence: "Agent and neard of the holder are killed in one go.",
    expects: "moves",
    heard: true,
    boundMs: failoverMs,
  }),
  fault("kill-all", "active", settleMs, {
    name: "kill-all",
    sentence: "Agent, neard and Consul of the holder are killed in one go.",
    expects: "moves",
    heard: true,
    boundMs: failoverMs,
  }),
  fault("kill-all", "standby", settleMs, {
    name: "kill-all-standby",
    sentence: "Agent, neard and Consul of the standby are killed in one go.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
]);
