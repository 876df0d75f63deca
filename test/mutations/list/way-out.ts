/** The way out of power: stop, prove, release, in that order. */
import type { Mutation } from "../mutation.ts";

const demoting = "agent/role/demoting.ts";
const demotingTest = "agent/role/demoting.test.ts";
const executor = "agent/run/executor.ts";
const executorTest = "agent/run/executor.test.ts";
const switchoverTest = "agent/role/switchover.test.ts";
const driverTest = "agent/neard/driver.test.ts";
const expireTest = "agent/run/expire.test.ts";

const order = (...steps: string[]) => ({
  file: demoting,
  text: 'const order = ["shutting", "killing", "erasing", "releasing", "disarming", "starting"] as const;',
  by: `const order: readonly DemotingPhase["step"][] = ${JSON.stringify(steps)};`,
});

export const wayOutMutations: readonly Mutation[] = [
  {
    name: "head-from-before-the-shut",
    breaks: "A switchover names a head that its neard had while the fence was still open: a later block may be out.",
    edits: [
      {
        file: "agent/role/handing.ts",
        text: '(phase.step === "unloading" || phase.step === "verifying") && atMs >= phase.stepMs',
        by: "atMs > 0",
      },
    ],
    caughtBy: { simulation: false, tests: [switchoverTest] },
  },
  {
    name: "key-left",
    breaks: "A demotion leaves the key on the tmpfs.",
    edits: [order("shutting", "killing", "releasing", "disarming", "starting")],
    caughtBy: { simulation: false, tests: [demotingTest] },
  },
  {
    name: "disarm-before-kill",
    breaks: "A demotion disarms the fence before neard is killed.",
    edits: [order("shutting", "disarming", "killing", "erasing", "releasing", "starting")],
    caughtBy: { simulation: true, tests: [demotingTest] },
  },
  {
    name: "release-before-kill",
    breaks: "A demotion releases the lock before neard is killed.",
    edits: [order("shutting", "releasing", "killing", "erasing", "disarming", "starting")],
    caughtBy: { simulation: true, tests: [demotingTest] },
  },
  {
    name: "no-shut",
    breaks: "A demotion does not shut the fence first.",
    edits: [
      {
        file: "agent/role/transitions.ts",
        text: '    step: "shutting",\n    stepMs: draft.nowMs,',
        by: '    step: "killing",\n    stepMs: draft.nowMs,',
      },
      {
        file: "agent/role/transitions.ts",
        text: 'ask(draft, { do: "shut", epoch });',
        by: 'ask(draft, { do: "kill-neard" });',
      },
    ],
    caughtBy: { simulation: false, tests: [demotingTest] },
  },
  {
    name: "failed-kill-goes-on",
    breaks: "A kill that failed counts as done: the fence is disarmed before the process is proved gone.",
    edits: [
      {
        file: demoting,
        text: 'if (phase.step === "releasing" && (event.certain',
        by: 'if (phase.step === "killing" || phase.step === "releasing" && (event.certain',
      },
    ],
    caughtBy: { simulation: true, tests: [demotingTest] },
  },
  {
    name: "kill-without-proof",
    breaks: "A kill is done once the signal is sent, whether or not the processes are gone.",
    edits: [
      {
        file: "agent/neard/processes.ts",
        text: '    for (const process_ of left) signal(pidOf(process_), "SIGKILL");\n',
        by: '    for (const process_ of left) signal(pidOf(process_), "SIGKILL");\n    return;\n',
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/neard/processes.test.ts"] },
  },
  {
    name: "done-before-killed",
    breaks: "The edge answers that neard is killed before it is.",
    edits: [
      {
        file: executor,
        text: "return await this.#done(effect.serial, this.#endNeard());",
        by: "void this.#endNeard();\n        return await this.#done(effect.serial, Promise.resolve());",
      },
    ],
    caughtBy: { simulation: true, tests: [executorTest] },
  },
  {
    name: "release-without-marker",
    breaks: "A release does not say that it was clean: a switchover costs the whole wait.",
    edits: [
      {
        file: executor,
        text: "const value = this.#record({ session, epoch: marker.epoch, seq, released: marker });",
        by: "const value = this.#record({ session, epoch: marker.epoch, seq });",
      },
    ],
    caughtBy: { simulation: false, tests: [executorTest] },
  },
  {
    name: "released-lease-kept",
    breaks: "A released lease stays in its file: an agent that starts then goes on with it, and opens the fence again.",
    edits: [{ file: executor, text: "    leaseFile.forget();\n", by: "" }],
    caughtBy: { simulation: false, tests: [executorTest] },
  },
  {
    name: "release-of-anothers-lock",
    breaks: "A release does not check that our session has the lock.",
    edits: [
      {
        file: executor,
        text: `      { verb: "check-session", key: keys.lock, session },
      { verb: "unlock",`,
        by: '      { verb: "unlock",',
      },
    ],
    caughtBy: { simulation: false, tests: [executorTest] },
  },
  {
    name: "unanswered-release-is-refused",
    breaks: "A release that Consul did not answer counts as one that certainly did not happen.",
    edits: [{ file: executor, text: "const certain = error instanceof ConsulRefused;", by: "const certain = true;" }],
    caughtBy: { simulation: false, tests: [executorTest] },
  },
  {
    name: "reload-before-erase",
    breaks: "A switchover has neard read its key file again before the file is gone.",
    edits: [
      {
        file: executor,
        text: "        custody.erase();\n        return await this.#done(effect.serial, neard.reload());",
        by: "        await this.#done(effect.serial, neard.reload());\n        return custody.erase();",
      },
    ],
    caughtBy: { simulation: false, tests: [executorTest] },
  },
  {
    name: "hangup-on-an-old-answer",
    breaks: "neard is sent a SIGHUP although it does not answer now: one that has re-executed itself is ended by it.",
    edits: [
      {
        file: "agent/neard/driver.ts",
        text: "      await this.#status(process);\n    } catch (error) {",
        by: "      await Promise.resolve();\n    } catch (error) {",
      },
    ],
    caughtBy: { simulation: false, tests: [driverTest] },
  },
  {
    name: "reexecuted-is-the-same",
    breaks: "A neard that has re-executed itself counts as the process that it was.",
    edits: [
      {
        file: "agent/neard/driver.ts",
        text: "const isAnother = this.#age !== null && age !== null && isYounger(age, this.#age);",
        by: "const isAnother = this.#age !== null && age !== null && isYounger(age, age);",
      },
    ],
    caughtBy: { simulation: false, tests: [driverTest] },
  },
  {
    name: "switchover-without-shut",
    breaks: "A switchover takes the key away without shutting the fence first.",
    edits: [
      {
        file: "agent/role/handing.ts",
        text: '  ask(draft, { do: "shut", epoch: phase.lease.epoch });\n}',
        by: '  advance(draft, { ...phase, step: "shutting" });\n}',
      },
    ],
    caughtBy: { simulation: false, tests: [switchoverTest] },
  },
  {
    name: "switchover-without-proof",
    breaks: "A switchover releases the lock before neard has said that it has no key.",
    edits: [
      {
        file: "agent/role/handing.ts",
        text: "probe.atMs >= phase.stepMs && probe.answered && probe.validatorKey === null)",
        by: "probe.atMs >= phase.stepMs && probe.answered)",
      },
    ],
    caughtBy: { simulation: false, tests: [switchoverTest] },
  },
  {
    name: "switchover-on-old-proof",
    breaks: "A switchover takes what neard said before its key was taken away for its word.",
    edits: [
      {
        file: "agent/role/handing.ts",
        text: "probe.atMs >= phase.stepMs && probe.answered && probe.validatorKey === null)",
        by: "probe.answered && probe.validatorKey === null)",
      },
    ],
    caughtBy: { simulation: false, tests: [switchoverTest] },
  },
  {
    name: "key-without-lease",
    breaks: "A standby whose neard has the validator key does nothing about it.",
    edits: [
      {
        file: "agent/role/standby-phase.ts",
        text: "isOwnKey(draft.settings, probe.validatorKey)) {",
        by: 'probe.validatorKey === "") {',
      },
    ],
    caughtBy: { simulation: false, tests: ["agent/role/standby.test.ts"] },
  },
  {
    name: "expire-spares-neard",
    breaks: "When the agent has ended and the lease is over, neard is not killed.",
    edits: [{ file: "agent/run/expire.ts", text: "() => host.killNeard()", by: "async () => {}" }],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "expire-keeps-key",
    breaks: "When the agent has ended and the lease is over, the key stays on the tmpfs.",
    edits: [{ file: "agent/run/expire.ts", text: "() => host.eraseKey()", by: "() => {}" }],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "key-for-the-next-neard",
    breaks:
      "neard is killed while its key file is there still: a neard that systemd starts meanwhile can have the key.",
    edits: [
      { file: "agent/neard/end.ts", text: "  await kill();\n", by: "" },
      { file: "agent/neard/end.ts", text: "  try {\n", by: "  await kill();\n  try {\n" },
    ],
    caughtBy: { simulation: false, tests: [executorTest, expireTest] },
  },
  {
    name: "key-left-for-the-next-neard",
    breaks: "That the key file could not be removed before the kill is forgotten: the fence opens for whoever read it.",
    edits: [{ file: "agent/neard/end.ts", text: "  if (fault !== null) throw fault;\n", by: "" }],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "expire-spares-an-ended-lease",
    breaks: "A lease that is over counts as alive when the agent has ended.",
    edits: [
      {
        file: "agent/run/expire.ts",
        text: "if (isArmed === true && leftMs !== null && leftMs > 0 && !options.force)",
        by: "if (isArmed === true && leftMs !== null && leftMs > -60_000 && !options.force)",
      },
    ],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "expire-spares-an-unfenced-key",
    breaks: "A lease that lives is left alone when the agent has ended, though the fence that would end it is gone.",
    edits: [
      {
        file: "agent/run/expire.ts",
        text: "if (isArmed === true && leftMs !== null && leftMs > 0 && !options.force)",
        by: "if (leftMs !== null && leftMs > 0 && !options.force)",
      },
    ],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "expire-forgets-sockets",
    breaks: "A fence that is removed by force does not wait for the sockets of the ended lease.",
    edits: [{ file: "agent/run/expire.ts", text: "  await host.orphansGone();\n", by: "" }],
    caughtBy: { simulation: false, tests: [expireTest] },
  },
  {
    name: "unit-without-expire",
    breaks: "The agent's unit does not run `expire` when the agent has ended.",
    edits: [
      {
        file: "infra/plan/agent.ts",
        text: "    ...(neard ? [`ExecStopPost=${paths.node} --max-old-space-size=128 ${bundle} expire`] : []),\n",
        by: "",
      },
    ],
    caughtBy: { simulation: false, tests: ["infra/plan/deployment.test.ts"] },
  },
];
