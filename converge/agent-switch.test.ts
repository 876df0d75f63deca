/**
 * Whenever an apply that brings another agent is cut off, and whatever starts the agent then, it starts from a bundle and a
 * configuration that were made for each other.
 */
import { describe, expect, test } from "vitest";
import { bundlePath, ownConfigPath, paths, units } from "../contract/paths.ts";
import { type HostSpec, hostSpecSchema } from "../contract/wire/host-spec.ts";
import { nothingBefore } from "../contract/wire/identity.ts";
import { type Due, emptyInventory } from "../contract/wire/pending.ts";
import type { HostFacts, PathFact } from "./facts.ts";
import { nothingInForce } from "./in-force.ts";
import { dueOf, fileText, planSteps, settle, sha256 } from "./plan-steps.ts";
import type { Step } from "./steps.ts";
import { runningUnit } from "./testing.ts";

const unitPath = `/etc/systemd/system/${units.agent}`;
const hex = (digit: string) => digit.repeat(64);
const file = (path: string, ...lines: string[]) => ({ path, mode: "0644", lines });

/** As 0.1 has it: one bundle under one name, and its agent reads agent.json. */
const first = hostSpecSchema.parse({
  host: "host-a",
  concern: "agent",
  files: [
    file(paths.agentConfig, "for 0.1"),
    file("/etc/holdfast/runtime.json", "{}"),
    file(unitPath, "ExecStart=node /opt/holdfast/lib/holdfastd.cjs run"),
  ],
  units: [{ name: units.agent, restartOn: [paths.agentConfig, "/etc/holdfast/runtime.json"] }],
});

/** As this release has it. */
function release(digit: string): HostSpec {
  const [bundle, own] = [bundlePath(hex(digit)), ownConfigPath(hex(digit))];
  return hostSpecSchema.parse({
    host: "host-a",
    concern: "agent",
    files: [
      file(paths.agentConfig, `for ${digit}`),
      file(own, `for ${digit}`),
      file(unitPath, `ExecStart=node ${bundle} run --config ${own}`),
    ],
    units: [{ name: units.agent, disturbs: "agent", restartOn: [own] }],
  });
}

/** The host, as far as its agent is concerned. */
class Host {
  readonly #files: Map<string, string>;
  /** The text of the unit as systemd has read it last. */
  #loaded: string;

  constructor(spec: HostSpec) {
    this.#files = new Map(spec.files.map(({ path, lines }) => [path, fileText(lines)]));
    this.#loaded = this.#files.get(unitPath) ?? "";
  }

  /** @param left by an apply that was cut off: what it owes */
  facts(stored: HostSpec, left: Due | null = null): HostFacts {
    const factOf = (text: string): PathFact => ({
      kind: "file",
      mode: "0644",
      owner: "root",
      group: "root",
      sha256: sha256(text),
    });
    return {
      users: new Map(),
      paths: new Map([...this.#files].map(([path, text]) => [path, factOf(text)])),
      credentials: new Map(),
      units: new Map([[units.agent, runningUnit]]),
      inForce: nothingInForce,
      stored,
      pending: left && { inventory: emptyInventory, due: left, disturbs: [] },
      elsewhere: emptyInventory,
      before: nothingBefore,
    };
  }

  perform(step: Step): void {
    if (step.kind === "file" && "lines" in step.content) this.#files.set(step.path, fileText(step.content.lines));
    if (step.kind === "delete-file") this.#files.delete(step.path);
    if (step.kind === "daemon-reload") this.#loaded = this.#files.get(unitPath) ?? "";
  }

  /** What an agent reads that systemd starts now, and one that it starts after a reboot. */
  pairs(): { bundle: string; config: string | undefined }[] {
    return [this.#loaded, this.#files.get(unitPath) ?? ""].map((unit) => {
      const [, bundle = "", own = paths.agentConfig] = /node (\S+) run(?: --config (\S+))?/.exec(unit) ?? [];
      return { bundle, config: this.#files.get(own) };
    });
  }
}

const madeFor = (bundle: string): string =>
  bundle === "/opt/holdfast/lib/holdfastd.cjs" ? "for 0.1\n" : `for ${/holdfastd-(.)/.exec(bundle)?.[1]}\n`;

describe.each<[string, HostSpec, HostSpec]>([
  ["from 0.1", first, release("2")],
  ["from this release to the next", release("2"), release("3")],
  ["and back", release("3"), release("2")],
])("an upgrade %s", (_, old, next) => {
  const steps = planSteps(next, {}, new Host(old).facts(old));

  test("switches the unit, and restarts it", () => {
    expect(steps.filter(({ kind }) => kind === "unit")).toMatchObject([{ action: "restart" }]);
    const done = new Host(old);
    for (const step of steps) done.perform(step);
    expect(planSteps(next, {}, done.facts(next))).toEqual([]);
  });

  test.each(steps.map((step, at) => [at, step.kind] as const))(
    "cut off before step %i (%s), twice, has a matching pair",
    (at) => {
      const host = new Host(old);
      let due = dueOf(steps);
      for (const step of steps.slice(0, at)) {
        host.perform(step);
        due = settle(due, step);
      }
      for (const { bundle, config } of host.pairs()) expect(config, bundle).toBe(madeFor(bundle));
      // The next apply goes on, and is cut off as well.
      const again = planSteps(next, {}, host.facts(old, due));
      const restarts = again.some(({ kind }) => kind === "unit");
      if (due.restart.length > 0) expect(restarts, "one of the two restarts the agent").toBe(true);
      for (const step of again) {
        host.perform(step);
        for (const { bundle, config } of host.pairs()) expect(config, bundle).toBe(madeFor(bundle));
      }
    },
  );
});
