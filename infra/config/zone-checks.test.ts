import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HostRole } from "../../contract/topology.ts";
import { type ZonedHost, zoneLosses, zoneRisks } from "./zone-checks.ts";

const both: HostRole[] = ["neard", "consul"];
const arbiter: HostRole[] = ["consul"];
const neardOnly: HostRole[] = ["neard"];

/** `host-a`, `host-b` … with these roles and zones. */
const hosts = (...all: (readonly [HostRole[], (string | undefined)?])[]): ZonedHost[] =>
  all.map(([roles, zone], i) => ({ name: `host-${"abcdefg"[i]}`, roles, ...(zone === undefined ? {} : { zone }) }));

const nobody = (hostsHere: string, zone: string) =>
  `all hosts with neard (${hostsHere}) are in the zone ${zone}: its loss leaves nobody to validate`;
const together = (hostsHere: string, zone: string, count = 2) =>
  `${count} hosts with neard (${hostsHere}) are in the zone ${zone}: its loss takes the active host and a standby together`;
const noMajority = (of: string, here: string, zone: string, more = "") =>
  `${of} Consul servers (${here}) are in the zone ${zone}: its loss leaves no majority, and nobody validates${more}`;

describe("two validators and an arbiter: every placement", () => {
  const place = (a?: string, b?: string, c?: string) => zoneRisks(hosts([both, a], [both, b], [arbiter, c]));
  test("three zones, and none named: nothing to say", () => {
    expect(place("x", "y", "z")).toEqual([]);
    expect(place()).toEqual([]);
  });
  test("the arbiter beside a validator: the other one cannot go on alone", () => {
    const cure = "Put the arbiter host-c where no other host is";
    expect(place("x", "y", "y")).toEqual([
      noMajority("2 of 3", "host-b, host-c", "y", `, not even host-a outside of it. ${cure}`),
    ]);
    expect(place("x", "y", "x")).toEqual([
      noMajority("2 of 3", "host-a, host-c", "x", `, not even host-b outside of it. ${cure}`),
    ]);
  });
  test("both validators in one: no arbiter's place mends that", () =>
    expect(place("x", "x", "z")).toEqual([nobody("host-a, host-b", "x"), noMajority("2 of 3", "host-a, host-b", "x")]));
  test("all in one: the arbiter's move alone would leave two of three there", () =>
    expect(place("x", "x", "x")).toEqual([
      nobody("host-a, host-b", "x"),
      noMajority("3 of 3", "host-a, host-b, host-c", "x"),
    ]));
  test("one that does not say where it is, where the others do", () => {
    const unknown = "no zone, so it cannot be told what is lost with which zone";
    expect(place("x", "y")).toEqual([`host-c names ${unknown}`]);
    expect(place("x")).toEqual([`host-b, host-c name ${unknown}`]);
    expect(place("x", undefined, "x")).toEqual([
      noMajority(
        "2 of 3",
        "host-a, host-c",
        "x",
        ", not even host-b outside of it. Put the arbiter host-c where no other host is",
      ),
      `host-b names ${unknown}`,
    ]);
  });
});

