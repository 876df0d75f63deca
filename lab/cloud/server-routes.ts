/** Servers: lists, changes, power, networks, protection, deletion. */
import * as z from "zod";
import type { ActionWish } from "./actions.ts";
import { requireUnlocked } from "./actions.ts";
import { ApiError, invalidField } from "./api-error.ts";
import { actionRoutes } from "./catalogue-routes.ts";
import type { Context, Route } from "./context.ts";
import { applyRename, find, id, idOrName, labels, named, parse, requireUnprotected } from "./input.ts";
import { attach, createServer, newPrivateNet, requireRoomInGroup, serverName } from "./server-create.ts";
import { showServer } from "./shown.ts";
import type { Effect, Server } from "./state.ts";

const serverOf = ({ project, at }: Context): Server => find(project.servers, "server", at.id ?? "");

/** What an action on a server does, beyond its command and its server. */
type Part = Pick<ActionWish, "onBegin" | "onEnd" | "order"> & { readonly also?: ActionWish["resources"] };

/** One of POST /servers/ID/actions/…: refused while another one runs. */
function action(path: string, command: string, part: (context: Context, server: Server) => Part): Route {
  return {
    method: "POST",
    path: `/servers/:id/actions/${path}`,
    handle: (context) => {
      const server = serverOf(context);
      requireUnlocked(context.state, "server", server.id);
      const { also = [], ...rest } = part(context, server);
      return context.began({ command, resources: [{ id: server.id, type: "server" }, ...also], ...rest });
    },
  };
}

const changed = (server: Server, to: Partial<Server>): Effect[] => [
  { kind: "change", of: "servers", id: server.id, to },
];
const of = (server: Server) => ({ serverId: server.id, name: server.name });
/** What is honest now, whatever was pretended before. */
const honest = (server: Server, status: Server["status"]) => changed(server, { status, pretended: null });

const isOff = (server: Server) => (server.pretended ?? server.status) === "off";

function requireOff(server: Server): void {
  if (!isOff(server)) throw new ApiError("server_not_stopped", `server ${server.id} must be off`);
}

const power: Route[] = [
  // Switching on what is on, and off what is off, is accepted and changes nothing.
  action("poweron", "start_server", (_, server) => ({
    onBegin: isOff(server) ? honest(server, "starting") : [],
    onEnd: honest(server, "running"),
    order: { kind: "start", ...of(server) },
  })),
  // It ends when the machine is off, not when the order was given.
  action("poweroff", "stop_server", (_, server) => ({
    onBegin: isOff(server) ? [] : honest(server, "stopping"),
    onEnd: honest(server, "off"),
    order: { kind: "stop", ...of(server) },
  })),
  // It ends when the button was pressed. Whether the machine obeys is seen by its status, later.
  action("shutdown", "shutdown_server", (_, server) => ({ order: { kind: "shutdown", ...of(server) } })),
  action("reboot", "reboot_server", (_, server) => ({ order: { kind: "reboot", ...of(server) } })),
  action("reset", "reset_server", (_, server) => ({
    onEnd: honest(server, "running"),
    order: { kind: "reset", ...of(server) },
  })),
];

const attachBody = z.object({
  network: id,
  ip: z.string().nullish(),
  ip_range: z.string().nullish(),
  alias_ips: z.array(z.string()).nullish(),
});

const networks: Route[] = [
  {
    method: "POST",
    path: "/servers/:id/actions/attach_to_network",
    handle: (context) => {
      const server = serverOf(context);
      const body = parse(attachBody, context.body);
      requireUnlocked(context.state, "server", server.id);
      const network = named(context.project.networks, "network", body.network);
      requireUnlocked(context.state, "network", network.id);
      const net = newPrivateNet(context, server, network, {
        ip: body.ip,
        ipRange: body.ip_range,
        aliasIps: body.alias_ips ?? [],
      });
      return {
        status: 201,
        body: { action: context.shown(attach(context, server, net, [...server.privateNet, net])) },
      };
    },
  },
  action("detach_from_network", "detach_from_network", (context, server) => {
    const { network } = parse(z.object({ network: id }), context.body);
    const net = server.privateNet.find((one) => one.network === network);
    if (net === undefined) throw new ApiError("not_found", `server ${server.id} is not in network ${network}`);
    return {
      also: [{ id: network, type: "network" }],
      onEnd: changed(server, { privateNet: server.privateNet.filter((one) => one !== net) }),
      order: { kind: "detach", ...of(server), ip: net.ip },
    };
  }),
  action("change_alias_ips", "change_alias_ips", (context, server) => {
    const { network, alias_ips } = parse(z.object({ network: id, alias_ips: z.array(z.string()) }), context.body);
    if (!server.privateNet.some((one) => one.network === network))
      throw new ApiError("not_found", `server ${server.id} is not in network ${network}`);
    const privateNet = server.privateNet.map((one) =>
      one.network === network ? { ...one, aliasIps: alias_ips } : one,
    );
    return { also: [{ id: network, type: "network" }], onEnd: changed(server, { privateNet }) };
  }),
];

