/**
 * Cuts an apply after every step, as a kill -9 would, and lets the next one finish: whatever was cut, no
 * unit is left running on a file that it has not read, and nothing is left that the spec does not have.
 */
import { describe, expect, test } from "vitest";
import { type HostSpec, hostSpecSchema, type Secrets } from "../contract/wire/host-spec.ts";
import { nothingBefore } from "../contract/wire/identity.ts";
import type { Pending } from "../contract/wire/pending.ts";
import { emptyInventory } from "../contract/wire/pending.ts";
import { type Change, type ConvergeHost, converge } from "./converge.ts";
import type { HostFacts, PathFact } from "./facts.ts";
import { nothingInForce } from "./in-force.ts";
import { credentialPath } from "./inventory.ts";
import { fileText, sha256 } from "./plan-steps.ts";
import type { Step } from "./steps.ts";
import { runningUnit } from "./testing.ts";

const secrets: Secrets = { token: "t" };

class Killed extends Error {}

/** A host in memory. A unit remembers what every file held when it started or reloaded. */
class MemoryHost implements ConvergeHost {
  readonly files = new Map<string, string>();
  readonly units = new Map<string, { enabled: boolean; sawFiles: string }>();
  readonly ran: string[] = [];
  pending: Pending | null = null;
  stored: HostSpec | null = null;
  healthy = true;
  /** Why what it is to become is refused. */
  refused: string | null = null;
  aloneFor: string[] = [];
  /** Writes and steps until the process is killed. */
  budget = Number.POSITIVE_INFINITY;

