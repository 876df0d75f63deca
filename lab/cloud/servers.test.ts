import { expect, test } from "vitest";
import { TestCloud } from "./testing.ts";

function setUp(settings: ConstructorParameters<typeof TestCloud>[0] = {}) {
  const cloud = new TestCloud(settings);
  const network = cloud.ask("POST", "/networks", { name: "net", ip_range: "10.1.0.0/16" }).json.network;
  const subnet = { type: "cloud", ip_range: "10.1.1.0/24", network_zone: "eu-central" };
  cloud.ask("POST", `/networks/${network.id}/actions/add_subnet`, subnet);
  const server = (name: string, more: object = {}): number =>
    cloud.ask("POST", "/servers", { name, server_type: "cx23", image: "debian-12", location: "fsn1", ...more }).json
      .server.id;
  const get = (id: number) => cloud.ask("GET", `/servers/${id}`).json.server;
  const act = (id: number, action: string, body?: object) =>
    cloud.ask("POST", `/servers/${id}/actions/${action}`, body);
  return { cloud, network, server, get, act };
}

test("power: off and on, both also where it is so already; shutdown ends when the button was pressed", () => {
  const { cloud, server, get, act } = setUp({ durationsMs: { stop_server: 100 } });
  const id = server("a");
  expect(act(id, "poweroff").json.action).toMatchObject({ command: "stop_server", status: "running" });
  expect(get(id)).toMatchObject({ status: "stopping", locked: true });
  expect(act(id, "poweron")).toMatchObject({ status: 423, json: { error: { code: "locked" } } });
  cloud.advance(100);
  expect(get(id)).toMatchObject({ status: "off", locked: false });
  expect(cloud.machines.isOn(id)).toBe(false);
  expect(act(id, "poweroff").status).toBe(201);
  cloud.advance(100);
  act(id, "poweron");
  expect(get(id).status).toBe("running");
  act(id, "poweron");
  expect(cloud.machines.byId.get(id)?.boots).toBe(2);
  act(id, "reset");
  expect(cloud.machines.byId.get(id)?.boots).toBe(3);
  act(id, "shutdown");
  expect(get(id).status).toBe("off");
});

test("a machine that goes off by itself is off at the API too", () => {
  const { cloud, server, get } = setUp();
  const id = server("a");
  (cloud.machines.byId.get(id) as { on: boolean }).on = false;
  expect(get(id).status).toBe("off");
});

test("a power-off that fails, one that hangs and two that lie", () => {
  const { cloud, server, get, act } = setUp();
  const id = server("a");
  const action = (answer: { json: { action: { id: number } } }) =>
    cloud.ask("GET", `/actions/${answer.json.action.id}`).json.action;
  cloud.cloud.inject({
    on: "action",
    command: "stop_server",
    server: "a",
    outcome: "fail",
    code: "server_error",
    times: 1,
  });
  expect(action(act(id, "poweroff"))).toMatchObject({ status: "error", error: { code: "server_error" } });
  expect(get(id).status).toBe("running");

  cloud.cloud.inject({ on: "action", command: "stop_server", outcome: "lie-off", times: 1 });
  expect(action(act(id, "poweroff")).status).toBe("success");
  expect([get(id).status, cloud.machines.isOn(id)]).toEqual(["off", true]);
  expect(action(act(id, "poweroff")).status).toBe("success");
  expect([get(id).status, cloud.machines.isOn(id)]).toEqual(["off", false]);
  act(id, "poweron");
  expect(get(id).status).toBe("running");

  cloud.cloud.inject({ on: "action", command: "stop_server", outcome: "lie-running", times: 1 });
  expect(action(act(id, "poweroff")).status).toBe("success");
  expect([get(id).status, cloud.machines.isOn(id)]).toEqual(["running", true]);

  cloud.cloud.inject({ on: "action", command: "stop_server", outcome: "hang", times: 1 });
  const hanging = act(id, "poweroff");
  cloud.advance(3_600_000);
  expect(action(hanging).status).toBe("running");
  expect(act(id, "poweroff").status).toBe(423);
  expect(cloud.machines.isOn(id)).toBe(true);
});

test("an action may be done and never end", () => {
  const { cloud, server, act } = setUp();
  const id = server("a");
  cloud.cloud.inject({ on: "action", command: "stop_server", outcome: "done-hang", times: 1 });
  const { id: action } = act(id, "poweroff").json.action;
  cloud.advance(1_000_000);
  expect(cloud.machines.isOn(id)).toBe(false);
  expect(cloud.ask("GET", `/actions/${action}`).json.action.status).toBe("running");
});

test("a start after a creation that failed fails too, and the server stays", () => {
  const { cloud, server, get } = setUp();
  cloud.cloud.inject({ on: "action", command: "create_server", outcome: "fail", times: 1 });
  const id = server("a");
  expect(get(id)).toMatchObject({ status: "initializing", locked: false });
  expect(
    cloud.ask("GET", `/servers/${id}/actions`).json.actions.map(({ status }: { status: string }) => status),
  ).toEqual(["error", "error"]);
  expect(cloud.machines.byId.size).toBe(0);
});

