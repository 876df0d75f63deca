/** Networks and their subnets. */
import * as z from "zod";
import { requireUnlocked } from "./actions.ts";
import { contains, isPrivate, nth, overlap, parseRange, type Range } from "./addresses.ts";
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
  parse,
  protection,
  rename,
  requireFreeName,
  requireUnprotected,
} from "./input.ts";
import { membersOf, showNetwork } from "./shown.ts";
import type { Network, Subnet } from "./state.ts";

const subnetBody = z.object({
  type: z.enum(["cloud", "server", "vswitch"]),
  ip_range: z.string().optional(),
  network_zone: z.string(),
  vswitch_id: id.nullish(),
});

const routeBody = z.object({ destination: z.string(), gateway: z.string() });

const networkBody = z.object({
  name,
  ip_range: z.string(),
  subnets: z.array(subnetBody).default([]),
  routes: z.array(routeBody).default([]),
  labels: labels.default({}),
  expose_routes_to_vswitch: z.boolean().default(false),
});

/** The smallest network, of four addresses. */
const longestPrefix = 30;
const subnetPrefix = 24;

function networkRange(text: string): Range {
  const range = parseRange(text);
  if (range === undefined || range.prefix > longestPrefix) throw invalidField("ip_range", "is no IPv4 network");
  if (!isPrivate(range)) throw invalidField("ip_range", "is not private (RFC 1918)");
  return range;
}

/** A subnet as it will be. @throws ApiError invalid_input */
function newSubnet(network: Pick<Network, "ipRange" | "subnets">, wished: z.infer<typeof subnetBody>): Subnet {
  const whole = parseRange(network.ipRange) as Range;
  const others = network.subnets.map(({ ipRange }) => parseRange(ipRange) as Range);
  const text = wished.ip_range ?? firstFreeSubnet(whole, others);
  const range = parseRange(text);
  if (range === undefined || range.prefix > longestPrefix) throw invalidField("ip_range", "is no IPv4 network");
  if (!contains(whole, range)) throw invalidField("ip_range", `is not within the network's ${network.ipRange}`);
  if (others.some((other) => overlap(range, other))) throw invalidField("ip_range", "overlaps with another subnet");
  if (!locations.some(({ network_zone }) => network_zone === wished.network_zone))
    throw invalidField("network_zone", `${wished.network_zone} does not exist`);
  if ((wished.type === "vswitch") !== (wished.vswitch_id != null))
    throw invalidField("vswitch_id", "goes with the type vswitch");
  return {
    type: wished.type,
    ipRange: text,
    networkZone: wished.network_zone,
    gateway: nth(whole, 1),
    vswitchId: wished.vswitch_id ?? null,
  };
}

function firstFreeSubnet(whole: Range, others: readonly Range[]): string {
  const prefix = Math.max(whole.prefix, subnetPrefix);
  for (let first = whole.first; contains(whole, { first, prefix }); first += 2 ** (32 - prefix))
    if (!others.some((other) => overlap({ first, prefix }, other))) return `${nth({ first, prefix }, 0)}/${prefix}`;
  throw new ApiError("no_subnet_available", "the network is full");
}

const networkOf = ({ project, at }: Context): Network => find(project.networks, "network", at.id ?? "");

/** A change of a network by an action, as one row of its own table. */
function change(command: string, of: (context: Context, network: Network) => object): Route {
  return {
    method: "POST",
    path: `/networks/:id/actions/${command}`,
    handle: (context) => {
      const network = networkOf(context);
      requireUnlocked(context.state, "network", network.id);
      const to = of(context, network);
      return context.began({
        command,
        resources: [{ id: network.id, type: "network" }],
        onEnd: [{ kind: "change", of: "networks", id: network.id, to }],
      });
    },
  };
}

const destinationOnly = z.object({ destination: z.string(), gateway: z.string() });

export const networkRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/networks",
    handle: (context) => context.page("networks", context.project.networks, (network) => showNetwork(context, network)),
  },
  {
    method: "POST",
    path: "/networks",
    handle: (context) => {
      const body = parse(networkBody, context.body);
      networkRange(body.ip_range);
      requireFreeName(context.project.networks, body.name);
      const network: Network = {
        id: context.newId(),
        name: body.name,
        labels: body.labels,
        createdMs: context.nowMs,
        ipRange: body.ip_range,
        subnets: [],
        routes: body.routes,
        protection: { delete: false },
        exposeRoutes: body.expose_routes_to_vswitch,
      };
      for (const subnet of body.subnets) network.subnets.push(newSubnet(network, subnet));
      context.project.networks.push(network);
      return { status: 201, body: { network: showNetwork(context, network) } };
    },
  },
  ...actionRoutes("networks", "network"),
  {
    method: "GET",
    path: "/networks/:id",
    handle: (context) => ({ body: { network: showNetwork(context, networkOf(context)) } }),
  },
  {
    method: "PUT",
    path: "/networks/:id",
    handle: (context) => {
      const network = networkOf(context);
      const body = parse(rename.extend({ expose_routes_to_vswitch: z.boolean().optional() }), context.body);
      applyRename(context.project.networks, network, body);
      network.exposeRoutes = body.expose_routes_to_vswitch ?? network.exposeRoutes;
      return { body: { network: showNetwork(context, network) } };
    },
  },
  {
    method: "DELETE",
    path: "/networks/:id",
    handle: (context) => {
      const { project } = context;
      const network = networkOf(context);
      requireUnprotected("network", network);
      requireUnlocked(context.state, "network", network.id);
      // Servers that are in it are taken out in the background.
      for (const server of membersOf(project, network.id)) {
        const ip = server.privateNet.find((net) => net.network === network.id)?.ip ?? "";
        server.privateNet = server.privateNet.filter((net) => net.network !== network.id);
        context.begin({
          command: "detach_from_network",
          resources: [{ id: server.id, type: "server" }],
          order: { kind: "detach", serverId: server.id, name: server.name, ip },
        });
      }
      project.networks = project.networks.filter((other) => other !== network);
      return { status: 204 };
    },
  },
  change("change_protection", ({ body }) => ({ protection: parse(protection, body) })),
  change("add_subnet", ({ body }, network) => ({
    subnets: [...network.subnets, newSubnet(network, parse(subnetBody, body))],
  })),
  change("delete_subnet", ({ body, project }, network) => {
    const { ip_range } = parse(z.object({ ip_range: z.string() }), body);
    const subnet = network.subnets.find(({ ipRange }) => ipRange === ip_range);
    if (subnet === undefined) throw new ApiError("not_found", `subnet ${ip_range} not found`);
    const range = parseRange(ip_range) as Range;
    const inside = membersOf(project, network.id).some(({ privateNet }) =>
      privateNet.some((net) => net.network === network.id && contains(range, net.ip)),
    );
    if (inside) throw new ApiError("service_error", "cannot remove subnet because servers are attached to it");
    return { subnets: network.subnets.filter((other) => other !== subnet) };
  }),
  change("change_ip_range", ({ body }, network) => {
    const { ip_range } = parse(z.object({ ip_range: z.string() }), body);
    const range = networkRange(ip_range);
    if (!network.subnets.every(({ ipRange }) => contains(range, parseRange(ipRange) as Range)))
      throw invalidField("ip_range", "does not hold the network's subnets");
    return { ipRange: ip_range };
  }),
  change("add_route", ({ body }, network) => ({ routes: [...network.routes, parse(routeBody, body)] })),
  change("delete_route", ({ body }, network) => {
    const { destination } = parse(destinationOnly, body);
    return { routes: network.routes.filter((route) => route.destination !== destination) };
  }),
];
