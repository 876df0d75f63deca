/** Firewalls. The lab's cloud keeps and shows their rules; it does not filter by them. */
import * as z from "zod";
import { ApiError, invalidField } from "./api-error.ts";
import { actionRoutes } from "./catalogue-routes.ts";
import type { Context, Route } from "./context.ts";
import { applyRename, find, id, labels, name, parse, rename, requireFreeName } from "./input.ts";
import { parseSelector } from "./labels.ts";
import { showFirewall } from "./shown.ts";
import type { Action, Firewall, Server } from "./state.ts";

const cidr = z.union([z.cidrv4("is no CIDR"), z.cidrv6("is no CIDR")]);

const ruleBody = z
  .object({
    direction: z.enum(["in", "out"]),
    protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
    port: z
      .string()
      .regex(/^\d{1,5}(-\d{1,5})?$|^any$/, "is no port")
      .nullish(),
    source_ips: z.array(cidr).max(100).default([]),
    destination_ips: z.array(cidr).max(100).default([]),
    description: z.string().max(255).nullish(),
  })
  .refine(({ protocol, port }) => ["tcp", "udp"].includes(protocol) === (port != null), "port goes with tcp and udp")
  .refine(
    ({ direction, source_ips, destination_ips }) => (direction === "in" ? source_ips : destination_ips).length > 0,
    {
      message: "the other side's addresses are missing",
    },
  )
  .transform((rule) => ({ ...rule, port: rule.port ?? null, description: rule.description ?? null }));

const rules = z.array(ruleBody).max(500);

const target = z.union([
  z.object({ type: z.literal("server"), server: z.object({ id }) }),
  z.object({ type: z.literal("label_selector"), label_selector: z.object({ selector: z.string() }) }),
]);
type Target = z.infer<typeof target>;

const firewallBody = z.object({
  name,
  labels: labels.default({}),
  rules: rules.default([]),
  apply_to: z.array(target).default([]),
});

const firewallOf = ({ project, at }: Context): Firewall => find(project.firewalls, "firewall", at.id ?? "");

function serverOf({ project }: Context, serverId: number): Server {
  const server = project.servers.find((candidate) => candidate.id === serverId);
  if (server === undefined) throw new ApiError("firewall_resource_not_found", `server ${serverId} not found`);
  return server;
}

function apply(context: Context, firewall: Firewall, targets: readonly Target[]): Action[] {
  const resource = { id: firewall.id, type: "firewall" };
  // All are looked at before one is changed.
  for (const one of targets) {
    if (one.type === "label_selector") parseSelector(one.label_selector.selector);
    else if (serverOf(context, one.server.id).firewalls.includes(firewall.id))
      throw new ApiError(
        "firewall_already_applied",
        `firewall ${firewall.id} is applied to server ${one.server.id} already`,
      );
    else if (serverOf(context, one.server.id).ipv4 === null && serverOf(context, one.server.id).ipv6 === null)
      throw new ApiError("private_net_only_server", `server ${one.server.id} has no public interface`);
  }
  return targets.map((one) => {
    if (one.type === "label_selector") {
      firewall.selectors.push(one.label_selector.selector);
      return context.begin({ command: "apply_firewall", resources: [resource], locks: false });
    }
    const server = serverOf(context, one.server.id);
    const to = { firewalls: [...server.firewalls, firewall.id] };
    return context.begin({
      command: "apply_firewall",
      resources: [{ id: server.id, type: "server" }, resource],
      onEnd: [{ kind: "change", of: "servers", id: server.id, to }],
      locks: false,
    });
  });
}

