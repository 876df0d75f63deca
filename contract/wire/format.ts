/**
 * How a shape that outlives the program which wrote it, or goes from one program to another, says which format it has: by
 * the number `format`. Hosts are upgraded one after the other and may be downgraded, so any release can meet what any other
 * one wrote. Pure.
 *
 * Think of a form with a number in its corner: boxes may be added to it without a new number, for who does not know them
 * may pass over them. A new number says that who does not know it must not act on any of it.
 *
 *   added to a shape     a reader passes over what it does not know; what it does know it checks
 *   a new format         only where an older reader would act wrongly: it acts as on something it cannot read
 *   no number            0.1 wrote none: format 1
 *
 * What cannot be understood is never taken for absent. So a reading has three ends, and a caller says what each means.
 */
import type * as z from "zod";

/** One shape, as this release reads and writes it. */
export interface Shape<T> {
  /** For messages: "the lease file". */
  readonly name: string;
  /** The newest that this release understands, and what it writes. */
  readonly format: number;
  readonly schema: z.ZodType<T>;
}

export type Reading<T> =
  | { readonly is: "read"; readonly value: T }
  /** A newer release wrote it. */
  | { readonly is: "newer"; readonly format: number }
  | { readonly is: "unreadable"; readonly error: unknown };

/** @param text JSON */
export function readShape<T>(shape: Shape<T>, text: string): Reading<T> {
  try {
    return readData(shape, JSON.parse(text));
  } catch (error) {
    return { is: "unreadable", error };
  }
}

/** The same of what JSON.parse gave. */
export function readData<T>(shape: Shape<T>, data: unknown): Reading<T> {
  const format = formatOf(data);
  if (format > shape.format) return { is: "newer", format };
  const parsed = shape.schema.safeParse(data);
  return parsed.success ? { is: "read", value: parsed.data } : { is: "unreadable", error: parsed.error };
}

/** The value, or null for whatever cannot be understood: for callers to whom both kinds mean the same. */
export function understood<T>(reading: Reading<T>): T | null {
  return reading.is === "read" ? reading.value : null;
}

/** What is written: the number first. */
export function stamped<T extends object>(shape: Shape<unknown>, value: T): { format: number } & T {
  return { format: shape.format, ...value };
}

export function textOf(shape: Shape<unknown>, value: object): string {
  return JSON.stringify(stamped(shape, value));
}

/** A number that is none, or below 1, is not ours: the schema says what else is wrong with it. */
function formatOf(data: unknown): number {
  const format = typeof data === "object" && data !== null ? (data as { format?: unknown }).format : undefined;
  return typeof format === "number" && Number.isInteger(format) ? format : 1;
}
