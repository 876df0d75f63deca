/** Bodies of requests, checked; what is refused is said field by field, as the API does. */
import * as z from "zod";
import { ApiError, type FieldFault, invalidField, invalidInput, notFound, notUnique } from "./api-error.ts";
import type { Collections, Labels } from "./state.ts";

/** @throws ApiError invalid_input with every field that is wrong */
export function parse<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const faults = new Map<string, string[]>();
  for (const { path, message } of result.error.issues) {
    const name = String(path[0] ?? "body");
    faults.set(name, [...(faults.get(name) ?? []), message]);
  }
  throw invalidInput([...faults].map(([name, messages]): FieldFault => ({ name, messages })));
}

export const id = z.number().int().positive();
export const name = z.string().min(1).max(128);
/** A number, or a name, or a number in quotes. */
export const idOrName = z.union([id, z.string().min(1)]);

const labelPart = "[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";
const labelKey = new RegExp(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?${labelPart}$`);
const labelValue = new RegExp(`^(${labelPart})?$`);

/** Labels by the API's rules. */
export const labels: z.ZodType<Labels> = z.record(
  z.string().regex(labelKey, "is no label's key"),
  z.string().regex(labelValue, "is no label's value"),
);

export const protection = z.object({ delete: z.boolean() });

/** @throws ApiError not_found */
export function find<T extends { id: number }>(all: readonly T[], kind: string, wanted: number | string): T {
  const found = all.find((item) => String(item.id) === String(wanted));
  if (found === undefined) throw notFound(kind, wanted);
  return found;
}

/** The same for something that a body names: then it is the body that is wrong. @throws ApiError invalid_input */
export function named<T extends { id: number; name?: string }>(
  all: readonly T[],
  field: string,
  wanted: number | string,
): T {
  const found = all.find((item) => String(item.id) === String(wanted) || item.name === wanted);
  if (found === undefined) throw invalidField(field, `${wanted} does not exist`);
  return found;
}

/** @throws ApiError uniqueness_error */
export function requireFreeName(all: Collections[keyof Collections], wanted: string, own?: number): void {
  if (all.some((item) => item.name === wanted && item.id !== own)) throw notUnique("name");
}

/** @throws ApiError protected */
export function requireUnprotected(
  what: string,
  { protection: { delete: isProtected } }: { protection: { delete: boolean } },
): void {
  if (isProtected) throw new ApiError("protected", `${what} is protected against deletion`);
}

/** What PUT changes of anything: its name, its labels. */
export const rename = z.object({ name: name.optional(), labels: labels.optional() });

export function applyRename(
  all: Collections[keyof Collections],
  item: { id: number; name: string; labels: Labels },
  { name: newName, labels: newLabels }: z.infer<typeof rename>,
): void {
  if (newName !== undefined) {
    requireFreeName(all, newName, item.id);
    item.name = newName;
  }
  if (newLabels !== undefined) item.labels = newLabels;
}
