/** Primary IPs: addresses that outlive servers. */
import * as z from "zod";
import { requireUnlocked } from "./actions.ts";
import { ApiError, invalidField } from "./api-error.ts";
import { locations } from "./catalogue.ts";
import { actionRoutes } from "./catalogue-routes.ts";
import type { Context, Route } from "./context.ts";
import {
  applyRename,
  find,
  id,
  labels,
  name,
  named,
  parse,
  protection,
  rename,
  requireFreeName,
  requireUnprotected,
} from "./input.ts";
import { showPrimaryIp } from "./shown.ts";
import type { Effect, Labels, PrimaryIp, Server } from "./state.ts";

const addressBody = z.object({
  name,
  type: z.enum(["ipv4", "ipv6"]),
  location: z.string().optional(),
  assignee_id: id.nullish(),
  assignee_type: z.literal("server").optional(),
  auto_delete: z.boolean().default(false),
  labels: labels.default({}),
});

/** Adds an address that nobody has. @throws ApiError resource_limit_exceeded */
export function newPrimaryIp(
  context: Context,
  {
    name,
    type,
    location,
    autoDelete,
    labels,
  }: { name: string; type: "ipv4" | "ipv6"; location: string; autoDelete: boolean; labels: Labels },
): PrimaryIp {
  const id = context.newId();
  const ip =
    type === "ipv6"
      ? `2001:db8:${(id >>> 16).toString(16)}:${(id & 0xffff).toString(16)}::/64`
      : context.freePublicIpv4();
  if (ip === undefined) throw new ApiError("resource_limit_exceeded", "no address is left");
  const address: PrimaryIp = {
    id,
    name,
    labels,
    createdMs: context.nowMs,
    type,
    ip,
    location,
    autoDelete,
    assignee: null,
    protection: { delete: false },
    dnsPtr: [],
  };
  context.project.primary_ips.push(address);
  return address;
}

const addressOf = ({ project, at }: Context): PrimaryIp => find(project.primary_ips, "primary_ip", at.id ?? "");

/** Both ends of an assignment, for the API shows it at both. */
export function assigned(address: PrimaryIp, server: Server): Effect[] {
  return [
    { kind: "change", of: "primary_ips", id: address.id, to: { assignee: server.id } },
    { kind: "change", of: "servers", id: server.id, to: { [address.type]: address.id } },
  ];
}

function requireOff(server: Server): void {
  if ((server.pretended ?? server.status) !== "off")
    throw new ApiError("server_not_stopped", `server ${server.id} must be off`);
}

/** @throws ApiError as the API refuses an assignment */
function requireAssignable(context: Context, address: PrimaryIp, server: Server): void {
  requireUnlocked(context.state, "server", server.id);
  if (address.assignee !== null)
    throw new ApiError(
      "primary_ip_already_assigned",
      `primary IP ${address.id} is assigned to server ${address.assignee}`,
    );
  if (address.location !== server.location)
    throw new ApiError(
      "primary_ip_datacenter_mismatch",
      `primary IP ${address.id} is in ${address.location}, the server in ${server.location}`,
    );
  if (server[address.type] !== null)
    throw new ApiError(`server_has_${address.type}`, `server ${server.id} has an ${address.type} address already`);
  requireOff(server);
}

function assign(context: Context, address: PrimaryIp, server: Server) {
  return context.begin({
    command: "assign_primary_ip",
    resources: [
      { id: address.id, type: "primary_ip" },
      { id: server.id, type: "server" },
    ],
    onEnd: assigned(address, server),
    ...(address.type === "ipv4"
      ? { order: { kind: "address", serverId: server.id, name: server.name, publicIpv4: address.ip } as const }
      : {}),
  });
}

const serverNamed = ({ project }: Context, field: string, wanted: number): Server =>
  named(project.servers, field, wanted);

