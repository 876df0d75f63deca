/**
 * What is left when an update ends in the middle, and what the next one makes of it: the real CLI and the real plugin against the
 * lab's cloud. What the plugin does wrong is pinned here too, for the layout and the commands of holdfast go around it.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ListeningCloud, listeningCloud, otherProjectsToken, token, until } from "../../lab/cloud/testing.ts";
import type { Host, Layout } from "./program/layout.ts";
import { Stack } from "./stack.ts";

let cloud: ListeningCloud;
let stack: Stack;

beforeEach(async () => {
  cloud = await listeningCloud();
  stack = await Stack.make();
});

afterEach(async () => {
  stack.remove();
  await cloud.close();
});

const host = (name: string, more: Partial<Host> = {}): Host => ({
  name,
  ip: `10.1.1.${10 + name.charCodeAt(0)}`,
  ...more,
});

const layout = (hosts: readonly Host[], more: Partial<Layout> = {}): Layout => ({
  endpoint: cloud.endpoint,
  token,
  hosts,
  ...more,
});

/** As the API shows it; undefined: there is none. */
const server = (name: string) => cloud.ask("GET", `/servers?name=${name}`).json.servers[0];
const address = (name: string) => cloud.ask("GET", `/primary_ips?name=${name}-address`).json.primary_ips[0];

/** What a run asks of the API: writes as `METHOD /path`, and how often it reads. */
async function calls(run: () => Promise<unknown>): Promise<{ writes: string[]; reads: number }> {
  const before = cloud.cloud.state.calls.length;
  await run();
  const since = cloud.cloud.state.calls.slice(before);
  return {
    writes: since.filter(({ method }) => method !== "GET").map(({ method, path }) => `${method} ${path}`),
    reads: since.filter(({ method }) => method === "GET").length,
  };
}

const nothing = { writes: [], reads: 0 };

test("an up without changes asks the API nothing; a refresh only reads", async () => {
  const wanted = layout([host("a"), host("b"), host("c")]);
  expect(await stack.up(wanted)).toMatchObject({ exitCode: 0 });
  expect(server("b")).toMatchObject({
    status: "running",
    protection: { delete: true, rebuild: true },
    private_net: [{ ip: host("b").ip }],
  });
  expect(await calls(() => stack.up(wanted))).toEqual(nothing);
  expect((await calls(() => stack.run(["refresh", "--yes", "--skip-preview"], wanted))).writes).toEqual([]);
  expect((await stack.preview(wanted, "--refresh", "--expect-no-changes")).exitCode).toBe(0);
});

test("a machine that did not start: the next up calls it done, the one after protects it, and nothing starts it", async () => {
  const wanted = layout([host("a")]);
  cloud.cloud.inject({ on: "action", command: "start_server", outcome: "fail", code: "server_error", times: 1 });
  const failed = await stack.up(wanted);
  expect(failed.exitCode).not.toBe(0);
  expect(failed.said).toContain("server_error");
  expect((await stack.resources()).get("a")?.initErrors).toHaveLength(1);
  expect(server("a")).toMatchObject({ status: "off", private_net: [], protection: { delete: false } });

  const again = await calls(async () => expect((await stack.up(wanted)).exitCode).toBe(0));
  expect(again.writes).toEqual([expect.stringMatching(/actions\/attach_to_network$/)]);
  expect(server("a")).toMatchObject({
    status: "off",
    private_net: [{ ip: host("a").ip }],
    protection: { delete: false },
  });
  // That up has read the server, so the next one sees what is missing; with --refresh the first would have.
  const third = await calls(async () => expect((await stack.up(wanted)).exitCode).toBe(0));
  expect(third.writes).toEqual([expect.stringMatching(/actions\/change_protection$/)]);
  expect((await stack.up(wanted, "--refresh")).exitCode).toBe(0);
  // It is still off: nothing of Pulumi's ever starts a host.
  expect(server("a")).toMatchObject({ status: "off", protection: { delete: true, rebuild: true } });
});

test("a machine that did not start is finished by one up with --refresh, but for its start", async () => {
  const wanted = layout([host("a")]);
  cloud.cloud.inject({ on: "action", command: "start_server", outcome: "fail", code: "server_error", times: 1 });
  expect((await stack.up(wanted)).exitCode).not.toBe(0);
  expect((await stack.up(wanted, "--refresh")).exitCode).toBe(0);
  expect(server("a")).toMatchObject({
    status: "off",
    protection: { delete: true },
    private_net: [{ ip: host("a").ip }],
  });
  expect(await calls(() => stack.up(wanted))).toEqual(nothing);
});

