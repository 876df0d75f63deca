/** Power-off fencing: who must be shown to hold nothing, what counts as that, and who may be powered off. */
import type { Edit, Mutation } from "../mutation.ts";

const fencing = "agent/role/fencing.ts";
const steps = "agent/role/fencing-steps.ts";
const standby = "agent/role/standby.ts";
const fencingTest = "agent/role/fencing.test.ts";
const doubtTest = "agent/role/fencing-doubt.test.ts";
const rollCall = "agent/lease/roll-call.ts";
const rollCallTest = "agent/lease/roll-call.test.ts";
const powerOff = "agent/power/power-off.ts";
const powerOffTest = "agent/power/power-off.test.ts";
const carryOut = "agent/power/carry-out.ts";
const carryOutTest = "agent/power/carry-out.test.ts";
const hcloud = "agent/power/hcloud-device.ts";
const hcloudTest = "agent/power/hcloud-device.test.ts";
const plan = "infra/plan/agent.ts";
const planTest = "infra/config/fencing-checks.test.ts";

const mutation = (
  name: string,
  breaks: string,
  edit: Edit,
  tests: readonly string[],
  simulation = false,
): Mutation => ({
  name,
  breaks,
  edits: [edit],
  caughtBy: { simulation, tests },
});

export const fencingMutations: readonly Mutation[] = [
  mutation(
    "fencing-not-required",
    "A take-over waits for nobody's power, though fencing is required.",
    { file: fencing, text: 'if (mode === "off") return null;', by: 'if (mode !== "bestEffort") return null;' },
    [fencingTest],
    true,
  ),
  mutation(
    "fencing-unproven-is-enough",
    "A try to power the old host off is enough, whatever came of it.",
    {
      file: fencing,
      text: 'if (isTried && mode === "bestEffort") return null;',
      by: "if (isTried) return null;",
    },
    [fencingTest],
    true,
  ),
  mutation(
    "fencing-order-is-proof",
    "An order to the device counts as its effect.",
    {
      file: powerOff,
      text: 'if (reading.state === "off") return proofOf',
      by: 'if (reading.state === "off" || orderedMs !== null) return proofOf',
    },
    [powerOffTest],
    true,
  ),
  mutation(
    "fencing-proof-for-ever",
    "What was proven of a host's power in one term counts in all later ones.",
    { file: steps, text: "setFencing(draft, { term, proofs: [], tries", by: "setFencing(draft, { term, tries" },
    [fencingTest],
    true,
  ),
  mutation(
    "fencing-late-answer",
    "A device's answer about a term that is over counts for the present one.",
    {
      file: steps,
      text: "if (!isSameTerm(job.term, termOf(watch))) return;",
      by: "",
    },
    [fencingTest],
  ),
  mutation(
    "fencing-unsure-record",
    "A record of which nobody knows who wrote it names the only host that may still run.",
    {
      file: fencing,
      text: 'return lock !== null && lock.seal === "right" && lock.lockIndex > 0 && !isDoubted;',
      by: "return lock !== null && lock.lockIndex > 0;",
    },
    [doubtTest],
  ),
  mutation(
    "fencing-doubt-forgotten",
    "A record that looks right ends all doubts about who held before.",
    {
      file: fencing,
      text: "lock.lockIndex > 0 && !isDoubted;",
      by: "lock.lockIndex > 0 && !(isDoubted && lock.value === null);",
    },
    [doubtTest],
  ),
  mutation(
    "fencing-first-is-none",
    "A lock without a holder so far proves that nobody runs, also when Consul's data was lost.",
    {
      file: fencing,
      text: 'lock.seal === "right" && lock.lockIndex > 0 &&',
      by: 'lock.seal === "right" &&',
    },
    [doubtTest],
  ),
  mutation(
    "fencing-own-host",
    "A host whose own lease it was powers itself off, or waits for that.",
    {
      file: fencing,
      text: "return holder === undefined || holder === own ? [] : [holder];",
      by: "return holder === undefined ? [] : [holder];",
    },
    [fencingTest],
  ),
  mutation(
    "fencing-before-the-wait",
    "A host is powered off as soon as it says nothing for half a lease.",
    {
      file: standby,
      text: "return { act: false, because, power: { off: null, look } };",
      by: "return { act: false, because, power: { off: lookedAt({ ...settings, fencing: { ...settings.fencing, skipWait: true } }, state, nowMs), look } };",
    },
    [fencingTest],
  ),
  mutation(
    "fencing-not-abandoned",
    "A power-off that is under way goes on although the holder renews again.",
    {
      file: steps,
      text: 'draft.effects.push({ do: "abandon-power", job: job.number });',
      by: "",
    },
    [fencingTest],
  ),
  mutation(
    "fencing-both-at-once",
    "Two standbys work at one device at the same time.",
    {
      file: standby,
      text: "const another = host === null || state.fencing.job !== null ? null :",
      by: "const another = state.fencing.job === null ? null :",
    },
    [fencingTest],
  ),
  mutation(
    "skip-without-setting",
    "A host that is off is not waited for, whatever the settings say.",
    { file: fencing, text: "if (!settings.fencing.skipWait || lock === null", by: "if (lock === null" },
    [fencingTest],
  ),
  mutation(
    "skip-by-word-of-mouth",
    "What an operator confirms skips the wait, as what a device shows does.",
    { file: fencing, text: '?.outcome === "off";', by: " !== null;" },
    [fencingTest],
  ),
  mutation(
    "skip-unwatched",
    "A host that is off is not waited for, though another one may hold besides it.",
    {
      file: standby,
      text: "const isOff = marker === null && provenOff(settings, state) && isWatched(watch, sessionIn(lock), takeoverMs, nowMs);",
      by: "const isOff = marker === null && provenOff(settings, state);",
    },
    [fencingTest],
  ),
  mutation(
    "confirm-taken-any-time",
    "An operator's word is kept for later, when nobody waits for it.",
    {
      file: steps,
      text: "if (notConfirmable(settings, state, event.host, nowMs) !== null) return;",
      by: "",
    },
    [fencingTest],
  ),
  mutation(
    "confirm-before-all-else",
    "An operator's word is taken while something else than that is waited for.",
    { file: steps, text: "if (verdict.gate === undefined) return", by: "if (state.watch.lock === null) return" },
    [fencingTest],
  ),
  mutation(
    "fencing-before-a-doubt",
    "What was known of a host's power before a doubt about the lock, or a gap in the watch, counts after it.",
    { file: fencing, text: "a.anewMs === b.anewMs", by: "a.anewMs <= b.anewMs" },
    [doubtTest],
  ),
  mutation(
    "fencing-doubt-forgotten-by-a-restart",
    "An agent that is restarted takes the next record that looks right at its word, whatever the one before it doubted.",
    {
      file: "agent/role/reduce.ts",
      text: "const state = isDoubted\n",
      by: "const state = isDoubted && keyFilePresent\n",
    },
    [doubtTest],
  ),
  mutation(
    "fencing-doubt-written-once",
    "A doubt that could not be written down is not written again, and a restarted agent knows nothing of it.",
    { file: "agent/role/doubt-note.ts", text: ">= retryMs;", by: "< 0;" },
    [doubtTest],
  ),
  mutation(
    "fencing-doubt-forgotten-by-standing-down",
    "Standing down ends the doubt about who held before.",
    { file: "agent/role/stand-down.ts", text: "isDoubted: standDown.wasDoubted", by: "isDoubted: false" },
    [doubtTest],
  ),
  mutation(
    "fencing-broken-off-is-tried",
    "A power-off that was broken off, because the lock had moved, counts as the one try of bestEffort.",
    { file: steps, text: "else if (event.isBrokenOff)", by: "else if (event.isBrokenOff === null)" },
    [fencingTest],
  ),
  mutation(
    "fencing-broken-off-at-once",
    "An order that was broken off is given again at once, and again and again: the cloud's rate limit is used up.",
    {
      file: steps,
      text: "const isFirst = failure === null && brokenOff === null;",
      by: "const isFirst = failure === null;",
    },
    [fencingTest],
  ),
  mutation(
    "answers-while-taking",
    "A host says that it holds nothing while its own take-over is on its way.",
    { file: "agent/role/roll-call.ts", text: ' || phase.attempt.step === "lock"', by: "" },
    ["agent/role/roll-call.test.ts"],
  ),
  mutation(
    "answers-unlooked",
    "A host says that it holds nothing before it has looked whether its neard has the key.",
    {
      file: "agent/role/roll-call.ts",
      text: "return probe.process === null || (probe.answered && probe.validatorKey === null);",
      by: "return true;",
    },
    [fencingTest],
  ),
  mutation(
    "answers-as-holder",
    "A holder says that it holds nothing.",
    { file: "agent/role/roll-call.ts", text: 'if (phase.name !== "standby") return false;', by: "" },
    ["agent/role/roll-call.test.ts"],
  ),
  mutation(
    "answer-unsealed",
    "Anybody can answer a roll call in a host's name.",
    { file: rollCall, text: "!this.#sealer.isRightText(sealedText(host, asked.question), answer.seal)", by: "false" },
    [rollCallTest],
  ),
  mutation(
    "answer-for-another",
    "One host's answer to a roll call counts for another.",
    {
      file: rollCall,
      text: "const sealedText = (host: string, question: string): string => JSON.stringify([host, question]);",
      by: "const sealedText = (_host: string, question: string): string => JSON.stringify([question]);",
    },
    [rollCallTest],
  ),
  mutation(
    "question-again",
    "All roll calls ask the same question, so an old answer answers each.",
    { file: rollCall, text: "if (this.#asked?.number !== number) this.#asked =", by: "this.#asked ??=" },
    [rollCallTest],
  ),
  mutation(
    "power-off-unconfirmed",
    "The lock is not read again before an order: a host that came back to life is powered off.",
    {
      file: carryOut,
      text: 'if (!isSame) throw new NotWanted("the lock has moved since: nobody is powered off");',
      by: "",
    },
    [carryOutTest],
  ),
  mutation(
    "power-off-by-a-stale-read",
    "The lock is read from any server before an order, so that a cut-off minority powers off the majority's holder.",
    { file: carryOut, text: "{ timeoutMs: confirmMs }", by: "{ timeoutMs: confirmMs, stale: true }" },
    [carryOutTest],
  ),
  mutation(
    "power-off-while-paused",
    "A host is powered off although somebody has just paused the cluster.",
    { file: carryOut, text: "if (entries.some(({ key }) => key === keys.pause))", by: "if (entries.length === 0)" },
    [carryOutTest],
  ),
  mutation(
    "power-off-another-machine",
    "A server with the right name is powered off, whatever addresses it has.",
    { file: hcloud, text: "if (addressIn(server, this.#config.addresses) === null) {", by: "if (server.id < 0) {" },
    [hcloudTest],
  ),
  mutation(
    "power-off-another-id",
    "A server with the right name is powered off, whatever id it has.",
    { file: hcloud, text: "if (serverId !== undefined && server.id !== serverId)", by: "if (server.id < 0)" },
    [hcloudTest],
  ),
  mutation(
    "not-running-is-off",
    "Whatever a server's status is but running, it counts as off.",
    { file: hcloud, text: 'if (status === "off") return', by: 'if (status !== "running") return' },
    [hcloudTest],
  ),
  mutation(
    "asks-to-shut-down",
    "The machine is asked to shut down, which a frozen one does not hear, instead of being cut off.",
    { file: hcloud, text: 'await this.#order("poweroff", bounds);', by: 'await this.#order("poweron", bounds);' },
    [hcloudTest],
  ),
  mutation(
    "silence-is-off",
    "A fence command that says nothing has said off.",
    {
      file: "agent/power/command-device.ts",
      text: 'if (said !== "on" && said !== "off")',
      by: 'if (said !== "on" && said !== "off" && said !== "")',
    },
    ["agent/power/command-device.test.ts"],
  ),
  mutation(
    "reading-from-before",
    "What a fence command says that was begun before the power was cut counts as read after it.",
    { file: "agent/power/command-device.ts", text: '["restart", unit]', by: '["start", unit]' },
    ["agent/power/command-device.test.ts"],
  ),
  mutation(
    "look-ends-a-reading",
    "A look now and then at a fence command ends the reading that a power-off waits for.",
    {
      file: "agent/power/command-device.ts",
      text: "(isIdle ? this.#reading : null) ?? this.#begin(bounds)",
      by: "(withinMs < 0 ? this.#reading : null) ?? this.#begin(bounds)",
    },
    ["agent/power/command-device.test.ts"],
  ),
  mutation(
    "slow-order-begun-anew",
    "An order of the fence command that is still under way is ended and begun anew when it is given again.",
    {
      file: "agent/power/command-device.ts",
      text: '"off", this.#units.start',
      by: '"off", this.#units.restart',
    },
    ["agent/power/command-device.test.ts"],
  ),
  mutation(
    "reading-of-another-call",
    "A call of the fence command takes what another one has begun to write for its answer.",
    {
      file: "agent/power/command-device.ts",
      text: "if (reading.next !== null) reading = reading.next;",
      by: "if (reading.next !== null && withinMs < 0) reading = reading.next;",
    },
    ["agent/power/command-device.test.ts"],
  ),
  mutation(
    "token-on-arbiters",
    "Arbiters get the fencing token too.",
    {
      file: plan,
      text: '...(hasRole("neard")(host) ? [...validatorKeys(topology), ...fencingToken(topology)] : []),',
      by: '...(hasRole("neard")(host) ? validatorKeys(topology) : []), ...fencingToken(topology),',
    },
    [planTest],
  ),
  mutation(
    "secret-for-the-agent",
    "The fence command's secret is given to every unit that is ours.",
    {
      file: plan,
      text: "const names = secrets.map(([name]) => name);",
      by: "const names = [...secrets, ...fencingSecret(topology)].map(([name]) => name);",
    },
    [planTest],
  ),
];
