/** Puts a mutation into a tree's text. Refuses when the code has moved on, so that the list cannot rot. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Edit, Mutation } from "./mutation.ts";

/** @throws Error when `edit.text` does not occur exactly once in `source`, or when nothing would change. */
export function edited(source: string, edit: Edit): string {
  const count = source.split(edit.text).length - 1;
  if (count !== 1) throw new Error(`${edit.file} has this text ${count} times, wanted is once: ${edit.text}`);
  if (edit.text === edit.by) throw new Error(`${edit.file} would stay as it is: ${edit.text}`);
  // Not `replace` with a text: that gives `$` a meaning.
  return source.replace(edit.text, () => edit.by);
}

/** The mutated files' text by their names; several edits of one file come one after the other. */
export function mutated(mutation: Mutation, read: (file: string) => string): Map<string, string> {
  const files = new Map<string, string>();
  for (const edit of mutation.edits) files.set(edit.file, edited(files.get(edit.file) ?? read(edit.file), edit));
  return files;
}

/** Writes a mutation into the tree at `root`: a copy, never the repository itself. */
export function applyMutation(root: string, mutation: Mutation): void {
  const files = mutated(mutation, (file) => readFileSync(join(root, file), "utf8"));
  for (const [file, text] of files) writeFileSync(join(root, file), text);
}
