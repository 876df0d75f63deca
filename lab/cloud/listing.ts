/** Lists as the API gives them: narrowed, sorted, in pages. Pure. */
import { invalidField } from "./api-error.ts";
import { parseSelector } from "./labels.ts";
import type { Labels } from "./state.ts";

const defaultPerPage = 25;
const mostPerPage = 50;

export interface Page<T> {
  readonly items: readonly T[];
  readonly meta: object;
}

interface Listed {
  readonly id: number;
  readonly name?: string | null;
  readonly labels?: Labels;
}

/** What every list knows: `name`, `label_selector`, `sort`, `page`, `per_page`. @throws ApiError invalid_input */
export function list<T extends Listed>(all: readonly T[], query: URLSearchParams): Page<T> {
  const names = query.getAll("name").filter((name) => name !== "");
  const selector = query.get("label_selector");
  const selected = selector ? parseSelector(selector) : () => true;
  const found = all.filter(
    (item) => (names.length === 0 || names.includes(item.name ?? "")) && selected(item.labels ?? {}),
  );
  return paged(sorted(found, query.getAll("sort")), query);
}

function sorted<T extends Listed>(items: readonly T[], sorts: readonly string[]): T[] {
  const keys = sorts.map((sort) => {
    const [, key, order] = /^(\w+)(?::(asc|desc))?$/.exec(sort) ?? [];
    if (key === undefined) throw invalidField("sort", `cannot read "${sort}"`);
    return { key: key as keyof T, sign: order === "desc" ? -1 : 1 };
  });
  const compare = (a: T, b: T) => {
    for (const { key, sign } of keys) {
      const [left, right] = [a[key], b[key]];
      if (left !== right) return left < right ? -sign : sign;
    }
    return a.id - b.id;
  };
  return items.toSorted(compare);
}

function paged<T>(items: readonly T[], query: URLSearchParams): Page<T> {
  const page = wholeNumber(query, "page", 1);
  const per_page = Math.min(wholeNumber(query, "per_page", defaultPerPage), mostPerPage);
  const last_page = Math.max(1, Math.ceil(items.length / per_page));
  const pagination = {
    page,
    per_page,
    previous_page: page > 1 ? page - 1 : null,
    next_page: page < last_page ? page + 1 : null,
    last_page,
    total_entries: items.length,
  };
  return { items: items.slice((page - 1) * per_page, page * per_page), meta: { pagination } };
}

function wholeNumber(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalidField(name, "must be a whole number, at least 1");
  return Number(text);
}
