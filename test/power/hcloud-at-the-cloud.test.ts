/**
 * The power device `hcloud` against the lab's cloud, which the official clients take for Hetzner's: over HTTP on loopback, with
 * everything that can go wrong there. What counts is what becomes of the machine, and what is said of it.
 */
import { afterAll, describe, expect, test } from "vitest";
import { WrongMachine } from "../../agent/power/device.ts";
import { HcloudDevice } from "../../agent/power/hcloud-device.ts";
import { NotWanted, powerOff } from "../../agent/power/power-off.ts";
import { HcloudClient } from "../../hcloud/client.ts";
import { systemClock } from "../../host/system/clock.ts";
import type { FaultInput } from "../../lab/cloud/faults.ts";
import {
  type ListeningCloud,
  listeningCloud,
  otherProjectsToken,
  readOnlyToken,
  token,
} from "../../lab/cloud/testing.ts";

const { signal } = new AbortController();
const bounds = { withinMs: 5000, signal };
const name = "holdfast-mainnet-host-a";

const clouds: ListeningCloud[] = [];
afterAll(async () => await Promise.all(clouds.map(async (cloud) => await cloud.close())));

/** A cloud of its own, with the host's server in it. */
async function world() {
  const cloud = await listeningCloud({ durationsMs: { stop_server: 100 } });
  clouds.push(cloud);
  const network = cloud.ask("POST", "/networks", { name: "net", ip_range: "10.1.0.0/16" }).json.network;
  const subnet = { type: "cloud", ip_range: "10.1.1.0/24", network_zone: "eu-central" };
  cloud.ask("POST", `/networks/${network.id}/actions/add_subnet`, subnet);
  const create = (called: string): number => {
    const wish = { name: called, server_type: "cx23", image: "debian-12", location: "fsn1" };
    return cloud.ask("POST", "/servers", wish).json.server.id;
  };
  const id = create(name);
  cloud.ask("POST", `/servers/${id}/actions/attach_to_network`, { network: network.id, ip: "10.1.1.11" });
  const device = ({ as = token, address = "10.1.1.11" } = {}) => {
    const config = { host: "host-a", device: "hcloud" as const, server: name, addresses: [address], timeoutMs: 30_000 };
    return new HcloudDevice(config, new HcloudClient({ token: as, endpoint: cloud.endpoint }));
  };
  const fault = (input: FaultInput) => void cloud.cloud.inject(input);
  return { cloud, id, create, device, fault, isOn: () => cloud.machines.isOn(id) };
}

async function cut(by: HcloudDevice, withinMs = 8000, stillWanted = async () => {}) {
  const troubles: string[] = [];
  const onTrouble = (because: string) => void troubles.push(because);
  const options = { clock: systemClock, withinMs, signal, failures: null, onTrouble, stillWanted };
  const said = await powerOff(by, options).catch((error: Error) => error);
  return { said: said instanceof Error ? said.message : said, isProven: !(said instanceof Error), troubles };
}

const stop = { on: "action", command: "stop_server" } as const;

test.concurrent("reads, cuts and reads back; gives power back", async () => {
  const { id, device, isOn } = await world();
  const it = device();
  expect(await it.read(bounds)).toEqual({ state: "on", because: `server ${id} (${name}, 10.1.1.11), status running` });
  expect(isOn()).toBe(true);
  const { said, isProven } = await cut(it);
  expect(said).toMatch(
    /^server \d+ \(holdfast-mainnet-host-a, 10\.1\.1\.11\) is off, read \d\.\d s after its power was cut$/,
  );
  expect([isProven, isOn()]).toEqual([true, false]);
  expect((await cut(it)).said).toContain("was off already");
  await it.give(bounds);
  expect([isOn(), (await it.read(bounds)).state]).toEqual([true, "on"]);
});

