import { expect, test } from "vitest";
import { VirtualClock } from "./service.ts";
import { otherProjectsToken, readOnlyToken, TestCloud, token } from "./testing.ts";

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk0h1AN6ibGyRfQ8v0s5PZdj0kVnr5Nq8e3mJ1X3s7q";

/** A server with its network: what most tests begin with. Everything has ended. */
function cluster(cloud = new TestCloud()) {
  const network = cloud.ask("POST", "/networks", { name: "net", ip_range: "10.1.0.0/16" }).json.network;
  cloud.ask("POST", `/networks/${network.id}/actions/add_subnet`, {
    type: "cloud",
    ip_range: "10.1.1.0/24",
    network_zone: "eu-central",
  });
  const server = (name: string, more: object = {}) => {
    const made = cloud.ask("POST", "/servers", {
      name,
      server_type: "cx23",
      image: "debian-12",
      location: "fsn1",
      ...more,
    });
    return made.json.server;
  };
  return { cloud, network, server, get: (id: number) => cloud.ask("GET", `/servers/${id}`).json.server };
}

test("a server is locked and initializing, then off, starting and running, while its actions make progress", () => {
  const { cloud, get } = cluster(new TestCloud({ durationsMs: { create_server: 1000, start_server: 500 } }));
  const made = cloud.ask("POST", "/servers", { name: "a", server_type: "cx23", image: "debian-12", location: "fsn1" });
  expect(made.status).toBe(201);
  expect(made.json.server).toMatchObject({ status: "initializing", locked: true, location: { name: "fsn1" } });
  expect(made.json.server.datacenter).toBeUndefined();
  expect(made.json.next_actions.map(({ command }: { command: string }) => command)).toEqual(["start_server"]);
  const action = (id: number) => cloud.ask("GET", `/actions/${id}`).json.action;
  cloud.advance(600);
  expect(action(made.json.action.id)).toMatchObject({ status: "running", progress: 60, finished: null, error: null });
  cloud.advance(400);
  expect(action(made.json.action.id)).toMatchObject({ status: "success", progress: 100 });
  expect(get(made.json.server.id)).toMatchObject({ status: "starting", locked: true });
  cloud.advance(500);
  expect(get(made.json.server.id)).toMatchObject({ status: "running", locked: false });
  expect(
    cloud.ask("GET", `/actions?id=${made.json.action.id}&id=${made.json.next_actions[0].id}`).json.actions,
  ).toHaveLength(2);
  expect(cloud.ask("GET", `/servers/${made.json.server.id}/actions`).json.actions).toHaveLength(2);
});

test("it boots before its network is attached", () => {
  const { cloud, network, server } = cluster();
  server("a", { networks: [network.id] });
  expect(cloud.machines.orders.map(({ kind }) => kind)).toEqual(["create", "start", "attach"]);
  expect([...cloud.machines.byId.values()][0]?.addresses).toEqual(["10.1.1.2"]);
});

test("whoever has no token of a project gets nothing, a read-only one only reads, another project is another world", () => {
  const { cloud, server } = cluster();
  const { id } = server("a");
  expect(cloud.ask("GET", "/servers", undefined, "x".repeat(64))).toMatchObject({
    status: 401,
    json: { error: { code: "unauthorized" } },
  });
  expect(cloud.ask("DELETE", `/servers/${id}`, undefined, readOnlyToken)).toMatchObject({
    status: 403,
    json: { error: { code: "token_readonly" } },
  });
  expect(cloud.ask("GET", `/servers/${id}`, undefined, otherProjectsToken).status).toBe(404);
  expect(cloud.ask("GET", "/servers", undefined, otherProjectsToken).json.servers).toEqual([]);
  expect(
    cloud.ask("POST", "/servers", { name: "a", server_type: "cx23", image: "debian-12" }, otherProjectsToken).status,
  ).toBe(201);
});

test("both look-ups of a server: by id, and by a name that may be an id", () => {
  const { cloud, server } = cluster();
  const { id } = server("a");
  expect(cloud.ask("GET", `/servers/${id + 999}`)).toMatchObject({
    status: 404,
    json: { error: { code: "not_found" } },
  });
  expect(cloud.ask("GET", `/servers?name=${id}`).json.servers).toEqual([]);
  expect(cloud.ask("GET", "/servers?name=a").json.servers).toMatchObject([{ id }]);
});

test("lists come in pages, sorted, by label", () => {
  const { cloud, server } = cluster();
  for (const [index, name] of ["c", "a", "b"].entries()) server(name, { labels: { index: String(index), of: "test" } });
  const page = cloud.ask("GET", "/servers?sort=name:desc&per_page=2&page=2").json;
  expect(page.servers.map(({ name }: { name: string }) => name)).toEqual(["a"]);
  expect(page.meta.pagination).toEqual({
    page: 2,
    per_page: 2,
    previous_page: 1,
    next_page: null,
    last_page: 2,
    total_entries: 3,
  });
  const named = (selector: string) =>
    cloud
      .ask("GET", `/servers?label_selector=${encodeURIComponent(selector)}`)
      .json.servers.map(({ name }: { name: string }) => name);
  expect(named("of=test,index!=1")).toEqual(["c", "b"]);
  expect(named("index in (0,1)")).toEqual(["c", "a"]);
  expect(named("index notin (0,1),!missing")).toEqual(["b"]);
});