test("private addresses: the wished one, the lowest free one, and what is refused", () => {
  const { cloud, network, server, get, act } = setUp();
  const [a, b, c] = ["a", "b", "c"].map((name) => server(name)) as [number, number, number];
  const attach = (id: number, more: object = {}) => act(id, "attach_to_network", { network: network.id, ...more });
  expect(attach(a, { ip: "10.1.1.7", ip_range: "10.1.1.0/24" }).status).toBe(201);
  expect(attach(a).json.error.code).toBe("server_already_attached");
  expect(attach(b, { ip: "10.1.1.7" }).json.error.code).toBe("ip_not_available");
  expect(attach(b, { ip: "10.1.2.7" }).json.error.code).toBe("no_subnet_available");
  attach(b);
  expect(get(b).private_net).toMatchObject([{ network: network.id, ip: "10.1.1.2", alias_ips: [] }]);
  const mac = get(a).private_net[0].mac_address;
  expect(cloud.machines.byId.get(a)?.addresses).toEqual(["10.1.1.7"]);
  act(a, "detach_from_network", { network: network.id });
  expect(cloud.machines.byId.get(a)?.addresses).toEqual([]);
  attach(a, { ip: "10.1.1.7" });
  expect(get(a).private_net[0].mac_address).not.toBe(mac);
  const overseas = server("d", { location: "ash", server_type: "cpx22" });
  expect(attach(overseas).json.error.code).toBe("no_subnet_available");
  expect(cloud.ask("GET", `/networks/${network.id}`).json.network.servers).toEqual([a, b]);
  expect(get(c).private_net).toEqual([]);
});

test("a subnet with servers in it stays, with the words that the provider retries on; a network takes its servers out", () => {
  const { cloud, network, server, get, act } = setUp();
  const id = server("a");
  act(id, "attach_to_network", { network: network.id });
  const refused = cloud.ask("POST", `/networks/${network.id}/actions/delete_subnet`, { ip_range: "10.1.1.0/24" });
  expect(refused.json.error).toMatchObject({
    code: "service_error",
    message: expect.stringContaining("servers are attached"),
  });
  expect(cloud.ask("DELETE", `/networks/${network.id}`).status).toBe(204);
  expect(get(id).private_net).toEqual([]);
  expect(cloud.machines.byId.get(id)?.addresses).toEqual([]);
});

test("a primary IP: assigned at creation, kept when the server goes, free before the deletion has ended", () => {
  const { cloud, server, get } = setUp({ durationsMs: { delete_server: 1000 } });
  const address = () => cloud.ask("GET", "/primary_ips?name=addr").json.primary_ips[0];
  const made = cloud.ask("POST", "/primary_ips", { name: "addr", type: "ipv4", location: "fsn1" }).json.primary_ip;
  expect(made).toMatchObject({
    assignee_id: null,
    assignee_type: "unassigned",
    ip: "203.0.113.10",
    auto_delete: false,
    location: { name: "fsn1" },
  });
  const public_net = { ipv4: made.id, enable_ipv6: false };
  const id = server("a", { public_net });
  expect(get(id).public_net).toMatchObject({ ipv4: { id: made.id, ip: made.ip }, ipv6: null });
  expect(address()).toMatchObject({ assignee_id: id, assignee_type: "server" });
  expect(
    cloud.ask("POST", "/servers", { name: "b", server_type: "cx23", image: "debian-12", public_net }),
  ).toMatchObject({ status: 422, json: { error: { code: "primary_ip_assigned" } } });
  expect(cloud.ask("DELETE", `/primary_ips/${made.id}`)).toMatchObject({
    status: 422,
    json: { error: { code: "must_be_unassigned" } },
  });
  expect(cloud.ask("DELETE", `/servers/${id}`).json.action).toMatchObject({
    command: "delete_server",
    status: "running",
  });
  expect(address().assignee_id).toBeNull();
  expect(get(id).status).toBe("deleting");
  server("b", { public_net });
  expect(address().assignee_id).not.toBeNull();
  cloud.advance(1000);
  expect(get(id)).toBeUndefined();
});

test("addresses that came with a server go with it, unless they are protected", () => {
  const { cloud, server } = setUp();
  const id = server("a");
  const all = () => cloud.ask("GET", "/primary_ips").json.primary_ips;
  expect(all().map(({ type, auto_delete }: { type: string; auto_delete: boolean }) => [type, auto_delete])).toEqual([
    ["ipv4", true],
    ["ipv6", true],
  ]);
  cloud.ask("POST", `/primary_ips/${all()[0].id}/actions/change_protection`, { delete: true });
  cloud.ask("DELETE", `/servers/${id}`);
  expect(all()).toMatchObject([{ type: "ipv4", assignee_id: null, protection: { delete: true } }]);
  expect(cloud.ask("DELETE", `/primary_ips/${all()[0].id}`)).toMatchObject({
    status: 423,
    json: { error: { code: "protected" } },
  });
});

