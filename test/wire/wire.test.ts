/**
 * Every release with every other one: what each wrote is recorded by its own code (record.ts), today's readers read all of
 * it here, and what the shipped ones make of what this tree writes is recorded too.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { start } from "../../agent/role/reduce.ts";
import { settings } from "../../agent/role/testing.ts";
import { version } from "../../host/version.ts";
import { readBy, type Verdict } from "./read.ts";
import { fixtureOf, shipped } from "./releases.ts";
import { type Written, writtenBy } from "./written.ts";

interface Fixture {
  readonly written: Written;
  /** Of a shipped release: what it makes of what each release writes. */
  readonly reads?: Readonly<Record<string, Readonly<Record<string, Verdict>>>>;
}

const root = join(import.meta.dirname, "../..");
const fixtureFrom = (release: string): Fixture => JSON.parse(readFileSync(fixtureOf(release), "utf8"));
const releases = [...shipped.map(({ release }) => release), version];
const again = "a shape has changed: node test/wire/record.ts, and read the difference";

/** Which fields there are, and of which kinds; not what is in them, nor how many of a list. */
function fields(value: unknown, at = ""): string[] {
  if (Array.isArray(value))
    return [...new Set([`${at}[]`, ...value.flatMap((one) => fields(one, `${at}[]`))])].toSorted();
  if (typeof value !== "object" || value === null) return [`${at}: ${value === null ? "null" : typeof value}`];
  return [...new Set(Object.entries(value).flatMap(([name, one]) => fields(one, `${at}.${name}`)))].toSorted();
}

test("what this tree writes is what is recorded of its version", async () => {
  const today = await writtenBy(root);
  const { written } = fixtureFrom(version);
  expect(Object.keys(today), again).toEqual(Object.keys(written));
  for (const [shape, value] of Object.entries(today))
    expect(fields(value), `${shape}: ${again}`).toEqual(fields(written[shape]));
});

describe.each(releases)("what %s wrote", (release) => {
  const { written } = fixtureFrom(release);
  test("is understood, all of it, down to what is acted on", async () => {
    const verdicts = await readBy(root, written);
    for (const [shape, verdict] of Object.entries(verdicts)) expect(verdict, shape).toMatchObject({ takes: true });
    const isSealed = release !== "0.1.0";
    expect(verdicts.lockRenewed?.is).toMatchObject({ heardMs: 6500, seal: isSealed ? "right" : "missing" });
    expect(verdicts.lockReleased?.is).toMatchObject({ marker: "host-a" });
    expect(verdicts.hostNote?.is).toMatchObject({ ready: true, isActive: false });
    expect(verdicts.leaseFile?.is).toMatchObject({ lease: { epoch: 5, deadlineMs: 96_500 } });
    expect(verdicts["storedSpec/agent"]?.is).toMatchObject({ units: ["holdfastd.service"] });
  });

  test.each(shipped)("is understood by $release, but for what it is given in pairs", ({ release: reader }) => {
    const verdicts = fixtureFrom(reader).reads?.[release] ?? {};
    expect(Object.keys(verdicts).length).toBeGreaterThan(20);
    const refused = Object.keys(verdicts).filter((shape) => verdicts[shape]?.takes !== true);
    // A spec comes with the holdfastd that is to read it, and agent.json lies beside its agent's own: no other one reads them.
    const inPairs = ["spec/system", "spec/consul", "spec/acl", "spec/neard", "spec/agent", "agentConfig"];
    expect(refused).toEqual(reader === release ? [] : inPairs);
  });
});

describe.each(shipped)("a downgrade to $release", ({ release }) => {
  // It takes away what is stored and not in its own specs: a directory that is owned with all that is in it.
  test("takes no directory from a host that has something in it", () => {
    const owned = (of: string) =>
      Object.values(fixtureFrom(of).written)
        .flatMap((value) => (value as { directories?: { path: string; owned?: boolean }[] }).directories ?? [])
        .filter((directory) => directory.owned === true)
        .map(({ path }) => path);
    expect(owned(release)).toEqual(expect.arrayContaining(owned(version)));
  });
});

describe("what a newer release wrote, with a number that this one does not know", () => {
  const { written } = fixtureFrom(version);
  // 0.1 took no number in these, so they have none: what is in them says it.
  const unnumbered = ["pending", "historyJournal"];
  const newer = Object.fromEntries(
    Object.entries(written).map(([shape, value]) => [shape, { ...(value as object), format: 99 }]),
  );

  test("is acted on by nobody", async () => {
    const verdicts = await readBy(root, newer);
    // That there is a pause is all that counts.
    for (const [shape, verdict] of Object.entries(verdicts).filter(([name]) => !unnumbered.includes(name)))
      expect(verdict.takes, shape).toBe(shape === "pauseNote");
    expect(verdicts.lockRenewed?.is).toMatchObject({ seal: "newer" });
    expect(verdicts.hostNote?.is).toMatchObject({ ready: false, because: "its note is of a newer release" });
    expect(verdicts["storedSpec/agent"]?.is).toContain("is of a newer release (format 99)");
  });

  test("a lease of which nothing is understood, with a fence that is armed, is one that has ended: neard dies", () => {
    const findings = {
      savedLease: null,
      savedTerm: null,
      armed: "otherwise",
      keyFilePresent: false,
      isDoubted: false,
    } as const;
    expect(start(settings, findings, 0).state.phase).toMatchObject({ name: "demoting", isShut: false, isEnded: false });
  });
});
