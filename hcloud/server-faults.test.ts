import { describe, expect, test } from "vitest";
import type { PrimaryIp, Server } from "./schemas.ts";
import { serverFaults, type WantedServer } from "./server-faults.ts";

const wanted: WantedServer = {
  host: "host-a",
  serverName: "holdfast-mainnet-host-a",
  serverType: "cx33",
  privateAddress: "10.233.0.5",
  protectsAddress: true,
  firewalls: [2, 3],
};
const firewalls = [
  { id: 9, status: "applied" },
  { id: 2, status: "applied" },
  { id: 3, status: "pending" },
];
const address: PrimaryIp = {
  id: 7,
  name: wanted.serverName,
  ip: "203.0.113.7",
  type: "ipv4",
  assignee_id: 5,
  auto_delete: false,
  protection: { delete: true },
  location: { name: "fsn1" },
  labels: {},
};
const server: Server = {
  id: 5,
  name: wanted.serverName,
  status: "running",
  locked: false,
  created: "2026-11-01T00:00:00+00:00",
  server_type: { id: 1, name: "cx33" },
  location: { name: "fsn1" },
  public_net: { ipv4: { id: 7, ip: "203.0.113.7" }, ipv6: null, firewalls },
  private_net: [{ network: 3, ip: "10.233.0.5", mac_address: "86:00:00:00:00:01" }],
  protection: { delete: false, rebuild: false },
  labels: {},
};
const found = (over: Partial<Server> = {}, of: PrimaryIp | null = address) =>
  serverFaults(wanted, { ...server, ...over }, of).map(({ why }) => why);

test("one that is whole", () => expect(found()).toEqual([]));
test("none", () => expect(serverFaults(wanted, null, address)).toMatchObject([{ host: "host-a", mendable: true }]));

describe("half made, or touched by hand", () => {
  test.each<[string, Partial<Server>, string]>([
    ["off", { status: "off" }, "is off"],
    [
      "without one of its firewalls",
      { public_net: { ...server.public_net, firewalls: firewalls.slice(0, 2) } },
      "has not all of its firewalls before it",
    ],
    ["starting", { status: "starting" }, "is starting"],
    ["a word that nobody knows", { status: "unknown" }, "is unknown"],
    ["locked", { locked: true }, "is locked: another action runs on it"],
    ["unattached", { private_net: [] }, "is in no private network"],
    [
      "attached elsewhere",
      { private_net: [{ network: 3, ip: "10.233.0.9", mac_address: "" }] },
      "has 10.233.0.9 in the private network, not 10.233.0.5",
    ],
    ["another type", { server_type: { id: 2, name: "cx23" } }, "is of the type cx23, not cx33"],
  ])("%s", (_, over, why) => expect(found(over)).toEqual([why]));
  test.each<[string, PrimaryIp | null, string]>([
    ["no address of its own", null, "has no address holdfast-mainnet-host-a at Hetzner"],
    ["an address that nobody has", { ...address, assignee_id: null }, "203.0.113.7 is not assigned to it"],
    [
      "one that goes with the server",
      { ...address, auto_delete: true },
      "that Hetzner deletes together with the server",
    ],
    ["one that is not protected", { ...address, protection: { delete: false } }, "would let anybody delete"],
  ])("%s", (_, of, why) => expect(found({}, of)).toEqual([expect.stringContaining(why)]));
  test("one whose protection nobody wants", () =>
    expect(
      serverFaults({ ...wanted, protectsAddress: false }, server, { ...address, protection: { delete: false } }),
    ).toEqual([]));
  test("power is for a person to look at, the rest for a refresh", () =>
    expect(serverFaults(wanted, { ...server, status: "off", private_net: [] }, address)).toEqual([
      { host: "host-a", why: "is off", mendable: false },
      { host: "host-a", why: "is in no private network", mendable: true },
    ]));
});