const rest: Route[] = [
  action("change_protection", "change_protection", ({ body }, server) => {
    const wished = parse(z.object({ delete: z.boolean().optional(), rebuild: z.boolean().optional() }), body);
    const protection = {
      delete: wished.delete ?? server.protection.delete,
      rebuild: wished.rebuild ?? server.protection.rebuild,
    };
    if (protection.delete !== protection.rebuild) throw invalidField("rebuild", "must be as delete is");
    return { onEnd: changed(server, { protection }) };
  }),
  // The machine is switched on again after it.
  action("change_type", "change_server_type", ({ body, state }, server) => {
    const { server_type, upgrade_disk } = parse(z.object({ server_type: idOrName, upgrade_disk: z.boolean() }), body);
    requireOff(server);
    const before = state.serverTypes.find(({ name }) => name === server.serverType);
    const type = named(state.serverTypes, "server_type", server_type);
    if (type.architecture !== before?.architecture || type.name === before.name)
      throw new ApiError("invalid_server_type", `a server of ${server.serverType} cannot become ${type.name}`);
    if (type.disk < server.diskSize)
      throw new ApiError(
        "invalid_server_type",
        `${type.name} has ${type.disk} GB, the server's disk ${server.diskSize} GB`,
      );
    if (!type.locations.some(({ name, available }) => name === server.location && available))
      throw new ApiError("resource_unavailable", "error during placement");
    return {
      onBegin: honest(server, "migrating"),
      onEnd: changed(server, {
        status: "running",
        pretended: null,
        serverType: type.name,
        diskSize: upgrade_disk ? type.disk : server.diskSize,
      }),
      order: { kind: "start", ...of(server) },
    };
  }),
  action("add_to_placement_group", "add_to_placement_group", (context, server) => {
    const { placement_group } = parse(z.object({ placement_group: id }), context.body);
    requireOff(server);
    requireRoomInGroup(context, placement_group);
    return {
      also: [{ id: placement_group, type: "placement_group" }],
      onEnd: changed(server, { placementGroup: placement_group }),
    };
  }),
  action("remove_from_placement_group", "remove_from_placement_group", (_, server) => ({
    onEnd: changed(server, { placementGroup: null }),
  })),
  action("enable_backup", "enable_backup", (_, server) => ({ onEnd: changed(server, { backups: true }) })),
  action("disable_backup", "disable_backup", (_, server) => ({ onEnd: changed(server, { backups: false }) })),
];

/** DELETE /servers/ID: its addresses are free at once, before the action ends. */
function deleteServer(context: Context) {
  const { project } = context;
  const server = serverOf(context);
  requireUnprotected("server", server);
  requireUnlocked(context.state, "server", server.id);
  project.primary_ips = project.primary_ips.filter(
    ({ assignee, autoDelete, protection }) => assignee !== server.id || !autoDelete || protection.delete,
  );
  for (const address of project.primary_ips) if (address.assignee === server.id) address.assignee = null;
  Object.assign(server, {
    status: "deleting",
    pretended: null,
    ipv4: null,
    ipv6: null,
    privateNet: [],
    placementGroup: null,
  });
  return {
    body: {
      action: context.shown(
        context.begin({
          command: "delete_server",
          resources: [{ id: server.id, type: "server" }],
          onEnd: [{ kind: "remove", of: "servers", id: server.id }],
          order: { kind: "remove", ...of(server) },
        }),
      ),
    },
  };
}

export const serverRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/servers",
    handle: (context) => {
      const statuses = context.query.getAll("status");
      const found = context.project.servers.filter(
        ({ status, pretended }) => statuses.length === 0 || statuses.includes(pretended ?? status),
      );
      return context.page("servers", found, (server) => showServer(context, server));
    },
  },
  { method: "POST", path: "/servers", handle: createServer },
  ...actionRoutes("servers", "server"),
  {
    method: "GET",
    path: "/servers/:id",
    handle: (context) => ({ body: { server: showServer(context, serverOf(context)) } }),
  },
  {
    method: "PUT",
    path: "/servers/:id",
    handle: (context) => {
      const server = serverOf(context);
      const body = parse(z.object({ name: serverName.optional(), labels: labels.optional() }), context.body);
      applyRename(context.project.servers, server, body);
      return { body: { server: showServer(context, server) } };
    },
  },
  { method: "DELETE", path: "/servers/:id", handle: deleteServer },
  ...power,
  ...networks,
  ...rest,
];