export const primaryIpRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/primary_ips",
    handle: (context) => {
      const ip = context.query.get("ip");
      const found = context.project.primary_ips.filter((address) => ip === null || address.ip === ip);
      return context.page("primary_ips", found, (address) => showPrimaryIp(context, address));
    },
  },
  {
    method: "POST",
    path: "/primary_ips",
    handle: (context) => {
      const body = parse(addressBody, context.body);
      const server = body.assignee_id == null ? undefined : serverNamed(context, "assignee_id", body.assignee_id);
      const location = server?.location ?? body.location;
      if (location === undefined) throw invalidField("location", "is needed where no server is named");
      if (!locations.some((known) => known.name === location))
        throw invalidField("location", `${location} does not exist`);
      requireFreeName(context.project.primary_ips, body.name);
      if (server !== undefined) {
        requireUnlocked(context.state, "server", server.id);
        requireOff(server);
        if (server[body.type] !== null)
          throw new ApiError(`server_has_${body.type}`, `server ${server.id} has an ${body.type} address already`);
      }
      const address = newPrimaryIp(context, { ...body, location, autoDelete: body.auto_delete });
      const action = server === undefined ? null : assign(context, address, server);
      return {
        status: 201,
        body: { primary_ip: showPrimaryIp(context, address), action: action === null ? null : context.shown(action) },
      };
    },
  },
  ...actionRoutes("primary_ips", "primary_ip"),
  {
    method: "GET",
    path: "/primary_ips/:id",
    handle: (context) => ({ body: { primary_ip: showPrimaryIp(context, addressOf(context)) } }),
  },
  {
    method: "PUT",
    path: "/primary_ips/:id",
    handle: (context) => {
      const address = addressOf(context);
      const body = parse(rename.extend({ auto_delete: z.boolean().optional() }), context.body);
      applyRename(context.project.primary_ips, address, body);
      address.autoDelete = body.auto_delete ?? address.autoDelete;
      return { body: { primary_ip: showPrimaryIp(context, address) } };
    },
  },
  {
    method: "DELETE",
    path: "/primary_ips/:id",
    handle: (context) => {
      const address = addressOf(context);
      requireUnprotected("primary IP", address);
      if (address.assignee !== null)
        throw new ApiError("must_be_unassigned", `primary IP ${address.id} is assigned to server ${address.assignee}`);
      context.project.primary_ips = context.project.primary_ips.filter((other) => other !== address);
      return { status: 204 };
    },
  },
  {
    method: "POST",
    path: "/primary_ips/:id/actions/assign",
    handle: (context) => {
      const address = addressOf(context);
      const { assignee_id } = parse(z.object({ assignee_id: id, assignee_type: z.literal("server") }), context.body);
      const server = serverNamed(context, "assignee_id", assignee_id);
      requireAssignable(context, address, server);
      return { status: 201, body: { action: context.shown(assign(context, address, server)) } };
    },
  },
  {
    method: "POST",
    path: "/primary_ips/:id/actions/unassign",
    handle: (context) => {
      const address = addressOf(context);
      const server = context.project.servers.find(({ id }) => id === address.assignee);
      if (server === undefined)
        throw new ApiError("primary_ip_not_assigned", `primary IP ${address.id} is not assigned`);
      requireUnlocked(context.state, "server", server.id);
      requireOff(server);
      return context.began({
        command: "unassign_primary_ip",
        resources: [
          { id: address.id, type: "primary_ip" },
          { id: server.id, type: "server" },
        ],
        onEnd: [
          { kind: "change", of: "primary_ips", id: address.id, to: { assignee: null } },
          { kind: "change", of: "servers", id: server.id, to: { [address.type]: null } },
        ],
        ...(address.type === "ipv4"
          ? { order: { kind: "address", serverId: server.id, name: server.name, publicIpv4: null } as const }
          : {}),
      });
    },
  },
  {
    method: "POST",
    path: "/primary_ips/:id/actions/change_protection",
    handle: (context) => {
      const address = addressOf(context);
      const to = { protection: parse(protection, context.body) };
      return context.began({
        command: "change_protection",
        resources: [{ id: address.id, type: "primary_ip" }],
        onEnd: [{ kind: "change", of: "primary_ips", id: address.id, to }],
      });
    },
  },
  {
    method: "POST",
    path: "/primary_ips/:id/actions/change_dns_ptr",
    handle: (context) => {
      const address = addressOf(context);
      const { ip, dns_ptr } = parse(z.object({ ip: z.string(), dns_ptr: z.string().nullable() }), context.body);
      const others = address.dnsPtr.filter((pointer) => pointer.ip !== ip);
      return context.began({
        command: "change_dns_ptr",
        resources: [{ id: address.id, type: "primary_ip" }],
        onEnd: [
          {
            kind: "change",
            of: "primary_ips",
            id: address.id,
            to: { dnsPtr: dns_ptr === null ? others : [...others, { ip, dns_ptr }] },
          },
        ],
      });
    },
  },
];
