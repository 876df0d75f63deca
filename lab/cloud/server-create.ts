/** POST /servers: what is looked at, and what is made. */
import * as z from "zod";
import { contains, lowestFree, macOf, nth, parseRange, type Range, sizeOf } from "./addresses.ts";
import { ApiError, invalidField } from "./api-error.ts";
import { type Image, images, locations, type ServerType } from "./catalogue.ts";
import type { Answer, Context } from "./context.ts";
import { firewallIds } from "./firewall-routes.ts";
import { id, idOrName, labels, named, parse, requireFreeName } from "./input.ts";
import { newPrimaryIp } from "./primary-ip-routes.ts";
import { locationOf, membersOf, showServer } from "./shown.ts";
import type { Action, Network, PrimaryIp, PrivateNet, Server } from "./state.ts";

/** A host name by RFC 1123. */
export const serverName = z
  .string()
  .regex(
    /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/,
    "is no host name",
  )
  .max(253);

const mostUserDataBytes = 32 * 1024;
/** Servers of a spread placement group. */
const mostInGroup = 10;

const serverBody = z.object({
  name: serverName,
  server_type: idOrName,
  image: idOrName,
  location: z.string().optional(),
  start_after_create: z.boolean().default(true),
  ssh_keys: z.array(idOrName).default([]),
  labels: labels.default({}),
  user_data: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= mostUserDataBytes, `has more than ${mostUserDataBytes} bytes`)
    .default(""),
  placement_group: id.nullish(),
  firewalls: z.array(z.object({ firewall: id })).default([]),
  networks: z.array(id).default([]),
  public_net: z
    .object({
      enable_ipv4: z.boolean().default(true),
      enable_ipv6: z.boolean().default(true),
      ipv4: id.nullish(),
      ipv6: id.nullish(),
    })
    .prefault({}),
});
type ServerBody = z.infer<typeof serverBody>;

export function createServer(context: Context): Answer {
  const body = parse(serverBody, context.body);
  const { project, state } = context;
  requireFreeName(project.servers, body.name);
  if (project.servers.length >= context.settings.serverLimit)
    throw new ApiError("resource_limit_exceeded", `server limit of ${context.settings.serverLimit} reached`);
  const serverType = named(state.serverTypes, "server_type", body.server_type);
  const image = imageFor(serverType, body.image);
  const sshKeys = body.ssh_keys.map((key) => named(project.ssh_keys, "ssh_keys", key));
  const firewalls = firewallIds(context, body.firewalls);
  const given = givenAddresses(context, body);
  const location = chosenLocation(serverType, body.location ?? given[0]?.location);
  for (const address of given)
    if (address.location !== location)
      throw new ApiError(
        "primary_ip_datacenter_mismatch",
        `primary IP ${address.id} is in ${address.location}, the server in ${location}`,
      );
  if (body.placement_group != null) requireRoomInGroup(context, body.placement_group);
  const server: Server = {
    id: context.newId(),
    name: body.name,
    labels: body.labels,
    createdMs: context.nowMs,
    status: "initializing",
    location,
    serverType: serverType.name,
    image: image.id,
    userData: body.user_data,
    sshKeys: sshKeys.map((key) => key.id),
    ipv4: null,
    ipv6: null,
    privateNet: [],
    placementGroup: body.placement_group ?? null,
    firewalls,
    protection: { delete: false, rebuild: false },
    diskSize: serverType.disk,
    backups: false,
    pretended: null,
  };
  const planned = body.networks.map((network) =>
    newPrivateNet(context, server, named(project.networks, "networks", network)),
  );
  project.servers.push(server);
  giveAddresses(context, server, body, given);
  const { action, next } = beginCreation(
    context,
    server,
    body,
    sshKeys.map((key) => key.publicKey),
    planned,
  );
  return {
    status: 201,
    body: {
      server: showServer(context, server),
      action: context.shown(action),
      next_actions: next.map((one) => context.shown(one)),
      // With an SSH key there is no password.
      root_password: sshKeys.length > 0 ? null : "not-a-password",
    },
  };
}

function imageFor({ architecture, name }: ServerType, wanted: number | string): Image {
  const fits = images.filter((image) => image.architecture === architecture);
  const byId = images.find((image) => String(image.id) === String(wanted));
  if (byId !== undefined && byId.architecture !== architecture)
    throw invalidField("image", `${byId.name} is for ${byId.architecture}, ${name} is ${architecture}`);
  return named(fits, "image", wanted);
}

/** The primary IPs that the body names. */
function givenAddresses({ project }: Context, { public_net }: ServerBody): PrimaryIp[] {
  return (["ipv4", "ipv6"] as const).flatMap((type) => {
    const wanted = public_net[type];
    if (wanted == null || !public_net[`enable_${type}`]) return [];
    const address = named(project.primary_ips, `public_net.${type}`, wanted);
    if (address.type !== type)
      throw new ApiError("primary_ip_version_mismatch", `primary IP ${address.id} is an ${address.type} address`);
    if (address.assignee !== null)
      throw new ApiError("primary_ip_assigned", `primary IP ${address.id} is assigned to server ${address.assignee}`);
    return [address];
  });
}

/** @throws ApiError resource_unavailable where the type has no room, as for any placement that fails */
function chosenLocation({ name, locations: sold }: ServerType, wanted: string | undefined): string {
  if (wanted !== undefined && !locations.some((location) => location.name === wanted))
    throw invalidField("location", `${wanted} does not exist`);
  const candidates = sold.filter((location) => wanted === undefined || location.name === wanted);
  if (candidates.length === 0) throw invalidField("server_type", `${name} is not offered in ${wanted}`);
  if (candidates.every(({ deprecation }) => deprecation !== null))
    throw invalidField("server_type", `${name} is deprecated and can no longer be ordered`);
  const free = candidates.find(({ available }) => available);
  if (free === undefined) throw new ApiError("resource_unavailable", "error during placement");
  return free.name;
}

