import { describe, expect, test } from "vitest";
import { FakeApi, type Said } from "../../hcloud/testing/fake-api.ts";
import { WrongMachine } from "./device.ts";
import { HcloudDevice } from "./hcloud-device.ts";

const signal = new AbortController().signal;
const bounds = { withinMs: 5000, signal };

const server = (change: object = {}) => ({
  id: 42,
  name: "holdfast-mainnet-host-a",
  status: "running",
  created: "2026-11-01T00:00:00Z",
  server_type: { id: 1, name: "ccx63" },
  location: { name: "fsn1" },
  public_net: { ipv4: { id: 7, ip: "203.0.113.7" }, ipv6: { id: 8, ip: "2001:db8:7::/64" }, firewalls: [] },
  private_net: [{ network: 3, ip: "10.233.0.11", mac_address: "86:00:00:00:00:01" }],
  protection: { delete: false, rebuild: false },
  labels: {},
  ...change,
});
const listed = (...found: object[]): Said => ({ json: { servers: found } });
const got = (change: object = {}): Said => ({ json: { server: server(change) } });
const action = (change: object = {}) => ({ id: 9, command: "stop_server", status: "running", progress: 0, ...change });

function device(answers: readonly Said[], config: object = {}) {
  const api = new FakeApi(answers);
  const common = { host: "host-a", device: "hcloud", server: "holdfast-mainnet-host-a", timeoutMs: 30_000 } as const;
  const asked = () => api.asked.map(({ method, url }) => `${method} ${new URL(url).pathname.replace("/v1", "")}`);
  return { api, asked, it: new HcloudDevice({ ...common, addresses: ["10.233.0.11"], ...config }, api.client()) };
}

describe("reads", () => {
  test("only `off` as off, whatever else a status is", async () => {
    const { it } = device([listed(server({ status: "off" }))]);
    expect(await it.read(bounds)).toEqual({
      state: "off",
      because: "server 42 (holdfast-mainnet-host-a, 10.233.0.11)",
    });
    for (const status of ["running", "stopping", "deleting", "unknown", "a new one"]) {
      const { state } = await device([listed(server({ status }))]).it.read(bounds);
      expect(state, status).toBe("on");
    }
  });

  test("by its id once that is known, and looks each time whether it is the host's", async () => {
    const { it, asked } = device([listed(server()), got({ status: "off" }), got({ name: "other" })]);
    await it.read(bounds);
    expect((await it.read(bounds)).state).toBe("off");
    expect(asked()).toEqual(["GET /servers", "GET /servers/42"]);
    await expect(it.read(bounds)).rejects.toThrow(WrongMachine);
  });

  test("the host's address may be its public one, or within its IPv6 block", async () => {
    for (const address of ["203.0.113.7", "2001:db8:7::1"])
      await device([listed(server())], { addresses: ["192.0.2.1", address] }).it.read(bounds);
  });
});

