import { describe, expect, test } from "vitest";
import type { PrimaryIp, Server } from "../../hcloud/schemas.ts";
import type { SettingsInput } from "../config/schema.ts";
import { type Cloud, isAtCloud } from "../config/topology.ts";
import { wholeCloud } from "../testing/cloud.ts";
import { sampleCloudInput, sampleHostKey, sampleTopology } from "../testing/sample.ts";
import { addressesToAdopt, adoptionFaults } from "./adoption.ts";
import { hostsToMake } from "./cloud-offers.ts";
import { judgeThings } from "./cloud-project.ts";
import type { ProjectFacts } from "./cloud-state.ts";
import { cloudStateFrom, placesNow } from "./cloud-state.ts";
import { lostFaults } from "./lost-hosts.ts";

const [a, b, c] = sampleCloudInput().hosts as SettingsInput["hosts"];
/** host-b runs already, as server 4711 with the address 815. */
const adopting = (cloud: object = {}) =>
  sampleTopology(
    sampleCloudInput({
      hosts: [
        a,
        {
          ...b,
          name: "host-b",
          hostKey: sampleHostKey("own"),
          cloud: { location: "nbg1", adopt: { server: 4711, primaryIp: 815 }, ...cloud },
        },
        c,
      ] as SettingsInput["hosts"],
    }),
  );
const topology = adopting();
const { facts, resources } = wholeCloud(topology);
const [, ownServer] = facts.servers as [Server, Server];
const [, ownAddress] = facts.primary_ips as [PrimaryIp, PrimaryIp];
const there: Server = { ...ownServer, id: 4711, name: "old-web", labels: {} };
const itsAddress: PrimaryIp = { ...ownAddress, id: 815, name: "primary_ip-815", assignee_id: 4711 };
const before: ProjectFacts = {
  ...facts,
  servers: [...facts.servers.filter(({ id }) => id !== 101), there],
  primary_ips: [...facts.primary_ips.filter(({ id }) => id !== 201), itsAddress],
};
const entries = Object.entries(resources);
const isOfB = (urn: string) => /::host-b(-address|-private|-host-key|-runtime-prepare)?$/.test(urn);
const state = cloudStateFrom(Object.fromEntries(entries.filter(([urn]) => !isOfB(urn))));
const faults = (more: { server?: Partial<Server>; address?: Partial<PrimaryIp> } = {}, at = topology, of = state) =>
  adoptionFaults(at.hosts.filter(isAtCloud), of, {
    ...before,
    servers: before.servers.map((one) => (one.id === 4711 ? { ...one, ...more.server } : one)),
    primary_ips: before.primary_ips.map((one) => (one.id === 815 ? { ...one, ...more.address } : one)),
  }).map(({ message }) => message.replace("holdfast:hosts, host-b, cloud.adopt: ", ""));

describe("before it is taken over", () => {
  test("it is as the settings have it: nothing is to be said, and nothing made", () => {
    expect(faults()).toEqual([]);
    expect(judgeThings(topology, topology.cloud as Cloud, state, before, new Set()).faults).toEqual([]);
    expect(hostsToMake(topology, state, new Set())).toEqual([]);
  });
  test("its address is where it has to show that it is the right one, until it is the stack's", () => {
    expect(addressesToAdopt(topology, state, before)).toEqual(new Map([["host-b", "203.0.113.2"]]));
    expect(addressesToAdopt(topology, cloudStateFrom(resources), before)).toEqual(new Map());
    expect(addressesToAdopt(sampleTopology(sampleCloudInput()), state, before)).toEqual(new Map());
  });
  test("its own names are no twins of it, another server of that name is", () => {
    const named = {
      ...before,
      servers: before.servers.map((one) => (one.id === 4711 ? { ...one, name: "holdfast-localnet-host-b" } : one)),
    };
    const judge = (of: ProjectFacts) =>
      judgeThings(topology, topology.cloud as Cloud, state, of, new Set()).faults.length;
    expect(judge(named)).toBe(0);
    expect(judge({ ...before, servers: [...before.servers, ownServer] })).toBe(1);
  });
  test.each<[string, Parameters<typeof faults>[0], string]>([
    ["elsewhere", { server: { location: { name: "hel1" } } }, "the server 4711 is in hel1, and cloud.location is nbg1"],
    [
      "of another type",
      { server: { server_type: { id: 2, name: "cx43" } } },
      "the server 4711 is of the type cx43, and cloud.serverType is cx33: its power would be cut",
    ],
    ["protected", { server: { protection: { delete: true, rebuild: true } } }, "is protected from deletion"],
    ["off", { server: { status: "off" } }, "the server 4711 is off, not running"],
    [
      "another stack's",
      { server: { labels: { "holdfast-cluster": "holdfast-mainnet" } } },
      "another stack has made it",
    ],
    ["without that address", { address: { assignee_id: 100 } }, "is that of the server 100, not of 4711"],
    ["with an address that nobody has", { address: { assignee_id: null } }, "is not assigned to any server"],
    ["with another kind of address", { address: { type: "ipv6" } }, "is no IPv4 address"],
  ])("it is %s", (_, more, words) => expect(faults(more)).toEqual([expect.stringContaining(words)]));
  test("it is not in the token's project", () => {
    const at = adopting({ adopt: { server: 1, primaryIp: 2 } });
    expect(faults({}, at)).toEqual(["the token's project has no server 1", "the token's project has no primary IP 2"]);
  });
  test("it is another host's of this stack", () => {
    const at = adopting({ location: "fsn1", adopt: { server: 100, primaryIp: 200 } });
    expect(faults({}, at)).toEqual(["the server 100 is host-a's in this very stack"]);
  });
  test("a host that was deployed to before is not lost, for it is named", () => {
    const prepared = entries.filter(([urn]) => !isOfB(urn) || urn.endsWith("prepare"));
    expect(lostFaults(topology, cloudStateFrom(Object.fromEntries(prepared)), new Set())).toEqual([]);
  });
});