describe.concurrent("what goes wrong at the API is survived within the bound", () => {
  test.for<[string, FaultInput]>([
    ["an action that never ends, though it is done", { ...stop, outcome: "done-hang" }],
    [
      "a server that another action has locked for a while",
      { on: "request", path: "poweroff", outcome: "error", code: "locked", times: 2 },
    ],
    ["an API that is overrun", { on: "request", outcome: "error", code: "rate_limit_exceeded", times: 2 }],
    ["connections that are cut", { on: "request", outcome: "cut", times: 2 }],
    ["an order whose answer is lost", { on: "request", path: "poweroff", outcome: "lost", times: 1 }],
    ["a proxy that answers instead", { on: "request", outcome: "error", status: 502, plain: true, times: 2 }],
  ])("%s", async ([, input]) => {
    const { device, fault, isOn } = await world();
    fault(input);
    const { said, isProven } = await cut(device(), 15_000);
    expect(isProven, said).toBe(true);
    expect(isOn()).toBe(false);
  });
});

describe.concurrent("nothing is proven, and it is said why", () => {
  test.for<[string, FaultInput, RegExp]>([
    ["an action that fails", { ...stop, outcome: "fail", code: "server_error" }, /still on after its power was cut/],
    ["an action that does nothing and ends well", { ...stop, outcome: "lie-running" }, /status running is still on/],
    ["an action that hangs", { ...stop, outcome: "hang" }, /\(stop_server\) has not ended is still on/],
    ["an API that is down", { on: "request", outcome: "error", status: 503, plain: true }, /503/],
    ["an API that says nothing", { on: "request", outcome: "silent" }, /cannot be listed/],
  ])("%s", async ([, input, because]) => {
    const { device, fault, isOn } = await world();
    fault(input);
    const { said, isProven } = await cut(device(), 3500);
    expect(said).toMatch(because);
    expect([isProven, isOn()]).toEqual([false, true]);
  });

  test("a failed action is named with its reason while it is tried", async () => {
    const { device, fault } = await world();
    fault({ ...stop, outcome: "fail", code: "server_error", message: "the node is down" });
    const { troubles } = await cut(device(), 3500);
    expect(troubles.join("\n")).toContain("failed: the node is down (server_error)");
  });

  test.for<[string, string, RegExp]>([
    ["a token of another project", otherProjectsToken, /the token's project has no server called/],
    ["a token that may only read", readOnlyToken, /token/],
    ["a token that was revoked", "d".repeat(64), /unauthorized|token/],
  ])("%s", async ([, as, because]) => {
    const { device, isOn } = await world();
    const { said, isProven } = await cut(device({ as }), 2500);
    expect(said).toMatch(because);
    expect([isProven, isOn()]).toEqual([false, true]);
  });
});

describe.concurrent("nobody else is powered off", () => {
  test("a server of that name with none of the host's addresses", async () => {
    const { device, isOn } = await world();
    const it = device({ address: "10.1.1.99" });
    await expect(it.read(bounds)).rejects.toThrow(WrongMachine);
    expect((await cut(it)).said).toContain("it has 203.0.113.10");
    expect(isOn()).toBe(true);
  });

  test("one that was given the name while the host's own was renamed; once that is undone it is the host's again", async () => {
    const { cloud, id, create, device, isOn } = await world();
    const it = device();
    await it.read(bounds);
    cloud.ask("PUT", `/servers/${id}`, { name: "retired" });
    const other = create(name);
    await expect(it.read(bounds)).rejects.toThrow(`server ${id} is called retired`);
    expect((await cut(it)).said).toContain("none of the host's addresses");
    expect([isOn(), cloud.machines.isOn(other)]).toEqual([true, true]);
    cloud.ask("PUT", `/servers/${other}`, { name: "other" });
    cloud.ask("PUT", `/servers/${id}`, { name });
    expect((await it.read(bounds)).state).toBe("on");
  });

  test("a host that is not to be powered off any more", async () => {
    const { device, isOn } = await world();
    const no = async () => {
      throw new NotWanted("the lock has moved since");
    };
    expect((await cut(device(), 3000, no)).said).toBe("the lock has moved since");
    expect(isOn()).toBe(true);
  });
});