test("one poll that failed is a half-made server too, though it runs; --refresh finishes it", async () => {
  const wanted = layout([host("a")]);
  expect((await stack.up(layout([]))).exitCode).toBe(0);
  const firstPollOfServer = () => cloud.cloud.project("first").servers.length > 0;
  const watching = until(firstPollOfServer, 60_000).then(() =>
    cloud.cloud.inject({
      on: "request",
      method: "GET",
      path: "^/actions",
      times: 1,
      outcome: "error",
      code: "unknown_error",
      status: 500,
    }),
  );
  const failed = await stack.up(wanted);
  await watching;
  expect(failed.exitCode).not.toBe(0);
  expect((await stack.resources()).get("a")?.initErrors).toHaveLength(1);
  expect((await stack.up(wanted, "--refresh")).exitCode).toBe(0);
  expect(server("a")).toMatchObject({
    status: "running",
    protection: { delete: true },
    private_net: [{ ip: host("a").ip }],
  });
  expect(await calls(() => stack.up(wanted))).toEqual(nothing);
});

test("an inline network that failed is called done by the next up; the recommended attachment is not", async () => {
  const inline = layout([host("a")], { inlineNetworks: true });
  cloud.cloud.inject({ on: "action", command: "attach_to_network", outcome: "fail", times: 1 });
  expect((await stack.up(inline)).exitCode).not.toBe(0);
  expect(await calls(async () => expect((await stack.up(inline)).exitCode).toBe(0))).toMatchObject({ writes: [] });
  expect(server("a").private_net).toEqual([]);
  expect((await stack.up(inline, "--refresh")).exitCode).toBe(0);
  expect(server("a").private_net).toMatchObject([{ ip: host("a").ip }]);
});

test("an attachment that failed is made by the next up", async () => {
  const wanted = layout([host("a")]);
  cloud.cloud.inject({ on: "action", command: "attach_to_network", outcome: "fail", times: 1 });
  expect((await stack.up(wanted)).exitCode).not.toBe(0);
  expect(server("a")).toMatchObject({ private_net: [], protection: { delete: true } });
  expect((await stack.up(wanted)).exitCode).toBe(0);
  expect(server("a").private_net).toMatchObject([{ ip: host("a").ip }]);
});

test("an attachment whose answer was lost counts as done", async () => {
  const wanted = layout([host("a")]);
  cloud.cloud.inject({ on: "request", method: "POST", path: "attach_to_network", outcome: "lost", times: 1 });
  const first = await stack.up(wanted);
  if (first.exitCode !== 0) expect((await stack.up(wanted)).exitCode).toBe(0);
  expect(server("a").private_net).toHaveLength(1);
});

test("no room is said at once, with the API's id, and not tried again", async () => {
  const wanted = layout([host("a", { type: "cx33", location: "hel1" })]);
  let failed = { said: "" };
  const { writes } = await calls(async () => {
    failed = await stack.up(wanted);
  });
  expect(writes.filter((call) => call === "POST /servers")).toHaveLength(1);
  expect(failed.said).toMatch(/error during placement \(resource_unavailable, [0-9a-f]{16}\)/);
  // The address was made before, and stays where it was made.
  expect(address("a")).toMatchObject({ location: { name: "hel1" }, assignee_id: null });
});

test("a limit and a lock are waited out", async () => {
  const wanted = layout([host("a")]);
  cloud.cloud.inject({
    on: "request",
    method: "POST",
    path: "^/servers$",
    outcome: "error",
    code: "rate_limit_exceeded",
    times: 1,
  });
  cloud.cloud.inject({
    on: "request",
    method: "POST",
    path: "attach_to_network",
    outcome: "error",
    code: "locked",
    times: 1,
  });
  expect((await stack.up(wanted)).exitCode).toBe(0);
  expect(server("a").private_net).toHaveLength(1);
});

