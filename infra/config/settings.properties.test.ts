import fc from "fast-check";
import leven from "leven";
import { describe, expect, test } from "vitest";
import { anySettings } from "../testing/arbitrary.ts";
import { asPulumiGives } from "../testing/sample.ts";
import { crossCheck } from "./cross-checks.ts";
import { cloudHostSchema, hcloudSchema } from "./hcloud-schema.ts";
import { stackFileSchema } from "./publish-schema.ts";
import { readSettings } from "./read-settings.ts";
import { type Settings, settingsSchema } from "./schema.ts";

function read(values: object): Settings {
  const { settings, faults } = readSettings(asPulumiGives(values));
  expect(faults).toEqual([]);
  return settings as Settings;
}

describe("for every sound configuration", () => {
  test("it is read, and passes the checks", () => {
    fc.assert(
      fc.property(anySettings, (input) => {
        expect(crossCheck(read(input), () => true).faults).toEqual([]);
      }),
    );
  });

  test("written back with all its defaults and read again, it is the same", () => {
    fc.assert(
      fc.property(anySettings, (input) => {
        const settings = read(input);
        expect(read(settings)).toEqual(settings);
        expect(settingsSchema.parse(settings)).toEqual(settings);
      }),
    );
  });

  test("every one of its settings is in the published schema", () => {
    const file = stackFileSchema().properties as Record<string, { properties: object }>;
    const published = file.config?.properties;
    fc.assert(
      fc.property(anySettings, (input) => {
        for (const name of Object.keys(read(input))) expect(published).toHaveProperty([`holdfast:${name}`]);
      }),
    );
  });
});

/** Where settings have names: the section's path, and what may stand there. */
const sections = {
  "": Object.keys(settingsSchema.shape),
  lease: ["renewMs", "leaseMs", "stopMs", "skewMs", "takeoverMs", "unbrokenMs", "sessionTtlMs", "lockDelayMs"],
  neard: Object.keys(settingsSchema.shape.neard.shape),
  "hosts.0": Object.keys(settingsSchema.shape.hosts.element.shape),
  hcloud: Object.keys(hcloudSchema.shape),
  "hosts.0.cloud": Object.keys(cloudHostSchema.shape),
};

/** One slip of the finger: a letter left out, doubled, changed, or swapped with its neighbour. */
function slip(name: string, at: number, how: "out" | "doubled" | "changed" | "swapped"): string {
  const i = at % name.length;
  const [before, letter = "", after] = [name.slice(0, i), name[i], name.slice(i + 1)];
  switch (how) {
    case "out":
      return before + after;
    case "doubled":
      return before + letter + letter + after;
    case "changed":
      return `${before}${letter === "q" ? "x" : "q"}${after}`;
    case "swapped":
      return before + after.slice(0, 1) + letter + after.slice(1);
  }
}

test("a setting that is misspelled anywhere is refused, and the name that was meant is offered", () => {
  const misspelled = fc.constantFrom(...Object.entries(sections)).chain(([section, names]) =>
    fc.record({
      section: fc.constant(section),
      names: fc.constant(names),
      name: fc.constantFrom(...names),
      at: fc.nat(20),
      how: fc.constantFrom("out", "doubled", "changed", "swapped"),
    }),
  );
  fc.assert(
    fc.property(anySettings, misspelled, (input, { section, names, name, at, how }) => {
      const wrong = slip(name, at, how);
      fc.pre(!names.includes(wrong) && wrong !== "");
      const values = structuredClone(input) as Record<string, unknown>;
      fc.pre(!section.includes("cloud") || values.hcloud !== undefined);
      if (section === "hosts.0.cloud") fc.pre(input.hosts[0]?.cloud !== undefined);
      let place: Record<string, unknown> = values;
      for (const step of section.split(".").filter(Boolean)) place = place[step] as Record<string, unknown>;
      place[wrong] = 1;
      const faults = readSettings(asPulumiGives(values)).faults.filter((fault) =>
        fault.message.includes("is not a setting"),
      );
      expect(faults).toHaveLength(1);
      const offered = /^Did you mean (\w+)\?$/.exec(faults[0]?.next ?? "")?.[1] ?? "";
      // Another name may be as near; never a farther one.
      expect(names).toContain(offered);
      const distance = (to: string) => leven(wrong.toLowerCase(), to.toLowerCase());
      expect(distance(offered)).toBeLessThanOrEqual(distance(name));
    }),
    { numRuns: 300 },
  );
});
