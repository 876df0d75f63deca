import { describe, expect, test } from "vitest";
import type { Image } from "../../hcloud/schemas.ts";
import type { SettingsInput } from "../config/schema.ts";
import type { Cloud, Topology } from "../config/topology.ts";
import { sampleImage, sampleLocations, sampleType, sampleTypes, wholeCloud, wholeState } from "../testing/cloud.ts";
import { sampleCloudInput, sampleHcloud, sampleTopology } from "../testing/sample.ts";
import {
  hostsToMake,
  hostsToResize,
  imageKey,
  imageQueryOf,
  judgeOffers,
  type Offers,
  resizeOffers,
} from "./cloud-offers.ts";
import { cloudStateFrom } from "./cloud-state.ts";

const nowMs = Date.parse("2026-11-29T12:00:00Z");
const newState = cloudStateFrom({});
const nobody: ReadonlySet<string> = new Set();
const [a, b, c] = sampleCloudInput().hosts as [
  SettingsInput["hosts"][0],
  SettingsInput["hosts"][0],
  SettingsInput["hosts"][0],
];
const withA = (cloud: object, more: Partial<SettingsInput> = {}, own: object = {}) =>
  sampleTopology({
    ...sampleCloudInput(),
    hosts: [{ ...a, ...own, cloud: { location: "fsn1", ...cloud } }, b, c],
    ...more,
  });

function judge(
  topology: Topology,
  more: Partial<Omit<Offers, "images">> & { readonly image?: Partial<Image> | null } = {},
) {
  const make = hostsToMake(topology, newState, nobody);
  const found = more.image === null ? [] : [sampleImage(more.image)];
  const images = new Map(make.map((host) => [imageKey(imageQueryOf(host)), found]));
  const offers = { serverTypes: sampleTypes, locations: sampleLocations, ...more, images };
  return judgeOffers(topology, topology.cloud as Cloud, { make, resize: [], state: newState }, offers, nowMs);
}
const messages = (...args: Parameters<typeof judge>) =>
  judge(...args).faults.map(({ message, next }) => `${message} | ${next}`);
/** All have the same image: a fault of it is told of each. */
const onlyA = (found: readonly string[]) => found.filter((text) => text.startsWith("host-a"));

test("what can be made, and what it costs", () =>
  expect(judge(withA({}))).toEqual({
    faults: [],
    warnings: [],
    notes: [
      expect.stringMatching(
        /^host-a: a new cx33 \(4 cores, 8 GB, 80 GB of disk\) in fsn1, 4\.19 a month without taxes/,
      ),
      expect.stringContaining("host-b: a new cx33"),
      expect.stringContaining("host-c: a new cx23"),
    ],
  }));

describe("which hosts", () => {
  const topology = withA({});
  test("of a new stack: all; of one that is there: none", () => {
    expect(hostsToMake(topology, newState, nobody)).toHaveLength(3);
    expect(hostsToMake(topology, wholeState(topology), nobody)).toEqual([]);
  });
  test("one that may be replaced: its successor must be had before it goes", () =>
    expect(hostsToMake(topology, wholeState(topology), new Set(["host-b"])).map(({ name }) => name)).toEqual([
      "host-b",
    ]));
  test("are resized: those whose type is another than the provider last saw", () => {
    const bigger = withA({ serverType: "cx43" });
    expect(hostsToResize(bigger, wholeState(topology), nobody).map(({ name }) => name)).toEqual(["host-a"]);
    expect(hostsToResize(bigger, wholeState(topology), new Set(["host-a"]))).toEqual([]);
    expect(hostsToResize(bigger, newState, nobody)).toEqual([]);
  });
});