test("a killed run leaves a server outside the state: no twin, and it is adopted with its address", async () => {
  const wanted = layout([host("a")]);
  // The answer to its creation is never written down: the run dies while the server is made.
  cloud.cloud.inject({ on: "action", command: "create_server", outcome: "slow", delayMs: 3000, times: 1 });
  await stack.upKilled(wanted, () => cloud.cloud.project("first").servers.length > 0);
  expect(await stack.run(["cancel", "--yes"])).toMatchObject({ exitCode: 0 });
  expect((await stack.resources()).has("a")).toBe(false);
  await until(() => server("a").status === "running");
  const { id } = server("a");
  const { ip } = address("a");

  const again = await stack.up(wanted);
  expect(again.exitCode).not.toBe(0);
  expect(again.said).toMatch(/uniqueness_error|primary_ip_assigned/);
  expect(cloud.ask("GET", "/servers").json.servers).toHaveLength(1);

  const adopting = layout([host("a", { adopt: { server: String(id) } })]);
  const { writes } = await calls(async () => expect(await stack.up(adopting)).toMatchObject({ exitCode: 0 }));
  expect(writes.some((call) => /poweroff|unassign|DELETE/.test(call))).toBe(false);
  expect(server("a")).toMatchObject({
    id,
    status: "running",
    public_net: { ipv4: { ip } },
    protection: { delete: true },
  });
  expect(await calls(() => stack.up(adopting))).toEqual(nothing);
});

/** A server that somebody made by hand, with an address that came with it. */
function madeByHand(protect: boolean): { id: number; addressId: number } {
  const made = cloud.ask("POST", "/servers", {
    name: "a",
    server_type: "cx23",
    image: "debian-12",
    location: "fsn1",
    public_net: { enable_ipv6: false },
  }).json.server;
  const addressId = made.public_net.ipv4.id;
  cloud.ask("PUT", `/primary_ips/${addressId}`, { name: "a-address", auto_delete: false });
  if (protect) cloud.ask("POST", `/primary_ips/${addressId}/actions/change_protection`, { delete: true });
  return { id: made.id, addressId };
}

test("adopting a server with all that is ignored keeps it running at its address", async () => {
  const { id, addressId } = madeByHand(false);
  const wanted = layout([
    host("a", { placementGroup: false, adopt: { server: String(id), primaryIp: String(addressId) } }),
  ]);
  const { writes } = await calls(async () => expect(await stack.up(wanted)).toMatchObject({ exitCode: 0 }));
  expect(writes.some((call) => /poweroff|unassign|DELETE/.test(call))).toBe(false);
  expect(address("a")).toMatchObject({ id: addressId, assignee_id: id, protection: { delete: true } });
  expect(cloud.machines.byId.get(id)?.boots).toBe(1);
});

test("adopting it without costs its address, unless that is protected", async () => {
  const { id, addressId } = madeByHand(false);
  const careless = (primaryIp: number) =>
    layout(
      [
        host("a", {
          placementGroup: false,
          adoptCarelessly: true,
          adopt: { server: String(id), primaryIp: String(primaryIp) },
        }),
      ],
      {
        deleteProtection: false,
      },
    );
  const { writes } = await calls(() => stack.up(careless(addressId)));
  expect(writes).toContain(`DELETE /primary_ips/${addressId}`);
  expect(address("a")).toBeUndefined();

  cloud.ask("DELETE", `/servers/${id}`);
  await until(() => server("a") === undefined);
  const kept = madeByHand(true);
  stack.remove();
  stack = await Stack.make();
  const wanted = layout([
    host("a", {
      placementGroup: false,
      adoptCarelessly: true,
      adopt: { server: String(kept.id), primaryIp: String(kept.addressId) },
    }),
  ]);
  for (const [plural, name] of [
    ["ssh_keys", "key"],
    ["networks", "network"],
    ["placement_groups", "group"],
    ["firewalls", "firewall"],
  ])
    for (const { id: old } of cloud.ask("GET", `/${plural}?name=${name}`).json[plural as string])
      cloud.ask("DELETE", `/${plural}/${old}`);
  await stack.up(wanted);
  expect(address("a")).toMatchObject({ id: kept.addressId });
});

test("a server that somebody deleted: up sees nothing, destroy fails, --refresh makes it anew at its address", async () => {
  const wanted = layout([host("a")], { protect: false, deleteProtection: false });
  await stack.up(wanted);
  const { ip } = address("a");
  const old = server("a").id;
  cloud.ask("DELETE", `/servers/${old}`);
  await until(() => server("a") === undefined);
  expect(await calls(async () => expect((await stack.up(wanted)).exitCode).toBe(0))).toEqual(nothing);
  const destroyed = await stack.destroy(wanted, "--target", stack.urnOf("a"), "--target-dependents");
  expect(destroyed.exitCode).not.toBe(0);
  expect(destroyed.said).toContain("not_found");
  expect((await stack.up(wanted, "--refresh")).exitCode).toBe(0);
  expect(server("a")).toMatchObject({
    status: "running",
    public_net: { ipv4: { ip } },
    private_net: [{ ip: host("a").ip }],
  });
  expect(server("a").id).not.toBe(old);
});