describe("more hosts", () => {
  test("five servers: an arbiter may be beside a validator, for two of five may be lost", () =>
    expect(zoneRisks(hosts([both, "x"], [both, "y"], [arbiter, "x"], [arbiter, "y"], [arbiter, "z"]))).toEqual([]));
  test("five servers, three of them arbiters in one zone: one of them must go", () =>
    expect(zoneRisks(hosts([both, "x"], [both, "y"], [arbiter, "z"], [arbiter, "z"], [arbiter, "z"]))).toEqual([
      noMajority(
        "3 of 5",
        "host-c, host-d, host-e",
        "z",
        ", not even host-a, host-b outside of it. Put 1 of the arbiters host-c, host-d, host-e where no other host is",
      ),
    ]));
  test("five servers, four in one zone: both arbiters must go", () =>
    expect(zoneRisks(hosts([both, "x"], [both, "x"], [both, "y"], [arbiter, "x"], [arbiter, "x"]))).toEqual([
      together("host-a, host-b", "x"),
      noMajority(
        "4 of 5",
        "host-a, host-b, host-d, host-e",
        "x",
        ", not even host-c outside of it. Put the arbiters host-d, host-e each where no other host is",
      ),
    ]));
  test("four servers in two zones: half of them are no majority", () => {
    const risks = zoneRisks(hosts([both, "x"], [arbiter, "x"], [both, "y"], [arbiter, "y"]));
    expect(risks).toEqual([
      noMajority(
        "2 of 4",
        "host-a, host-b",
        "x",
        ", not even host-c outside of it. Put the arbiter host-b where no other host is",
      ),
      noMajority(
        "2 of 4",
        "host-c, host-d",
        "y",
        ", not even host-a outside of it. Put the arbiter host-d where no other host is",
      ),
    ]);
  });
  test("validators without a vote: two in one zone are lost together, the quorum is not", () => {
    const arbiters: [HostRole[], string][] = [
      [arbiter, "x"],
      [arbiter, "y"],
      [arbiter, "z"],
    ];
    expect(zoneRisks(hosts([neardOnly, "x"], [neardOnly, "y"], ...arbiters))).toEqual([]);
    expect(zoneRisks(hosts([neardOnly, "x"], [neardOnly, "x"], ...arbiters))).toEqual([nobody("host-a, host-b", "x")]);
  });
  test("two of three validators in one zone", () =>
    expect(zoneRisks(hosts([both, "x"], [both, "x"], [both, "y"], [arbiter, "z"], [arbiter, "w"]))).toEqual([
      together("host-a, host-b", "x"),
    ]));
});

describe("whatever the placement", () => {
  const anyHosts = fc
    .array(fc.tuple(fc.constantFrom(both, arbiter, neardOnly), fc.constantFrom("x", "y", "z", "w", undefined)), {
      maxLength: 7,
    })
    .map((all) => hosts(...all));
  const survives = (left: readonly ZonedHost[], of: readonly ZonedHost[]) => {
    const votes = (some: readonly ZonedHost[]) => some.filter(({ roles }) => roles.includes("consul")).length;
    return 2 * votes(left) > votes(of) && left.some(({ roles }) => roles.includes("neard"));
  };
  test("a zone that nothing is said of can be lost, where three servers and two validators are", () => {
    fc.assert(
      fc.property(anyHosts, (all) => {
        const isEnough =
          all.filter(({ roles }) => roles.includes("consul")).length >= 3 &&
          all.filter(({ roles }) => roles.includes("neard")).length >= 2;
        fc.pre(isEnough);
        const risks = zoneRisks(all);
        for (const zone of ["x", "y", "z", "w"]) {
          const left = all.filter((host) => host.zone !== zone);
          const isSaid = risks.some((risk) => risk.includes(`in the zone ${zone}:`));
          if (left.length < all.length && !isSaid) expect(survives(left, all)).toBe(true);
        }
      }),
    );
  });
  test("the cure that is named cures", () => {
    fc.assert(
      fc.property(anyHosts, (all) => {
        for (const risk of zoneRisks(all)) {
          const [, count, names] =
            /Put (?:(\d+) of )?the arbiters? ([^.]+?) (?:each )?where no other host is$/.exec(risk) ?? [];
          const zone = /in the zone (\w):/.exec(risk)?.[1];
          if (names === undefined) continue;
          const moved = names.split(", ").slice(0, Number(count ?? 99));
          const after = all.map((host) => (moved.includes(host.name) ? { ...host, zone: `own-${host.name}` } : host));
          expect(zoneLosses(after).find((loss) => loss.zone === zone)?.keepsQuorum ?? true).toBe(true);
          for (const name of moved)
            expect(zoneLosses(after).find((loss) => loss.zone === `own-${name}`)?.servers).toHaveLength(1);
        }
      }),
    );
  });
});