describe("afterwards", () => {
  const adopted = (server: number) =>
    cloudStateFrom(
      Object.fromEntries([
        ...entries.map(([urn, one]) => [
          urn,
          urn.endsWith("Server::host-b")
            ? { ...one, outputs: { ...(one.outputs as object), id: String(server) } }
            : one,
        ]),
        [
          "urn:pulumi:s::p::pulumi:index:Stash::host-b-adopted",
          { type: "pulumi:index:Stash", outputs: { output: "4711" } },
        ],
      ]),
    );
  const plain = sampleTopology(sampleCloudInput());
  test("the settings go on naming it: its own host key holds", () => {
    expect(faults({}, topology, adopted(4711))).toEqual([]);
    expect(placesNow(topology.hosts.filter(isAtCloud), adopted(4711)).get("host-b")?.hostKey).toBe(
      sampleHostKey("own"),
    );
  });
  test.each([plain, adopting({ adopt: { server: 5, primaryIp: 815 } })])("or are refused", (at) =>
    expect(faults({}, at, adopted(4711))).toEqual([
      expect.stringContaining("its server 4711 was adopted, and cloud.adopt does not name it any more"),
    ]),
  );
  const afterwards = (at: typeof topology, of: typeof state) => adoptionFaults(at.hosts.filter(isAtCloud), of, facts);
  test("until it was replaced: then the stack's own host key holds, and nothing is asked", () => {
    for (const at of [plain, topology]) expect(afterwards(at, adopted(5000))).toEqual([]);
    expect(placesNow(topology.hosts.filter(isAtCloud), adopted(5000)).get("host-b")?.hostKey).toBe(
      sampleHostKey("host-b"),
    );
  });
  test("a host that has a server of the stack's does not take another one that runs", () => {
    const both = { ...before, servers: [...before.servers, ownServer] };
    const said = (of: ProjectFacts) => adoptionFaults(topology.hosts.filter(isAtCloud), cloudStateFrom(resources), of);
    expect(said(both)).toMatchObject([
      {
        message: expect.stringContaining(
          "host-b has a server of this stack's (101), so the server 4711 would not be taken over",
        ),
      },
    ]);
    // As in an earlier state that was brought back: up --refresh drops the one that is gone, and takes this one over.
    expect(said(before)).toEqual([]);
  });
  test("it was deleted, and a refresh has seen it: what makes another one is told", () => {
    const refreshed = cloudStateFrom(
      Object.fromEntries([
        ...entries.filter(([urn]) => !/::host-b(-private)?$/.test(urn)),
        [
          "urn:pulumi:s::p::pulumi:index:Stash::host-b-adopted",
          { type: "pulumi:index:Stash", outputs: { output: "4711" } },
        ],
      ]),
    );
    expect(afterwards(topology, refreshed)).toEqual([
      expect.objectContaining({
        message: "holdfast:hosts, host-b, cloud.adopt: the server 4711, which was adopted, is not there any more",
        next: expect.stringContaining("remove cloud.adopt and hostKey of host-b"),
      }),
    ]);
    expect(afterwards(plain, refreshed)).toEqual([]);
    expect(lostFaults(plain, refreshed, new Set())).toEqual([]);
    expect(hostsToMake(plain, refreshed, new Set()).map(({ name }) => name)).toEqual(["host-b"]);
  });
});