export function requireRoomInGroup({ project }: Context, group: number): void {
  named(project.placement_groups, "placement_group", group);
  if (project.servers.filter(({ placementGroup }) => placementGroup === group).length >= mostInGroup)
    throw new ApiError("placement_error", `placement group ${group} has ${mostInGroup} servers already`);
}

/**
 * The server's place in a network: the wished address, or the lowest free one of its last subnet.
 * @throws ApiError as the API refuses an attachment
 */
export function newPrivateNet(
  context: Context,
  server: Server,
  network: Network,
  wished: { ip?: string | null | undefined; ipRange?: string | null | undefined; aliasIps?: readonly string[] } = {},
): PrivateNet {
  const { ip, ipRange, aliasIps = [] } = wished;
  if (server.privateNet.some((net) => net.network === network.id))
    throw new ApiError("server_already_attached", `server ${server.id} is attached to network ${network.id} already`);
  const zone = locationOf(server.location).network_zone;
  const subnets = network.subnets
    .filter(({ type, networkZone }) => type !== "vswitch" && networkZone === zone)
    .filter((subnet) => ipRange == null || subnet.ipRange === ipRange)
    .filter((subnet) => ip == null || contains(parseRange(subnet.ipRange) as Range, ip));
  const subnet = subnets.toSorted((a, b) => (a.ipRange < b.ipRange ? -1 : 1)).at(-1);
  if (subnet === undefined)
    throw new ApiError("no_subnet_available", `network ${network.id} has no subnet for the server in ${zone}`);
  const range = parseRange(subnet.ipRange) as Range;
  const others = membersOf(context.project, network.id).flatMap(({ privateNet }) =>
    privateNet.filter((net) => net.network === network.id).flatMap((net) => [net.ip, ...net.aliasIps]),
  );
  const taken = new Set([...others, subnet.gateway, ...reservedOf(range)]);
  const given = ip ?? lowestFree(range, taken);
  if (given === undefined) throw new ApiError("no_subnet_available", `subnet ${subnet.ipRange} is full`);
  const unavailable = [given, ...aliasIps].find((address) => taken.has(address) || !contains(range, address));
  if (unavailable !== undefined) throw new ApiError("ip_not_available", `IP ${unavailable} is not available`);
  return { network: network.id, ip: given, aliasIps: [...aliasIps], mac: macOf(context.newId()) };
}

/** A subnet's first and last address. */
const reservedOf = (range: Range): string[] => [nth(range, 0), nth(range, sizeOf(range) - 1)];

/** At once: another server could not be given them even before this one's creation has ended. */
function giveAddresses(
  context: Context,
  server: Server,
  { public_net, name }: ServerBody,
  given: readonly PrimaryIp[],
): void {
  for (const type of ["ipv4", "ipv6"] as const) {
    if (!public_net[`enable_${type}`]) continue;
    const address =
      given.find((one) => one.type === type) ??
      newPrimaryIp(context, {
        name: `primary_ip-${name}-${type}-${server.id}`,
        type,
        location: server.location,
        autoDelete: true,
        labels: {},
      });
    address.assignee = server.id;
    server[type] = address.id;
  }
}

function beginCreation(
  context: Context,
  server: Server,
  body: ServerBody,
  publicKeys: readonly string[],
  planned: readonly PrivateNet[],
): { action: Action; next: Action[] } {
  const resources = [{ id: server.id, type: "server" }];
  const of = { serverId: server.id, name: server.name };
  const status = (to: Server["status"]) =>
    [{ kind: "change", of: "servers", id: server.id, to: { status: to } }] as const;
  const publicIpv4 = context.project.primary_ips.find((address) => address.id === server.ipv4)?.ip ?? null;
  const spec = { ...of, labels: server.labels, userData: server.userData, publicKeys, publicIpv4 };
  const action = context.begin({
    command: "create_server",
    resources,
    onEnd: status("off"),
    order: { ...of, kind: "create", spec },
  });
  const next: Action[] = [];
  // The machine boots first and is attached to its networks after.
  if (body.start_after_create)
    next.push(
      context.begin({
        command: "start_server",
        resources,
        onBegin: status("starting"),
        onEnd: status("running"),
        order: { ...of, kind: "start" },
        after: action,
      }),
    );
  for (const net of planned)
    next.push(
      attach(
        context,
        server,
        net,
        [...server.privateNet, ...planned.slice(0, planned.indexOf(net) + 1)],
        next.at(-1) ?? action,
      ),
    );
  return { action, next };
}

/** The action that puts a server into a network. */
export function attach(
  context: Context,
  server: Server,
  net: PrivateNet,
  all: readonly PrivateNet[],
  after?: Action,
): Action {
  const network = context.project.networks.find(({ id }) => id === net.network) as Network;
  const subnet = network.subnets.find(({ ipRange }) => contains(parseRange(ipRange) as Range, net.ip));
  return context.begin({
    command: "attach_to_network",
    resources: [
      { id: server.id, type: "server" },
      { id: network.id, type: "network" },
    ],
    onEnd: [{ kind: "change", of: "servers", id: server.id, to: { privateNet: all } }],
    order: {
      kind: "attach",
      serverId: server.id,
      name: server.name,
      ip: net.ip,
      prefix: parseRange(subnet?.ipRange ?? "")?.prefix ?? 32,
      mac: net.mac,
    },
    ...(after === undefined ? {} : { after }),
  });
}