describe("another machine is never the host's", () => {
  test.for<[string, object, object]>([
    ["without one of its addresses", { private_net: [] }, {}],
    ["with another id than the settings have", {}, { serverId: 43 }],
  ])("%s", async ([, change, config]) => {
    const { it, asked } = device([listed(server(change))], config);
    await expect(it.cut(bounds)).rejects.toThrow(WrongMachine);
    expect(asked()).toEqual(["GET /servers"]);
  });

  test("a project that has no such server proves nothing: the token may be of another one", async () => {
    const { it } = device([listed()]);
    await expect(it.read(bounds)).rejects.toThrow("the token's project has no server called holdfast-mainnet-host-a");
  });

  test("one that was given another name is looked for by the right one again: a wrong answer does not stay for ever", async () => {
    const { it, asked } = device([listed(server()), got({ name: "retired" }), listed(server({ id: 43 }))]);
    await it.read(bounds);
    await expect(it.read(bounds)).rejects.toThrow("server 42 is called retired, not holdfast-mainnet-host-a");
    expect((await it.read(bounds)).because).toContain("server 43");
    expect(asked()).toEqual(["GET /servers", "GET /servers/42", "GET /servers"]);
  });

  test("one that lost its address for a while is the host's again with it", async () => {
    const { it } = device([listed(server()), got({ private_net: [] }), listed(server({ status: "off" }))]);
    await it.read(bounds);
    await expect(it.read(bounds)).rejects.toThrow(WrongMachine);
    expect((await it.read(bounds)).state).toBe("off");
  });

  test("an API that is down for a moment is no reason to look for it by name", async () => {
    const { it, asked } = device([listed(server()), new Error("connect ECONNREFUSED"), got()]);
    await it.read(bounds);
    await expect(it.read({ ...bounds, withinMs: 500 })).rejects.toThrow();
    await it.read(bounds);
    expect(asked().at(-1)).toBe("GET /servers/42");
  });

  test("one that is gone is looked for by its name again", async () => {
    const gone: Said = { status: 404, json: { error: { code: "not_found", message: "server not found" } } };
    const { it, asked } = device([listed(server()), gone, listed(server({ id: 43 }))]);
    await it.read(bounds);
    await expect(it.read(bounds)).rejects.toThrow(/not found/);
    expect((await it.read(bounds)).because).toContain("server 43");
    expect(asked().at(-1)).toBe("GET /servers");
  });
});

describe("cuts the power", () => {
  test("at once, not by asking the machine, after a look whether it is the right one", async () => {
    const { it, asked } = device([listed(server()), { status: 201, json: { action: action() } }]);
    await it.cut(bounds);
    expect(asked()).toEqual(["GET /servers", "POST /servers/42/actions/poweroff"]);
  });

  test("again while another action runs (423)", async () => {
    const locked: Said = { status: 423, json: { error: { code: "locked", message: "server is locked" } } };
    const { it, api } = device([listed(server()), locked, locked, { status: 201, json: { action: action() } }]);
    await it.cut(bounds);
    expect(api.nowMs).toBeGreaterThanOrEqual(2000);
  });

  test("an action that fails, or never ends, is named with the reading", async () => {
    const begun: Said = { status: 201, json: { action: action() } };
    const failed = { status: "error", error: { code: "server_error", message: "the node is down" } };
    const { it } = device([
      listed(server()),
      begun,
      got(),
      { json: { action: action() } },
      got(),
      { json: { action: action(failed) } },
    ]);
    await it.cut(bounds);
    expect((await it.read(bounds)).because).toContain("action 9 (stop_server) has not ended");
    expect((await it.read(bounds)).because).toContain("failed: the node is down (server_error)");
  });

  test("how an action stands is asked more seldom the longer it takes: one request a second is what the rate limit regains", async () => {
    const begun: Said = { status: 201, json: { action: action() } };
    const stands: Said = { json: { action: action() } };
    const often = [got(), stands, got(), stands, got(), got(), stands, ...[5, 6, 7].map(() => got()), got(), stands];
    const { it, asked } = device([listed(server()), begun, ...often]);
    await it.cut(bounds);
    for (let i = 0; i < 8; i++)
      expect((await it.read(bounds)).because).toContain("action 9 (stop_server) has not ended");
    expect(asked().filter((one) => one === "GET /actions/9")).toHaveLength(4);
  });

  test("an API that is down, or overrun, is an error with its words", async () => {
    const down = device([new Error("connect ECONNREFUSED")]);
    await expect(down.it.read(bounds)).rejects.toThrow(/ECONNREFUSED/);
    const overrun: Said = { status: 429, json: { error: { code: "rate_limit_exceeded", message: "limit reached" } } };
    const many = device(Array.from({ length: 9 }, () => overrun));
    await expect(many.it.read(bounds)).rejects.toThrow(/rate_limit_exceeded/);
  });
});
