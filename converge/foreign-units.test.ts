import { describe, expect, test } from "vitest";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { nothingBefore } from "../contract/wire/identity.ts";
import { emptyInventory } from "../contract/wire/pending.ts";
import type { HostFacts, UnitFact } from "./facts.ts";
import { foreignUnits } from "./foreign-units.ts";
import { nothingInForce } from "./in-force.ts";
import { runningUnit } from "./testing.ts";

const unitFile = "/etc/systemd/system/neard.service";
const spec = hostSpecSchema.parse({
  host: "host-a",
  concern: "neard",
  files: [{ path: unitFile, mode: "0644", lines: ["[Service]"] }],
  units: [{ name: "neard.service" }],
});

function foreign(unit: Partial<UnitFact>, elsewhere: string[] = []) {
  const fact: UnitFact = { ...runningUnit, fragment: unitFile, ...unit };
  const facts: HostFacts = {
    users: new Map(),
    paths: new Map(),
    credentials: new Map(),
    units: new Map([["neard.service", fact]]),
    inForce: nothingInForce,
    stored: spec,
    pending: null,
    elsewhere: { ...emptyInventory, files: elsewhere },
    before: nothingBefore,
  };
  return foreignUnits(spec, facts);
}

const dropIn = "/etc/systemd/system/neard.service.d/override.conf";

test("our unit alone is no drift", () => expect(foreign({})).toEqual({ drift: [], notes: [] }));

describe("a drop-in", () => {
  test.each([
    dropIn,
    "/run/systemd/system/neard.service.d/10-memory.conf",
    "/usr/lib/systemd/system/neard.service.d/10-packaged.conf",
    "/etc/systemd/system.control/neard.service.d/50-CPUWeight.conf",
  ])("%s is drift, and says how to take it back or keep it", (path) =>
    expect(foreign({ dropIns: [path] })).toEqual({
      drift: [
        {
          what: path,
          why: "changes neard.service, and is not holdfast's: systemctl revert neard.service takes it back, a name site-*.conf keeps it",
        },
      ],
      notes: [],
    }),
  );

  test("on purpose is told, and no drift", () => {
    const what = "/etc/systemd/system/neard.service.d/site-memory.conf";
    expect(foreign({ dropIns: [what] })).toEqual({
      drift: [],
      notes: [{ what, why: "changes neard.service on purpose" }],
    });
  });

  test("for all services alike is told, and no drift", () => {
    const what = "/run/systemd/system/service.d/zzz-lxc-service.conf";
    expect(foreign({ dropIns: [what] })).toEqual({
      drift: [],
      notes: [{ what, why: "changes neard.service as all units of its kind" }],
    });
  });

  test("that another concern has is ours", () =>
    expect(foreign({ dropIns: [dropIn] }, [dropIn])).toEqual({ drift: [], notes: [] }));

  test("each is named", () => expect(foreign({ dropIns: [dropIn, `${dropIn}2`] }).drift).toHaveLength(2));
});

test("a unit file that goes before ours is drift", () =>
  expect(foreign({ fragment: "/etc/systemd/system.control/neard.service" }).drift).toEqual([
    {
      what: "/etc/systemd/system.control/neard.service",
      why: `goes before ${unitFile}: systemctl revert neard.service takes it back`,
    },
  ]));

test("a unit that is not there, or is masked, is told by what is at its path", () => {
  expect(foreign({ loaded: false, fragment: "" }).drift).toEqual([]);
  expect(foreign({ fragment: "/dev/null" }).drift).toEqual([]);
});