test("every answer has a correlation id, and every invalid_input details", () => {
  const { cloud } = cluster();
  const bad = cloud.ask("POST", "/servers", {
    name: "no_host name",
    server_type: "cx23",
    image: "debian-12",
    labels: { "": "x" },
  });
  expect(bad).toMatchObject({ status: 422, json: { error: { code: "invalid_input" } } });
  expect(bad.json.error.details.fields.map(({ name }: { name: string }) => name)).toEqual(["name", "labels"]);
  for (const body of [
    { server_type: "cx99" },
    { image: "debian-99" },
    { location: "mars1" },
    { user_data: "x".repeat(32 * 1024 + 1) },
    { image: 114690389 },
  ]) {
    const answer = cloud.ask("POST", "/servers", { name: "a", server_type: "cx23", image: "debian-12", ...body });
    expect(answer).toMatchObject({
      status: 422,
      json: { error: { code: "invalid_input", details: { fields: [{ name: Object.keys(body)[0] }] } } },
    });
    expect(answer.headers["X-Correlation-Id"]).toMatch(/^[0-9a-f]{16}$/);
  }
  expect(
    cloud.service.handle({ method: "POST", path: "/servers", authorization: `Bearer ${token}`, body: "{" }),
  ).toMatchObject({ status: 400 });
});

test("names and keys are unique in a project", () => {
  const { cloud, server } = cluster();
  server("a");
  expect(cloud.ask("POST", "/servers", { name: "a", server_type: "cx23", image: "debian-12" })).toMatchObject({
    status: 409,
    json: { error: { code: "uniqueness_error" } },
  });
  expect(cloud.ask("POST", "/ssh_keys", { name: "k", public_key: publicKey }).json.ssh_key.fingerprint).toMatch(
    /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/,
  );
  expect(cloud.ask("POST", "/ssh_keys", { name: "l", public_key: `${publicKey} again` }).json.error.code).toBe(
    "uniqueness_error",
  );
  expect(cloud.ask("POST", "/ssh_keys", { name: "m", public_key: "ssh-ed25519 AAAA" }).json.error.code).toBe(
    "invalid_input",
  );
});

test("a type that is sold out is no placement (412); one that is withdrawn is no input", () => {
  const { cloud } = cluster();
  const make = (server_type: string, location?: string) =>
    cloud.ask("POST", "/servers", { name: "a", server_type, image: "debian-12", location });
  expect(make("cx33", "hel1")).toMatchObject({
    status: 412,
    json: { error: { code: "resource_unavailable", message: "error during placement" } },
  });
  expect(make("cx22", "fsn1").json.error.details.fields).toMatchObject([{ name: "server_type" }]);
  expect(make("cx23", "ash").json.error.details.fields).toMatchObject([{ name: "server_type" }]);
  const type = cloud.ask("GET", "/server_types?name=cx33").json.server_types[0];
  expect(type.locations.find(({ name }: { name: string }) => name === "hel1")).toMatchObject({
    available: false,
    deprecation: null,
  });
});

test("the rate limit: headers count down, then 429, and a request comes back each second", () => {
  const cloud = new TestCloud({ requestLimit: 3 });
  const left = () => cloud.ask("GET", "/locations").headers["RateLimit-Remaining"];
  expect([left(), left(), left()]).toEqual(["2", "1", "0"]);
  const refused = cloud.ask("GET", "/locations");
  expect(refused).toMatchObject({ status: 429, json: { error: { code: "rate_limit_exceeded" } } });
  expect(refused.headers).toMatchObject({
    "RateLimit-Limit": "3",
    "RateLimit-Remaining": "0",
    "RateLimit-Reset": String(cloud.clock.nowMs() / 1000 + 3),
  });
  expect(cloud.ask("GET", "/locations", undefined, otherProjectsToken).status).toBe(200);
  cloud.advance(1000);
  expect(cloud.ask("GET", "/locations").status).toBe(200);
});

test("a fault on a request is met so often, after so many, and only there", () => {
  const { cloud } = cluster();
  cloud.cloud.inject({
    on: "request",
    method: "GET",
    path: "^/servers",
    outcome: "error",
    code: "service_error",
    times: 2,
    skip: 1,
  });
  expect([1, 2, 3, 4].map(() => cloud.ask("GET", "/servers").status)).toEqual([200, 503, 503, 200]);
  cloud.cloud.inject({ on: "request", path: "/networks", outcome: "error", plain: true, status: 502, times: 1 });
  expect(cloud.ask("GET", "/networks").body).toBe("bad gateway\n");
  expect(() => cloud.cloud.inject({ on: "request", outcome: "eroor" } as never)).toThrow();
});

test("reads and writes are counted", () => {
  const { cloud } = cluster();
  const { reads, writes } = { ...cloud.cloud.state.counts };
  cloud.ask("GET", "/servers");
  cloud.ask("POST", "/placement_groups", { name: "g", type: "spread" });
  expect(cloud.cloud.state.counts).toEqual({ reads: reads + 1, writes: writes + 1 });
});

test("what is not imitated says so", () => {
  const { cloud } = cluster();
  expect(cloud.ask("GET", "/volumes")).toMatchObject({ status: 501, json: { error: { code: "unsupported_error" } } });
});

test("time stands still unless it is turned", () => {
  const clock = new VirtualClock(0);
  clock.advance(5);
  expect(clock.nowMs()).toBe(5);
});
