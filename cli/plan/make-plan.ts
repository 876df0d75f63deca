/**
 * Reads both versions of a stack's settings from the checkout and compares them. Needs no credentials, asks no host and
 * no state, runs nothing of either version but what this program is.
 */
import { HoldfastError } from "../../contract/errors.ts";
import { type Comparison, compare } from "../../infra/compare/compare.ts";
import { type MadeSide, makeSide, type Programs } from "../../infra/compare/side.ts";
import { readStackFile } from "../../infra/compare/stack-file.ts";
import type { Checkout } from "../ports.ts";
import type { PlanReport, Version } from "./plan-report.ts";

/** What the bundle on the hosts is made from, and what makes the specs; tests and pages are neither. */
const ofAgent = ["agent", "contract", "package-lock.json"];
const ofPlan = ["infra"];
const toolLock = "toolchain/lock.json";
const isTest = (path: string) => /\.test\.ts$|\/testing\/|\.snap$|\.md$/.test(path);

/** @param head null: the working tree. @throws HoldfastError */
export async function makePlan(
  checkout: Checkout,
  stack: string,
  base: string,
  head: string | null,
): Promise<PlanReport> {
  const file = `Pulumi.${stack}.yaml`;
  const [baseCommit, headCommit] = await Promise.all([
    checkout.commitOf(base),
    head === null ? null : checkout.commitOf(head),
  ]);
  const versions: { base: Version; head: Version } = {
    base: { title: base, commit: baseCommit },
    head: { title: head ?? "the working tree", commit: headCommit },
  };
  const [before, after] = await Promise.all([checkout.read(baseCommit, file), checkout.read(headCommit, file)]);
  if (after === null)
    throw new HoldfastError("HF_USAGE", `There is no ${file} in ${versions.head.title}.`, {
      next: "Name the stack: holdfast plan --stack NAME.",
    });
  const [oldTools, newTools, agentFiles, planFiles] = await Promise.all([
    toolsAt(checkout, baseCommit),
    toolsAt(checkout, headCommit),
    checkout.differing(baseCommit, headCommit, ofAgent),
    checkout.differing(baseCommit, headCommit, ofPlan),
  ]);
  const isOtherAgent = agentFiles.some((path) => !isTest(path));
  const isOtherPlanner = planFiles.some((path) => !isTest(path));
  const made = makeSide(readStackFile(after, file), { ...newTools, holdfastd: isOtherAgent ? "head" : "base" });
  const notes = [
    ...(isOtherAgent
      ? ["holdfast's own code differs as well (agent, contract or libraries): every agent restarts"]
      : []),
    ...(isOtherPlanner
      ? [
          "how settings become files and units differs as well (infra): this compares the settings alone, by one version of it; pulumi preview shows the rest",
        ]
      : []),
    ...(oldTools.node === newTools.node ? [] : [`Node becomes ${newTools.node}, from ${oldTools.node}`]),
    ...(oldTools.consul === newTools.consul
      ? []
      : [`Consul becomes ${newTools.consul}, from ${oldTools.consul}, where none is configured`]),
  ];
  const report = { stack, ...versions, isOtherPlanner };
  if (made.side === null) return { ...report, faults: made.faults, notes, comparison: null };
  const old = sideAt(before, { ...oldTools, holdfastd: "base" }, `${file} of ${base}`);
  const comparison = doubted(compare(old.made?.side ?? null, made.side), before !== null, isOtherPlanner);
  // Where two hosts are in one zone is told once, as a risk.
  const warnings = made.warnings.filter(
    (warning) => !comparison.risks.some(({ message }) => warning.includes(message)),
  );
  const notesOfSettings = warnings.map((warning) => warning.replace(/\.$/, ""));
  return { ...report, faults: [], notes: [...notes, ...notesOfSettings, ...old.notes], comparison };
}

/** What the settings alone cannot rule out is not said to stay: Consul or neard may restart wherever something is deployed. */
function doubted(comparison: Comparison, isDeployed: boolean, isOtherPlanner: boolean): Comparison {
  const { key, hosts } = comparison;
  if (!isDeployed || key.moves === "yes") return comparison;
  if (hosts.every(({ state }) => state === "new"))
    return { ...comparison, key: { moves: "maybe", because: "what is deployed cannot be compared" } };
  if (!isOtherPlanner) return comparison;
  const because = `${key.because}; that is by the settings, but how they become files and units differs as well (infra), so Consul or neard may restart on every host`;
  return { ...comparison, key: { moves: "maybe", because } };
}

async function toolsAt(checkout: Checkout, commit: string | null): Promise<Omit<Programs, "holdfastd">> {
  const text = await checkout.read(commit, toolLock);
  try {
    const lock = JSON.parse(text ?? "{}") as { node?: { version?: string }; consul?: { version?: string } };
    return { node: lock.node?.version ?? "unknown", consul: lock.consul?.version ?? "unknown" };
  } catch {
    return { node: "unknown", consul: "unknown" };
  }
}

/** The base may be worse than what mends it: then all is told as new. */
function sideAt(text: string | null, programs: Programs, title: string): { made: MadeSide | null; notes: string[] } {
  if (text === null) return { made: null, notes: [`${title} is not there: every host counts as new`] };
  try {
    const made = makeSide(readStackFile(text, title), programs);
    if (made.side !== null) return { made, notes: [] };
    return {
      made: null,
      notes: [
        `${title} has ${made.faults.length === 1 ? "a fault" : `${made.faults.length} faults`} by this version's checks, so nothing can be compared with it: every host counts as new`,
      ],
    };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { made: null, notes: [`${error.message.replace(/\.$/, "")}: every host counts as new`] };
  }
}