test("a token of another project: nothing is noticed, a refresh drops all that is protected, the next up builds a second cluster", async () => {
  const wanted = layout([host("a")]);
  await stack.up(wanted);
  const stranger = { ...wanted, token: otherProjectsToken };
  expect((await stack.up(stranger)).exitCode).toBe(0);
  expect((await stack.run(["refresh", "--yes", "--skip-preview"], stranger)).exitCode).toBe(0);
  expect((await stack.resources()).has("a")).toBe(false);
  expect((await stack.up(stranger)).exitCode).toBe(0);
  // Two servers of one name, in two projects: why holdfast asks first whether an id that it knows answers.
  expect([cloud.cloud.project("first").servers.length, cloud.cloud.project("second").servers.length]).toEqual([1, 1]);
});

test("a host that leaves the program under protection: the preview fails; without it other changes come first", async () => {
  await stack.up(layout([host("a"), host("b")]));
  const smaller = layout([host("a")], { rules: [{ port: "22" }, { port: "8500" }] });
  const preview = await stack.preview(smaller);
  expect(preview.exitCode).not.toBe(0);
  expect(preview.said).toContain("protect");
  const ports = () => cloud.ask("GET", "/firewalls").json.firewalls[0].rules.map(({ port }: { port: string }) => port);
  expect(ports()).toEqual(["22"]);
  expect((await stack.up(smaller)).exitCode).not.toBe(0);
  expect(ports().toSorted()).toEqual(["22", "8500"]);
  expect(server("b").status).toBe("running");
});

test("a replacement keeps the address: refused under protection, done in one run when that host's is lifted", async () => {
  const wanted = layout([host("a"), host("b")], { deleteProtection: false });
  await stack.up(wanted);
  const { id } = server("a");
  const { ip } = address("a");
  const newer = layout([host("a", { image: "debian-13" }), host("b")], { deleteProtection: false });
  expect(await calls(() => stack.up(newer))).toEqual(nothing);
  const replace = ["--replace", stack.urnOf("a")];
  const refused = await stack.up(newer, ...replace);
  expect(refused.exitCode).not.toBe(0);
  expect(server("a").id).toBe(id);
  const lifted = layout([host("a", { image: "debian-13", protect: false }), host("b")], { deleteProtection: false });
  expect(await stack.up(lifted, ...replace)).toMatchObject({ exitCode: 0 });
  expect(server("a")).toMatchObject({ status: "running", image: { name: "debian-13" }, public_net: { ipv4: { ip } } });
  expect(server("a").private_net).toMatchObject([{ ip: host("a").ip }]);
  expect(server("a").id).not.toBe(id);
});

test("destroy ends with the API's protection, which the plugin never lifts", async () => {
  const wanted = layout([host("a")], { protect: false });
  await stack.up(wanted);
  const destroyed = await stack.destroy(wanted);
  expect(destroyed.exitCode).not.toBe(0);
  expect(destroyed.said).toContain("protected");
  expect(server("a").status).toBe("running");
  const open = { ...wanted, deleteProtection: false };
  expect((await stack.up(open)).exitCode).toBe(0);
  expect((await stack.destroy(open)).exitCode).toBe(0);
  for (const plural of ["servers", "networks", "primary_ips", "placement_groups", "firewalls", "ssh_keys"])
    expect(cloud.ask("GET", `/${plural}`).json[plural], plural).toEqual([]);
});

test("user data is nowhere in clear in the state", async () => {
  const userData = "#cloud-config\n# the-secret-of-this-host\n";
  await stack.up(layout([host("a", { userData })]));
  expect((await stack.run(["stack", "export"])).said).not.toContain("the-secret-of-this-host");
  expect([...cloud.machines.byId.values()][0]?.spec.userData).toBe(userData);
});

test("the last rule of a firewall that goes is called gone, and stays", async () => {
  await stack.up(layout([], { rules: [{ port: "22" }] }));
  expect((await stack.up(layout([], { rules: [] }))).exitCode).toBe(0);
  expect(cloud.ask("GET", "/firewalls").json.firewalls[0].rules).toHaveLength(1);
});