function remove(context: Context, firewall: Firewall, targets: readonly Target[]): Action[] {
  const resource = { id: firewall.id, type: "firewall" };
  return targets.map((one) => {
    if (one.type === "label_selector") {
      const { selector } = one.label_selector;
      firewall.selectors = firewall.selectors.filter((other) => other !== selector);
      return context.begin({ command: "remove_firewall", resources: [resource], locks: false });
    }
    const server = serverOf(context, one.server.id);
    const to = { firewalls: server.firewalls.filter((other) => other !== firewall.id) };
    return context.begin({
      command: "remove_firewall",
      resources: [{ id: server.id, type: "server" }, resource],
      onEnd: [{ kind: "change", of: "servers", id: server.id, to }],
      locks: false,
    });
  });
}

const all = (context: Context, actions: readonly Action[]) => ({
  status: 201,
  body: { actions: actions.map((action) => context.shown(action)) },
});

export const firewallRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/firewalls",
    handle: (context) =>
      context.page("firewalls", context.project.firewalls, (firewall) => showFirewall(context, firewall)),
  },
  {
    method: "POST",
    path: "/firewalls",
    handle: (context) => {
      const body = parse(firewallBody, context.body);
      requireFreeName(context.project.firewalls, body.name);
      const firewall: Firewall = {
        id: context.newId(),
        name: body.name,
        labels: body.labels,
        createdMs: context.nowMs,
        rules: body.rules,
        selectors: [],
      };
      const actions = apply(context, firewall, body.apply_to);
      context.project.firewalls.push(firewall);
      return {
        status: 201,
        body: {
          firewall: showFirewall(context, firewall),
          actions: actions.map((action) => context.shown(action)),
        },
      };
    },
  },
  ...actionRoutes("firewalls", "firewall"),
  {
    method: "GET",
    path: "/firewalls/:id",
    handle: (context) => ({ body: { firewall: showFirewall(context, firewallOf(context)) } }),
  },
  {
    method: "PUT",
    path: "/firewalls/:id",
    handle: (context) => {
      const firewall = firewallOf(context);
      applyRename(context.project.firewalls, firewall, parse(rename, context.body));
      return { body: { firewall: showFirewall(context, firewall) } };
    },
  },
  {
    method: "DELETE",
    path: "/firewalls/:id",
    handle: (context) => {
      const firewall = firewallOf(context);
      const isUsed =
        firewall.selectors.length > 0 ||
        context.project.servers.some(({ firewalls }) => firewalls.includes(firewall.id));
      if (isUsed) throw new ApiError("resource_in_use", `firewall ${firewall.id} is in use`);
      context.project.firewalls = context.project.firewalls.filter((other) => other !== firewall);
      return { status: 204 };
    },
  },
  {
    method: "POST",
    path: "/firewalls/:id/actions/set_rules",
    handle: (context) => {
      const firewall = firewallOf(context);
      const body = parse(z.object({ rules }), context.body);
      const actions = [
        context.begin({
          command: "set_firewall_rules",
          resources: [{ id: firewall.id, type: "firewall" }],
          onEnd: [{ kind: "change", of: "firewalls", id: firewall.id, to: { rules: body.rules } }],
          locks: false,
        }),
      ];
      return all(context, actions);
    },
  },
  {
    method: "POST",
    path: "/firewalls/:id/actions/apply_to_resources",
    handle: (context) => {
      const { apply_to } = parse(z.object({ apply_to: z.array(target).min(1) }), context.body);
      return all(context, apply(context, firewallOf(context), apply_to));
    },
  },
  {
    method: "POST",
    path: "/firewalls/:id/actions/remove_from_resources",
    handle: (context) => {
      const { remove_from } = parse(z.object({ remove_from: z.array(target).min(1) }), context.body);
      return all(context, remove(context, firewallOf(context), remove_from));
    },
  },
];

/** Ids that a new server names. @throws ApiError invalid_input */
export function firewallIds({ project }: Context, wished: readonly { firewall: number }[]): number[] {
  return wished.map(({ firewall }) => {
    if (!project.firewalls.some((candidate) => candidate.id === firewall))
      throw invalidField("firewalls", `firewall ${firewall} does not exist`);
    return firewall;
  });
}
