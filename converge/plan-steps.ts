/**
 * Facts and spec → the steps that make one into the other, in the order in which they are done. Pure.
 *
 * Idea: everything that a unit or a command reads is changed first, so "what changed" is known when
 * the units' turn comes. What was owed by an apply that was cut short (`pending.due`) counts as changed.
 * Awkward case: a file that left the spec. It is deleted, and the units that read it restart, though
 * the new spec does not mention it any more: so the stored spec's restartOn counts too. What the unit starts from until it is
 * restarted, a sealed credential or a file that it names, goes last: it may have to start again before that.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { paths } from "../contract/paths.ts";
import type { HostSpec, Secrets } from "../contract/wire/host-spec.ts";
import { type Due, emptyInventory, type Inventory, nothingDue } from "../contract/wire/pending.ts";
import type { HostFacts, PathFact } from "./facts.ts";
import { rulesFault, settingFault, staleness } from "./in-force.ts";
import { credentialPath, inventoryOf, union, without } from "./inventory.ts";
import type { Step } from "./steps.ts";

/** The text of a file of the spec: its lines, each ended by a newline. */
export function fileText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * @param secrets null when they are not at hand (`check` on a stored spec): then what is secret is only
 *   checked for being there, readable and rightly owned.
 */
export function planSteps(spec: HostSpec, secrets: Secrets | null, facts: HostFacts): Step[] {
  const obsolete = obsoleteInventory(spec, facts);
  const aside = asideSteps(spec, facts);
  // What is set aside is not there any more when our own comes.
  const places = { ...facts, paths: new Map([...facts.paths, ...aside.map(({ path }) => [path, absent] as const)]) };
  const contents = [
    ...artifactSteps(spec, places),
    ...fileSteps(spec, secrets, places),
    ...credentialSteps(spec, secrets, facts),
  ];
  const retired = obsolete.units.toReversed().map((unit): Step => ({ kind: "retire-unit", unit, why: notWanted }));
  const deleted = obsolete.files
    .filter((path) => factAt(facts, path).kind !== "absent")
    .map((path): Step => ({ kind: "delete-file", path, why: notWanted }));
  const changed = new Set([...contents, ...deleted].flatMap(changedPath));
  const enable = enableSteps(spec, facts);
  const isRead = isStillRead(spec, facts);
  const isLate = (step: Step) => isSealed(step) || isRead(step);
  return [
    ...userSteps(spec, facts),
    ...directorySteps(spec, facts),
    ...aside,
    ...contents.filter((step) => !isLate(step)),
    ...retired,
    ...deleted.filter((step) => !isLate(step)),
    ...commandSteps(spec, facts, changed),
    ...enable,
    ...daemonReloadSteps(spec, facts, changed, { retired: retired.length > 0, enabled: enable[0]?.unit }),
    ...unitSteps(spec, facts, changed),
    ...[...contents, ...deleted].filter(isLate),
    ...obsoleteDirectories(obsolete, facts),
    ...obsolete.users
      .filter((user) => facts.users.has(user) && !facts.before.users.includes(user))
      .map((user): Step => ({ kind: "delete-user", user, why: notWanted })),
  ];
}

/** What the steps owe to those who read the changed files: noted on disk before the first is done. */
export function dueOf(steps: readonly Step[]): Due {
  const units = (...actions: string[]) =>
    steps.flatMap((step) => (step.kind === "unit" && actions.includes(step.action) ? [step.unit] : []));
  return {
    // A start is owed as a restart: whatever starts the unit meanwhile may have read half of the files.
    restart: units("start", "restart"),
    reload: units("reload"),
    commands: steps.flatMap((step) => (step.kind === "command" ? [JSON.stringify(step.argv)] : [])),
  };
}

/** `due` after `step` was done. */
export function settle(due: Due, step: Step): Due {
  if (step.kind === "command")
    return { ...due, commands: due.commands.filter((argv) => argv !== JSON.stringify(step.argv)) };
  if (step.kind !== "unit" || step.action === "enable") return due;
  return {
    ...due,
    restart: step.action === "reload" ? due.restart : due.restart.filter((unit) => unit !== step.unit),
    reload: due.reload.filter((unit) => unit !== step.unit),
  };
}