describe("a server type", () => {
  test("that there is not", () =>
    expect(messages(withA({ serverType: "cx99" }))).toEqual([
      "host-a: Hetzner has no server type cx99 | Choose one that has capacity in fsn1: cx23, cx33, cx43, ccx63.",
    ]));
  test("that is sold out there: where else it is, and what else is there, not smaller", () => {
    const serverTypes = sampleTypes.map((type) =>
      type.name === "cx33" ? sampleType("cx33", [4, 8, 80], ["nbg1", "hel1"]) : type,
    );
    expect(messages(withA({}), { serverTypes })).toEqual([
      "host-a: Hetzner has no cx33 to give in fsn1 now | cx33 has capacity in nbg1, hel1. In fsn1 there is capacity for cx43, ccx63.",
    ]);
  });
  test("that is sold out everywhere, and nothing else would do", () => {
    const serverTypes = [sampleType("cx23", [2, 4, 40]), sampleType("cx33", [4, 8, 80], [])];
    expect(onlyA(messages(withA({}), { serverTypes }))).toEqual([
      "host-a: Hetzner has no cx33 to give in fsn1 now | cx33 has no capacity anywhere. In fsn1 there is capacity for nothing that would do.",
    ]);
  });
  test("that this location does not offer", () => {
    const cx33 = sampleType("cx33", [4, 8, 80]);
    const serverTypes = [
      ...sampleTypes.filter(({ name }) => name !== "cx33"),
      { ...cx33, locations: cx33.locations.slice(1) },
    ];
    expect(messages(withA({}), { serverTypes })[0]).toContain(
      "has no cx33 to give in fsn1 now (that location does not offer it)",
    );
  });
  test("that is being withdrawn: a warning while it lasts, a fault after", () => {
    const until = (day: string) => {
      const deprecation = { announced: "2026-06-01T00:00:00Z", unavailable_after: `${day}T00:00:00Z` };
      return sampleTypes.map((type) => (type.name === "cx33" ? { ...type, deprecation } : type));
    };
    const soon = judge(withA({}), { serverTypes: until("2027-01-31") });
    expect(soon.faults).toEqual([]);
    expect(soon.warnings[0]).toContain("host-a: Hetzner withdraws the server type cx33 in fsn1 on 2027-01-31");
    expect(messages(withA({}), { serverTypes: until("2026-10-01") })[0]).toContain(
      "(it is withdrawn since 2026-10-01)",
    );
  });
  test("of another architecture", () => {
    expect(messages(withA({ serverType: "cax21" }, {}, { arch: "x64" }))[0]).toBe(
      "host-a: the architecture of the server type cax21 is arm, but the host's arch is x64 | Set its arch to arm64, or choose another type.",
    );
    const serverTypes = [...sampleTypes, sampleType("cyx1", [4, 8, 80], undefined, { architecture: "unknown" })];
    expect(messages(withA({ serverType: "cyx1" }), { serverTypes })[0]).toContain(
      "the architecture of the server type cyx1 is unknown",
    );
  });
  test("with too small a disk for a public chain", () => {
    const neard = {
      version: "2.13.4",
      artifact: { sha256: "0".repeat(64) },
      bootNodes: sampleCloudInput().neard.bootNodes,
    };
    const at = withA({ serverType: "cx43" }, { network: "testnet", neard });
    expect(onlyA(messages(at))).toEqual([
      "host-a: the server type cx43 has 160 GB of disk, and neard's data on testnet needs 540 GB at least | Choose a type with more: ccx63 (960 GB).",
    ]);
    const largest = (network: "testnet" | "mainnet") => {
      const large = withA({ serverType: "ccx63" }, { network, neard });
      return onlyA([...messages(large), ...judge(large).warnings]);
    };
    expect(largest("testnet")).toEqual([
      "host-a: the server type ccx63 has 960 GB of disk, and NEAR asks for 1000 GB or more on testnet: watch how it fills.",
    ]);
    expect(largest("mainnet")).toEqual([
      expect.stringMatching(
        /^host-a: the server type ccx63 has 960 GB of disk, and neard's data on mainnet needs 2000 GB at least \| .*a dedicated one/,
      ),
    ]);
  });
});

describe("a disk that is too small for a chain, of a host whose neard runs on one already", () => {
  const neard = {
    version: "2.13.4",
    artifact: { sha256: "0".repeat(64) },
    bootNodes: sampleCloudInput().neard.bootNodes,
  };
  const on = (network: "testnet" | "mainnet", serverType: string) => withA({ serverType }, { network, neard });
  const larger = [...sampleTypes, sampleType("ccx53", [32, 128, 600])];
  /** @param now what runs; null: it is in the state no more */
  const replaced = (to: Topology, now: Topology | null, more: object = {}) => {
    const resources = Object.entries(wholeCloud(now ?? to).resources)
      .filter(([urn]) => now !== null || !/::host-a(-address|-private)?$/.test(urn))
      .map(([urn, one]) => [
        urn,
        urn.endsWith("Server::host-a") ? { ...one, outputs: { ...(one.outputs as object), ...more } } : one,
      ]);
    const state = cloudStateFrom(Object.fromEntries(resources));
    const make = hostsToMake(to, state, new Set(["host-a"]));
    const images = new Map(make.map((host) => [imageKey(imageQueryOf(host)), [sampleImage()]]));
    const offers = { serverTypes: larger, locations: sampleLocations, images };
    const { faults, warnings } = judgeOffers(to, to.cloud as Cloud, { make, resize: [], state }, offers, nowMs);
    return { faults: onlyA(faults.map(({ message }) => message)), warnings: onlyA(warnings) };
  };
  const bears = (words: string) => ({ faults: [], warnings: [expect.stringContaining(words)] });
  const refuses = (words: string) => ({ faults: [expect.stringContaining(words)], warnings: [] });
  test("what is there can be replaced, though no type is large enough: a warning, with what would be", () =>
    expect(replaced(on("mainnet", "ccx63"), on("mainnet", "ccx63"))).toEqual({
      faults: [],
      warnings: [
        expect.stringMatching(
          /^host-a: the server type ccx63 has 960 GB .* on mainnet needs 2000 GB at least\. It runs on no more already.* Hetzner Cloud has none with as much: use a server that exists/,
        ),
      ],
    }));
  test("a larger one that is still too small can be had, a smaller one cannot", () => {
    expect(replaced(on("mainnet", "ccx63"), on("mainnet", "ccx53"))).toEqual(bears("needs 2000 GB at least. It runs"));
    expect(replaced(on("mainnet", "ccx53"), on("mainnet", "ccx63"))).toEqual(
      refuses("ccx53 has 600 GB of disk, and neard's data on mainnet needs 2000 GB at least, and runs on 960 GB now"),
    );
    expect(replaced(on("testnet", "cx43"), on("testnet", "ccx63"))).toEqual(refuses("needs 540 GB at least"));
  });
  test("its disk counts, not its type's: that may have grown without it", () =>
    expect(replaced(on("mainnet", "ccx53"), on("mainnet", "ccx63"), { primaryDiskSize: 600 })).toEqual(
      bears("needs 2000 GB at least. It runs"),
    ));
  test("a server that the state has no more was as large as it could be", () =>
    expect(replaced(on("mainnet", "ccx63"), null)).toEqual(bears("needs 2000 GB at least. It runs")));
  test("an arbiter that shall have neard begins", () => {
    const arbiter = withA({ serverType: "ccx63" }, { network: "mainnet", neard }, { roles: ["consul"] });
    expect(replaced(on("mainnet", "ccx63"), arbiter)).toEqual(refuses("needs 2000 GB at least"));
  });
});