test("an address is moved only while the server is off, and only to one without", () => {
  const { cloud, server, get, act } = setUp();
  const id = server("a");
  const old = get(id).public_net.ipv4.id;
  const made = cloud.ask("POST", "/primary_ips", { name: "addr", type: "ipv4", location: "fsn1" }).json.primary_ip;
  const assign = () =>
    cloud.ask("POST", `/primary_ips/${made.id}/actions/assign`, { assignee_id: id, assignee_type: "server" });
  expect(assign().json.error.code).toBe("server_has_ipv4");
  expect(cloud.ask("POST", `/primary_ips/${old}/actions/unassign`).json.error.code).toBe("server_not_stopped");
  act(id, "poweroff");
  cloud.ask("POST", `/primary_ips/${old}/actions/unassign`);
  expect(get(id).public_net.ipv4).toBeNull();
  assign();
  expect(get(id).public_net.ipv4.ip).toBe(made.ip);
});

test("protection: both halves alike, and nothing protected is deleted", () => {
  const { cloud, server, get, act } = setUp();
  const id = server("a");
  expect(act(id, "change_protection", { delete: true }).json.error.code).toBe("invalid_input");
  act(id, "change_protection", { delete: true, rebuild: true });
  expect(get(id).protection).toEqual({ delete: true, rebuild: true });
  expect(cloud.ask("DELETE", `/servers/${id}`)).toMatchObject({ status: 423, json: { error: { code: "protected" } } });
});

test("another type: only off, only as large, and it is switched on again", () => {
  const { cloud, server, get, act } = setUp();
  const id = server("a", { server_type: "cx43" });
  const change = (server_type: string) => act(id, "change_type", { server_type, upgrade_disk: false });
  expect(change("cx53").json.error.code).toBe("server_not_stopped");
  act(id, "poweroff");
  expect(change("cax31").json.error.code).toBe("invalid_server_type");
  expect(change("cx33").json.error.code).toBe("invalid_server_type");
  change("cx53");
  expect(get(id)).toMatchObject({ status: "running", server_type: { name: "cx53" }, primary_disk_size: 160 });
  expect(cloud.machines.isOn(id)).toBe(true);
});

test("a spread group takes ten", () => {
  const { cloud, server } = setUp();
  const group = cloud.ask("POST", "/placement_groups", { name: "g", type: "spread" }).json.placement_group;
  for (let n = 0; n < 10; n++) server(`s${n}`, { placement_group: group.id });
  const more = cloud.ask("POST", "/servers", {
    name: "more",
    server_type: "cx23",
    image: "debian-12",
    placement_group: group.id,
  });
  expect(more.json.error.code).toBe("placement_error");
  expect(cloud.ask("GET", `/placement_groups/${group.id}`).json.placement_group.servers).toHaveLength(10);
});

test("a firewall: rules, what it applies to, and it stays while it is used", () => {
  const { cloud, server, get } = setUp();
  const rule = { direction: "in", protocol: "tcp", port: "22", source_ips: ["0.0.0.0/0"] };
  const firewall = cloud.ask("POST", "/firewalls", { name: "f", rules: [rule] }).json.firewall;
  expect(firewall.rules).toMatchObject([{ ...rule, destination_ips: [], description: null }]);
  expect(cloud.ask("POST", "/firewalls", { name: "g", rules: [{ ...rule, port: null }] }).json.error.code).toBe(
    "invalid_input",
  );
  const id = server("a", { firewalls: [{ firewall: firewall.id }], labels: { role: "x" } });
  expect(get(id).public_net.firewalls).toEqual([{ id: firewall.id, status: "applied" }]);
  const by = { type: "server", server: { id } };
  expect(
    cloud.ask("POST", `/firewalls/${firewall.id}/actions/apply_to_resources`, { apply_to: [by] }).json.error.code,
  ).toBe("firewall_already_applied");
  expect(cloud.ask("DELETE", `/firewalls/${firewall.id}`).json.error.code).toBe("resource_in_use");
  cloud.ask("POST", `/firewalls/${firewall.id}/actions/remove_from_resources`, { remove_from: [by] });
  expect(get(id).public_net.firewalls).toEqual([]);
  const selected = { type: "label_selector", label_selector: { selector: "role=x" } };
  cloud.ask("POST", `/firewalls/${firewall.id}/actions/apply_to_resources`, { apply_to: [selected] });
  expect(get(id).public_net.firewalls).toEqual([{ id: firewall.id, status: "applied" }]);
  cloud.ask("POST", `/firewalls/${firewall.id}/actions/set_rules`, { rules: [] });
  expect(cloud.ask("GET", `/firewalls/${firewall.id}`).json.firewall.rules).toEqual([]);
});
