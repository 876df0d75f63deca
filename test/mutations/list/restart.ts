/** What an agent or a neard that starts finds on its host. */
import type { Mutation } from "../mutation.ts";

const reduce = "agent/role/reduce.ts";
const holderTest = "agent/role/holder.test.ts";

export const restartMutations: readonly Mutation[] = [
  {
    name: "resumes-ended-lease",
    breaks: "An agent that starts goes on with a lease that is over.",
    edits: [{ file: reduce, text: " && nowMs < savedLease.deadlineMs) {", by: ") {" }],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "resumes-unfenced",
    breaks: "An agent that starts goes on with a lease although the fence is not armed for it.",
    edits: [
      {
        file: reduce,
        text: 'savedLease !== null && armed === "for-lease" && nowMs',
        by: "savedLease !== null && nowMs",
      },
    ],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "resumes-lease-of-another-boot",
    breaks: "A lease that was saved before a reboot is read on a clock that started anew.",
    edits: [
      {
        file: "agent/lease/lease-file.ts",
        text: "return boot === this.#boot ? { lease, term } : null;",
        by: 'return boot === "" ? null : { lease, term };',
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/lease/lease-file.test.ts"] },
  },
  {
    name: "any-mark-will-do",
    breaks: "An agent that starts takes a fence that is armed for another epoch for its own.",
    edits: [
      {
        file: "agent/run/neard-host.ts",
        text: "savedLease !== null && mark === markOf(savedLease.epoch)",
        by: "savedLease !== null && markOf(savedLease.epoch) !== 0",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/run/neard-host.test.ts"] },
  },
  {
    name: "key-file-overlooked",
    breaks: "An agent that starts without a lease leaves a key file where it is.",
    edits: [{ file: reduce, text: ' || armed !== "no" || keyFilePresent) {', by: ' || armed !== "no") {' }],
    caughtBy: { simulation: false, tests: [holderTest] },
  },
  {
    name: "two-agents",
    breaks: "A second agent starts beside the first, and cleans up what the first has armed.",
    edits: [{ file: "host/system/only-one.ts", text: "server.listen(`\\0${name}`, resolve);", by: "resolve();" }],
    caughtBy: { simulation: false, tests: ["host/system/only-one.test.ts"] },
  },
  {
    name: "neard-starts-with-key",
    breaks: "A neard that is started finds the key that was left there.",
    edits: [{ file: "infra/plan/neard.ts", text: "    `ExecStartPre=+/bin/rm -f ${paths.validatorKey}`,\n", by: "" }],
    caughtBy: { simulation: false, tests: ["infra/plan/deployment.test.ts"] },
  },
  {
    name: "watchdog-by-a-bare-timer",
    breaks: "The watchdog is fed although the decision core stands still.",
    edits: [
      {
        file: "agent/run/watchdog.ts",
        text: "if (lastMs === null || clock.bootMs() - lastMs < stuckMs) feed();",
        by: "if (lastMs === null || clock.bootMs() - lastMs < Number.POSITIVE_INFINITY) feed();",
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/run/watchdog.test.ts"] },
  },
  {
    name: "hung-agent-lives",
    breaks: "A hung agent is asked to end instead of being killed.",
    edits: [{ file: "infra/plan/agent.ts", text: '    "WatchdogSignal=SIGKILL",\n', by: "" }],
    caughtBy: { simulation: false, tests: ["infra/plan/deployment.test.ts"] },
  },
];