  #spend(): void {
    if (this.budget <= 0) throw new Killed();
    this.budget--;
  }

  async readFacts(spec: HostSpec): Promise<HostFacts> {
    return {
      users: new Map(),
      paths: new Map([...this.files].map(([path, text]) => [path, this.#fact(path, text)])),
      credentials: new Map(
        spec.credentials.flatMap(({ name }) => {
          const text = this.files.get(credentialPath(name));
          return text === undefined ? [] : [[name, sha256(text)] as const];
        }),
      ),
      units: new Map(
        spec.units.map(({ name }) => {
          const unit = this.units.get(name);
          const state = unit === undefined ? "down" : "running";
          return [name, { ...runningUnit, state, enabled: unit?.enabled === true }];
        }),
      ),
      inForce: nothingInForce,
      stored: this.stored,
      pending: this.pending,
      elsewhere: emptyInventory,
      before: nothingBefore,
    };
  }

  #fact(path: string, text: string): PathFact {
    const mode = path.endsWith(".cred") ? "0600" : "0644";
    return { kind: "file", mode, owner: "root", group: "root", sha256: sha256(text) };
  }

  async perform(step: Step): Promise<void> {
    this.#spend();
    if (step.kind === "file" && "lines" in step.content) this.files.set(step.path, fileText(step.content.lines));
    if (step.kind === "credential") this.files.set(step.path, secrets[step.secret] ?? "");
    if (step.kind === "delete-file") this.files.delete(step.path);
    if (step.kind === "command") this.ran.push(`${step.argv[0]} saw ${this.#content()}`);
    if (step.kind === "retire-unit") this.units.delete(step.unit);
    if (step.kind === "unit" && step.action !== "enable")
      this.units.set(step.unit, { enabled: true, sawFiles: this.#content() });
  }

  #content(): string {
    return JSON.stringify([...this.files].toSorted());
  }

  async writePending(pending: Pending): Promise<void> {
    this.#spend();
    this.pending = pending;
  }
  async complete(spec: HostSpec): Promise<void> {
    this.#spend();
    this.stored = spec;
    this.#spend();
    this.pending = null;
  }
  async validate(): Promise<void> {
    if (this.refused !== null) throw new Error(this.refused);
  }
  async alone(_spec: HostSpec, disturbs: ReadonlySet<string>, work: () => Promise<void>): Promise<void> {
    this.aloneFor.push([...disturbs].join());
    await work();
  }
  async waitHealthy(): Promise<void> {
    if (!this.healthy) throw new Error("not healthy");
  }
  async convergeAcl(): Promise<void> {}

  /** Every unit has read what is on the disk now. */
  get settled(): boolean {
    return [...this.units.values()].every(({ sawFiles }) => sawFiles === this.#content());
  }
}

function specOf(version: string, extra: string[] = []): HostSpec {
  return hostSpecSchema.parse({
    host: "host-a",
    concern: "consul",
    files: ["/etc/one", "/etc/two", ...extra].map((path) => ({ path, mode: "0644", lines: [version] })),
    credentials: [{ name: "token", secret: "token" }],
    commands: [{ argv: ["sysctl"], on: ["/etc/two"] }],
    units: [
      { name: "a.service", restartOn: ["/etc/one", "/etc/two", ...extra, credentialPath("token")], disturbs: "consul" },
      { name: "b.service", restartOn: ["/etc/one", "/etc/two", ...extra, credentialPath("token")] },
    ],
  });
}

async function apply(host: MemoryHost, spec: HostSpec): Promise<Change[]> {
  const changes: Change[] = [];
  await converge(host, spec, secrets, (change) => changes.push(change));
  return changes;
}

test("a second apply does nothing and says so", async () => {
  const host = new MemoryHost();
  expect((await apply(host, specOf("1"))).length).toBeGreaterThan(0);
  const before = { ...host.pending, stored: host.stored, ran: [...host.ran] };
  expect(await apply(host, specOf("1"))).toEqual([]);
  expect({ ...host.pending, stored: host.stored, ran: [...host.ran] }).toEqual(before);
});

test("the lock is taken for a restart, and for no first start", async () => {
  const host = new MemoryHost();
  await apply(host, specOf("1"));
  expect(host.aloneFor).toEqual([]);
  await apply(host, specOf("2"));
  expect(host.aloneFor).toEqual(["consul"]);
});

test("the lock is taken for an agent that runs, too, and the key stays", async () => {
  const agent = (line: string) =>
    hostSpecSchema.parse({
      host: "host-a",
      concern: "agent",
      files: [{ path: "/etc/one", mode: "0644", lines: [line] }],
      units: [{ name: "holdfastd.service", restartOn: ["/etc/one"], disturbs: "agent" }],
    });
  const host = new MemoryHost();
  await apply(host, agent("1"));
  expect(host.aloneFor).toEqual([]);
  await apply(host, agent("2"));
  // Alone, with nothing that the key would have to be given away for.
  expect(host.aloneFor).toEqual([""]);
});

describe("a host that loses its role neard", () => {
  const system = (users: string[]) =>
    hostSpecSchema.parse({ host: "host-a", concern: "system", users: users.map((name) => ({ name, home: "/" })) });
  const agent = (names: string[]) =>
    hostSpecSchema.parse({
      host: "host-a",
      concern: "agent",
      credentials: names.map((name) => ({ name, secret: name })),
      units: [{ name: "holdfastd.service", restartOn: names.map(credentialPath) }],
    });

  test.for([
    ["the place for its key", system(["holdfast-consul", "neard"]), system(["holdfast-consul"])],
    ["its key", agent(["consul-token", "validator-key"]), agent(["consul-token"])],
  ] as const)("gives the key away before it loses %s, and once", async ([, before, after]) => {
    const host = new MemoryHost();
    await apply(host, before);
    expect(host.aloneFor).toEqual([]);
    await apply(host, after);
    expect(host.aloneFor).toEqual(["neard"]);
    await apply(host, after);
    await apply(host, before);
    expect(host.aloneFor).toEqual(["neard"]);
  });

  test("gives it away too when the apply that takes it was cut", async () => {
    const host = new MemoryHost();
    await apply(host, agent(["consul-token", "validator-key"]));
    host.budget = 2;
    await expect(apply(host, agent(["consul-token"]))).rejects.toThrow();
    host.budget = Number.POSITIVE_INFINITY;
    host.aloneFor = [];
    await apply(host, agent(["consul-token"]));
    expect(host.aloneFor).toEqual(["neard"]);
  });
});

test("what would be refused changes nothing, and nobody is asked to give way for it", async () => {
  const host = new MemoryHost();
  await apply(host, specOf("1"));
  const before = { files: new Map(host.files), ran: [...host.ran], stored: host.stored };
  host.refused = "neard refuses it";
  await expect(apply(host, specOf("2"))).rejects.toThrow("neard refuses it");
  expect({ files: host.files, ran: host.ran, stored: host.stored }).toEqual(before);
  expect([host.aloneFor, host.pending]).toEqual([[], null]);
});

test("what was cut short with the lock is finished with the lock, though only the wait for health is left", async () => {
  const host = new MemoryHost();
  await apply(host, specOf("1"));
  host.healthy = false;
  await expect(apply(host, specOf("2"))).rejects.toThrow("not healthy");
  host.healthy = true;
  host.aloneFor = [];
  await apply(host, specOf("2"));
  expect(host.aloneFor).toEqual(["consul"]);
  await apply(host, specOf("2"));
  expect(host.aloneFor).toEqual(["consul"]);
});

describe("cut after every write, then applied again", () => {
  const cases: [string, HostSpec | null, HostSpec][] = [
    ["a first apply", null, specOf("1")],
    ["a changed file", specOf("1"), specOf("2")],
    ["a file more", specOf("1"), specOf("1", ["/etc/three"])],
    ["a file less", specOf("1", ["/etc/three"]), specOf("1")],
  ];
  test.each(cases)("%s", async (_name, before, after) => {
    let cuts = 0;
    for (let budget = 0; ; budget++) {
      const host = new MemoryHost();
      if (before !== null) await apply(host, before);
      host.budget = budget;
      const cut = await apply(host, after).then(
        () => false,
        (error) => {
          expect(error instanceof Killed || (error as Error).cause instanceof Killed).toBe(true);
          return true;
        },
      );
      host.budget = Number.POSITIVE_INFINITY;
      await apply(host, after);
      expect(host.settled, `cut after ${budget} writes`).toBe(true);
      expect([...host.files.keys()].toSorted()).toEqual(
        [...after.files.map(({ path }) => path), credentialPath("token")].toSorted(),
      );
      expect(host.ran.at(-1)).toContain(`["/etc/two","${after.files[1]?.lines[0]}\\n"]`);
      expect(host.stored).toEqual(after);
      expect(host.pending).toBeNull();
      expect(await apply(host, after)).toEqual([]);
      if (!cut) break;
      cuts++;
    }
    expect(cuts).toBeGreaterThan(5);
  });

  test("and then another spec: what only the cut one made is gone", async () => {
    for (let budget = 0; budget < 20; budget++) {
      const host = new MemoryHost();
      await apply(host, specOf("1"));
      host.budget = budget;
      await apply(host, specOf("2", ["/etc/stray"])).catch(() => undefined);
      host.budget = Number.POSITIVE_INFINITY;
      await apply(host, specOf("3"));
      expect(host.files.has("/etc/stray")).toBe(false);
      expect(host.settled).toBe(true);
    }
  });

  test("reverted by the next apply before anything was restarted: the old content is read again", async () => {
    for (let budget = 0; budget < 12; budget++) {
      const host = new MemoryHost();
      await apply(host, specOf("1"));
      host.budget = budget;
      await apply(host, specOf("2")).catch(() => undefined);
      host.budget = Number.POSITIVE_INFINITY;
      await apply(host, specOf("1"));
      expect(host.settled).toBe(true);
    }
  });
});

test("not healthy: the spec is not stored, and the next apply waits for health again", async () => {
  const host = new MemoryHost();
  host.healthy = false;
  await expect(apply(host, specOf("1"))).rejects.toThrow("not healthy");
  expect(host.stored).toBeNull();
  await expect(apply(host, specOf("1"))).rejects.toThrow("not healthy");
  host.healthy = true;
  await apply(host, specOf("1"));
  expect(host.stored).toEqual(specOf("1"));
});

test("a failed step says which one, of how many, and why it was due", async () => {
  const host = new MemoryHost();
  host.perform = async (step) => {
    if (step.kind === "command") throw new Error("no such program");
  };
  await expect(apply(host, specOf("1"))).rejects.toMatchObject({
    code: "HF_APPLY_FAILED",
    message: "host-a consul: step 4 of 9, sysctl (/etc/two changed), failed: no such program",
  });
});