describe("a location", () => {
  test("that there is not", () => {
    const at = withA({ location: "xyz1" }, { hcloud: sampleHcloud({ network: { zone: "eu-central" } }) });
    expect(messages(at)).toEqual(["host-a: Hetzner has no location xyz1 | Choose one of ash, fsn1, hel1, nbg1."]);
  });
  test("in another network zone than we thought", () => {
    const locations = sampleLocations.map((one) => (one.name === "fsn1" ? { ...one, network_zone: "eu-north" } : one));
    expect(messages(withA({}), { locations })[0]).toContain(
      "fsn1 is in Hetzner's network zone eu-north, and the private network is in eu-central",
    );
  });
});

describe("an image", () => {
  test.each<[string, Partial<Image> | null, string]>([
    ["that there is not", null, "host-a: Hetzner has no image debian-13 for x86 machines"],
    [
      "of another architecture",
      { architecture: "arm" },
      "host-a: the image debian-13 is for arm machines, but its arch is x64",
    ],
    [
      "on which holdfast does not run",
      { os_flavor: "fedora" },
      "host-a: the image debian-13 is fedora, on which holdfast does not run",
    ],
    ["that is not ready", { status: "creating" }, "host-a: the image debian-13 is not available (creating)"],
  ])("%s", (_, image, words) =>
    expect(onlyA(messages(withA({ image: "debian-13", serverType: "cx33" }), { image }))[0]).toContain(words),
  );
  test("that Hetzner withdraws is a warning", () =>
    expect(judge(withA({}), { image: { deprecated: "2026-10-10T00:00:00Z" } }).warnings[0]).toContain(
      "deprecated the image debian-13 (2026-10-10)",
    ));
});

describe("a resize", () => {
  test("leaves the disk as it is: what a new server would need is no matter", () => {
    const neard = {
      version: "2.13.4",
      artifact: { sha256: "0".repeat(64) },
      bootNodes: sampleCloudInput().neard.bootNodes,
    };
    const at = withA({ serverType: "ccx63" }, { network: "mainnet", neard });
    const offers = { serverTypes: sampleTypes, locations: sampleLocations, images: new Map() };
    const hosts = hostsToResize(at, wholeState(withA({})), nobody).filter(({ name }) => name === "host-a");
    expect(judgeOffers(at, at.cloud as Cloud, { make: [], resize: hosts, state: newState }, offers, nowMs)).toEqual({
      faults: [],
      warnings: [],
      notes: [],
    });
    expect(hosts).toHaveLength(1);
  });
  const before = withA({});
  const { facts } = wholeCloud(before);
  const resize = (serverType: string, serverTypes = sampleTypes) => {
    const at = withA({ serverType });
    const state = wholeState(before);
    const offers = { serverTypes, locations: sampleLocations, images: new Map() };
    const hosts = hostsToResize(at, state, nobody);
    const judged = judgeOffers(at, at.cloud as Cloud, { make: [], resize: hosts, state }, offers, nowMs);
    return [...judged.faults, ...resizeOffers(hosts, state, facts.servers, offers)].map(({ message }) => message);
  };
  test("to one that is there", () => expect(resize("cx43")).toEqual([]));
  test("to one with a smaller disk", () =>
    expect(resize("cx23")).toEqual(["host-a: its disk has 80 GB, and cx23 has 40"]));
  test("to another architecture", () =>
    expect(resize("cax21")).toEqual(["host-a: a server cannot go from cx33 (x86) to cax21 (arm)"]));
  test("to one that is sold out", () =>
    expect(
      resize(
        "cx43",
        sampleTypes.map((type) => (type.name === "cx43" ? sampleType("cx43", [8, 16, 160], []) : type)),
      ),
    ).toEqual(["host-a: Hetzner has no cx43 to give in fsn1 now"]));
});
