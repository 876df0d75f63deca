/**
 * Import this first in every program: what fails while its modules are loaded has no main function yet whose failure could be
 * told. runEntry (entry.ts) takes over as soon as it runs.
 */
import { basename, dirname } from "node:path";
import { untilEntry } from "./entry.ts";

const file = process.argv[1] ?? "holdfast";
untilEntry(`${basename(dirname(file))}/${basename(file)}`);
