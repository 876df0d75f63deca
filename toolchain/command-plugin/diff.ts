/**
 * What changed between the inputs of the last run and those of this one, said the way the official plugin
 * says it: a path per change, down to the element. Pure. Whether a change replaces the resource is said only
 * for `triggers` as a whole; for its elements the engine does it (the SDK passes `replaceOnChanges`).
 */
import { equal, isPlainObject, type Properties, type Value } from "./values.ts";

type PlainKind = "add" | "delete" | "update";
export type ChangeKind = PlainKind | `${PlainKind}-replace`;

export interface Difference {
  /** Path (`environment.A`, `triggers[1]`, `environment["a.b"]`) to what happened there. */
  changes: ReadonlyMap<string, ChangeKind>;
  /** Top-level inputs that force a replacement. */
  replaces: readonly string[];
}

/** Compares two sets of checked inputs. Keys that the engine itself adds are left out. */
export function differenceOf(olds: Properties, news: Properties): Difference {
  const plain = new Map<string, PlainKind>();
  const own = Object.fromEntries(Object.entries(news).filter(([key]) => key !== "version" && !key.startsWith("__")));
  compareObjects([], olds, own, plain);
  const changes = new Map<string, ChangeKind>(plain);
  const whole = plain.get("triggers");
  if (whole !== undefined) changes.set("triggers", `${whole}-replace`);
  return { changes, replaces: whole === undefined ? [] : ["triggers"] };
}

type Path = readonly (string | number)[];

function compareObjects(path: Path, olds: Properties, news: Properties, changes: Map<string, PlainKind>): void {
  for (const key of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    compare([...path, key], olds[key] ?? undefined, news[key] ?? undefined, changes);
  }
}

function compare(
  path: Path,
  before: Value | undefined,
  after: Value | undefined,
  changes: Map<string, PlainKind>,
): void {
  if (equal(before, after)) return;
  if (before === undefined || after === undefined) {
    changes.set(formatPath(path), before === undefined ? "add" : "delete");
  } else if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    for (let index = 0; index < length; index++) compare([...path, index], before[index], after[index], changes);
  } else if (isPlainObject(before) && isPlainObject(after)) {
    compareObjects(path, before, after, changes);
  } else {
    changes.set(formatPath(path), "update");
  }
}

/** A property path as the engine writes it. */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (/[^A-Za-z0-9_]/.test(part)) return `["${part.replaceAll('"', '\\"')}"]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}