const notWanted = "not in the spec any more";
const cutShort = "an earlier apply was cut short";

/** What an earlier apply of this concern left that neither this spec nor another concern has. */
export function obsoleteInventory(spec: HostSpec, facts: HostFacts): Inventory {
  const earlier = union(
    facts.stored === null ? emptyInventory : inventoryOf(facts.stored),
    facts.pending?.inventory ?? emptyInventory,
  );
  return without(earlier, union(inventoryOf(spec), facts.elsewhere));
}

const absent: PathFact = { kind: "absent" };

function factAt(facts: HostFacts, path: string): PathFact {
  return facts.paths.get(path) ?? absent;
}

function userSteps(spec: HostSpec, facts: HostFacts): Step[] {
  return spec.users.flatMap((user): Step[] => {
    const fact = facts.users.get(user.name);
    if (fact === undefined) return [{ kind: "user", user, exists: false, why: "absent" }];
    const reasons = [
      ...(fact.home === user.home || facts.before.users.includes(user.name) ? [] : ["home"]),
      ...(user.groups.every((group) => fact.groups.includes(group)) ? [] : ["groups"]),
    ];
    return reasons.length === 0 ? [] : [{ kind: "user", user, exists: true, why: reasons.join(", ") }];
  });
}

interface Attributes {
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

function attributeFaults(fact: Attributes, wanted: Attributes): string[] {
  return (["mode", "owner", "group"] as const).filter((name) => fact[name] !== wanted[name]);
}

function directorySteps(spec: HostSpec, facts: HostFacts): Step[] {
  return spec.directories.flatMap((directory): Step[] => {
    const fact = factAt(facts, directory.path);
    const faults = fact.kind === "directory" ? attributeFaults(fact, directory) : [absence(fact, "a directory")];
    return faults.length === 0 ? [] : [{ kind: "directory", directory, why: faults.join(", ") }];
  });
}

/** An older neard's configuration and node key are not ours to overwrite. */
function asideSteps(spec: HostSpec, { before }: HostFacts): Extract<Step, { kind: "set-aside" }>[] {
  return inventoryOf(spec)
    .files.filter((path) => before.files.includes(path))
    .map((path) => ({ kind: "set-aside", path, why: "was there before holdfast" }));
}

function absence(fact: PathFact, wanted: string): string {
  return fact.kind === "absent" ? "absent" : `is not ${wanted}`;
}

function artifactSteps(spec: HostSpec, facts: HostFacts): Step[] {
  return spec.artifacts.flatMap((artifact): Step[] => {
    const fact = factAt(facts, artifact.path);
    const attributes = { mode: artifact.mode, owner: "root", group: "root" };
    if (fact.kind !== "file") return [{ kind: "artifact", artifact, why: absence(fact, "a file") }];
    if (fact.sha256 !== artifact.sha256) return [{ kind: "artifact", artifact, why: "content" }];
    const faults = attributeFaults(fact, attributes);
    return faults.length === 0
      ? []
      : [{ kind: "attributes", path: artifact.path, ...attributes, why: faults.join(", ") }];
  });
}

function fileSteps(spec: HostSpec, secrets: Secrets | null, facts: HostFacts): Step[] {
  const files = [
    ...spec.files.map(({ lines, ...file }) => ({ ...file, content: { lines }, digest: sha256(fileText(lines)) })),
    ...spec.secretFiles.map(({ secret, ...file }) => {
      const text = secrets?.[secret];
      return { ...file, content: { secret }, digest: text === undefined ? null : sha256(text) };
    }),
  ];
  return files.flatMap(({ digest, content, ...file }): Step[] => {
    const fact = factAt(facts, file.path);
    if (fact.kind !== "file") return [{ kind: "file", ...file, content, why: absence(fact, "a file") }];
    const faults = attributeFaults(fact, file);
    if (digest !== null && fact.sha256 !== digest)
      return [{ kind: "file", ...file, content, why: ["content", ...faults].join(", ") }];
    return faults.length === 0 ? [] : [{ kind: "attributes", ...file, why: faults.join(", ") }];
  });
}

/** Sealed files belong to root alone; systemd, which unseals them, is root. */
export const credentialAttributes: Attributes = { mode: "0600", owner: "root", group: "root" };

function credentialSteps(spec: HostSpec, secrets: Secrets | null, facts: HostFacts): Step[] {
  return spec.credentials.flatMap(({ name, secret }): Step[] => {
    const path = credentialPath(name);
    const seal = (why: string): Step[] => [{ kind: "credential", name, path, secret, why }];
    const fact = factAt(facts, path);
    if (fact.kind !== "file") return seal(absence(fact, "a file"));
    const digest = facts.credentials.get(name) ?? null;
    if (digest === null) return seal("systemd on this host cannot load it");
    const text = secrets?.[secret];
    if (text !== undefined && digest !== sha256(text)) return seal("content");
    const faults = attributeFaults(fact, credentialAttributes);
    return faults.length === 0 ? [] : [{ kind: "attributes", path, ...credentialAttributes, why: faults.join(", ") }];
  });
}

/**
 * Steps on what the unit of the last apply starts from and this one's does not. It is changed last: a file that is read no more.
 * It goes last: one that the unit's own file names. (Others go first, for a unit may read a whole directory.)
 */
function isStillRead(spec: HostSpec, { stored }: HostFacts): (step: Step) => boolean {
  const now = new Set(spec.units.flatMap(({ restartOn }) => restartOn));
  const units = (stored?.units ?? []).filter((unit) => spec.units.some(({ name }) => name === unit.name));
  const before = new Set(units.flatMap(({ restartOn }) => restartOn).filter((path) => !now.has(path)));
  const unitFiles = (stored?.files ?? []).filter(({ path }) => units.some(({ name }) => isUnitFile(path, name)));
  const words = new Set(unitFiles.flatMap(({ lines }) => lines).flatMap((line) => line.split(/[ =:]/)));
  return (step) =>
    step.kind === "delete-file" ? words.has(step.path) : changedPath(step).some((path) => before.has(path));
}

/** A unit that is started again before systemd has read its new file would not start without its old credential. */
function isSealed(step: Step): boolean {
  return step.kind === "delete-file" && dirname(step.path) === paths.credentials;
}

function changedPath(step: Step): string[] {
  switch (step.kind) {
    case "artifact":
      return [step.artifact.path];
    case "file":
    case "attributes":
    case "credential":
    case "delete-file":
      return [step.path];
    default:
      return [];
  }
}

function commandSteps(spec: HostSpec, facts: HostFacts, changed: ReadonlySet<string>): Step[] {
  const due = facts.pending?.due ?? nothingDue;
  return spec.commands.flatMap(({ argv, on, settings }): Step[] => {
    const key = JSON.stringify(argv);
    const before = facts.stored?.commands.find((command) => JSON.stringify(command.argv) === key)?.on ?? [];
    const cause = [...on, ...before].find((path) => changed.has(path));
    if (cause !== undefined) return [{ kind: "command", argv, why: `${cause} changed` }];
    if (due.commands.includes(key)) return [{ kind: "command", argv, why: cutShort }];
    const lines = spec.files.find(({ path }) => path === settings)?.lines ?? [];
    const fault = settingFault(lines, facts.inForce);
    return fault === null ? [] : [{ kind: "command", argv, why: fault }];
  });
}

/** The unit's own file or a drop-in of it, wherever systemd looks for them. */
function isUnitFile(path: string, unit: string): boolean {
  return systemdPath(path) && (path.endsWith(`/${unit}`) || path.includes(`/${unit}.d/`));
}

function systemdPath(path: string): boolean {
  return path.includes("/systemd/system/");
}

/** Before systemd reads what changed: it would read all units again for each one that is enabled afterwards, 0.3 s each time. */
function enableSteps(spec: HostSpec, facts: HostFacts): Extract<Step, { kind: "unit" }>[] {
  return spec.units
    .filter(({ name }) => facts.units.get(name)?.enabled !== true)
    .map(({ name }) => ({
      kind: "unit",
      unit: name,
      action: "enable",
      disturbs: "nothing",
      why: "enable: not enabled",
    }));
}

function daemonReloadSteps(
  spec: HostSpec,
  facts: HostFacts,
  changed: ReadonlySet<string>,
  { retired, enabled }: { readonly retired: boolean; readonly enabled: string | undefined },
): Step[] {
  const step = (why: string): Step[] => [{ kind: "daemon-reload", why }];
  const file = [...changed].find(systemdPath);
  if (file !== undefined) return step(`${file} changed`);
  const stale = spec.units.find((unit) => facts.units.get(unit.name)?.needsDaemonReload === true);
  if (stale !== undefined) return step(`the file of ${stale.name} is newer than what systemd has read`);
  if (retired) return step("a unit is gone");
  if (enabled !== undefined) return step(`${enabled} was enabled`);
  // A unit that systemd has not loaded yet does not say that it needs a reload.
  return facts.pending !== null && spec.units.length > 0 ? step(cutShort) : [];
}

function unitSteps(spec: HostSpec, facts: HostFacts, changed: ReadonlySet<string>): Step[] {
  return spec.units.flatMap((unit): Step[] => {
    const { state = "down" } = facts.units.get(unit.name) ?? {};
    const make = (action: "start" | "restart" | "reload", why: string): Step => {
      const disturbs = state === "down" ? "nothing" : unit.disturbs;
      return { kind: "unit", unit: unit.name, action, disturbs, why };
    };
    const ownFile = spec.files.find(({ path }) => isUnitFile(path, unit.name))?.path;
    const causes = unitCauses(unit, facts, changed);
    const restart = causes.restart ?? staleness(unit, ownFile, facts.inForce);
    const reload = causes.reload ?? rulesFault(unit, facts.inForce);
    if (state === "down") {
      // Whoever starts it meanwhile (its agent, its Restart=) may start it on the old files: a restart covers both.
      const action = restart === null ? "start" : "restart";
      return [make(action, "start: not running")];
    }
    if (restart !== null) return [make("restart", `restart: ${restart}`)];
    if (reload !== null) return [make("reload", `reload: ${reload}`)];
    return state === "starting" ? [make("start", "start: not started yet")] : [];
  });
}

/** Why a unit has to be restarted, and why reloaded; null: it has not. */
function unitCauses(
  unit: HostSpec["units"][number],
  facts: HostFacts,
  changed: ReadonlySet<string>,
): { readonly restart: string | null; readonly reload: string | null } {
  const due = facts.pending?.due ?? nothingDue;
  const before = facts.stored?.units.find(({ name }) => name === unit.name);
  const cause = (path: string | undefined, owed: readonly string[]) => {
    if (path !== undefined) return `${path} changed`;
    return owed.includes(unit.name) ? cutShort : null;
  };
  const restartOn = [...unit.restartOn, ...(before?.restartOn ?? [])];
  const reloadOn = [...unit.reloadOn, ...(before?.reloadOn ?? [])];
  const unitFile = [...changed].find((path) => isUnitFile(path, unit.name));
  return {
    restart: cause(unitFile ?? restartOn.find((path) => changed.has(path)), due.restart),
    reload: cause(
      reloadOn.find((path) => changed.has(path)),
      due.reload,
    ),
  };
}

/** Deepest first, so that a parent is empty when its turn comes. */
function obsoleteDirectories(obsolete: Inventory, facts: HostFacts): Step[] {
  return obsolete.directories
    .filter(({ path }) => factAt(facts, path).kind === "directory")
    .toSorted((a, b) => b.path.length - a.path.length)
    .map(({ path, owned }): Step => {
      const directory = facts.before.directories.find((one) => one.path === path);
      if (directory !== undefined) return { kind: "give-back-directory", directory, why: "was there before holdfast" };
      return { kind: "delete-directory", path, owned, why: notWanted };
    });
}
