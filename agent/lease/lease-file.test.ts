import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LeaseFile } from "./lease-file.ts";
import type { Lease, Term } from "./types.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-lease-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const lease: Lease = {
  session: "session-b",
  epoch: 5,
  deadlineMs: 7500,
  lastSentMs: 1000,
  seq: 3,
  sessionRenewedMs: 1000,
  fedMs: 1000,
  fedUntilMs: 7500,
};
const term: Term = {
  story: {
    from: "host-a",
    kind: "failover",
    because: "b",
    startedMs: 1,
    lastSeenMs: 0,
    deaths: 2,
    silent: "host-a",
    fenced: null,
  },
  activeMs: 900,
};
const file = (boot: string) => new LeaseFile(join(directory, "lease.json"), boot);

test("what was saved is found by the next agent of the same boot, over or not", () => {
  file("boot-1").save(lease, term);
  expect(file("boot-1").load()).toEqual({ lease, term });
  expect(statSync(join(directory, "lease.json")).mode & 0o777).toBe(0o600);
});

test("a lease of another boot is none: its deadline is on a clock that started anew", () => {
  file("boot-1").save(lease, term);
  expect(file("boot-2").load()).toBeNull();
});

test("no file, half a file and a foreign one are no lease", () => {
  expect(file("boot-1").load()).toBeNull();
  file("boot-1").save(lease, term);
  const text = readFileSync(join(directory, "lease.json"), "utf8");
  for (const other of [text.slice(0, 40), "{}", text.replace("7500", '"soon"'), ""]) {
    writeFileSync(join(directory, "lease.json"), other);
    expect(file("boot-1").load()).toBeNull();
  }
});

test("an agent of an older version saved no term: its lease counts all the same", () => {
  file("boot-1").save(lease, term);
  const { term: _, ...older } = JSON.parse(readFileSync(join(directory, "lease.json"), "utf8"));
  writeFileSync(join(directory, "lease.json"), JSON.stringify(older));
  expect(file("boot-1").load()).toEqual({ lease, term: null });
});

test("a forgotten lease is gone, and forgetting twice is no error", () => {
  file("boot-1").save(lease, term);
  file("boot-1").forget();
  file("boot-1").forget();
  expect(file("boot-1").load()).toBeNull();
});
