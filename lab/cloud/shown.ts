/** The state as the API shows it. Pure. */
import { isLocked, progressOf } from "./actions.ts";
import { type Image, images, type Location, locations, type ServerType } from "./catalogue.ts";
import { parseSelector } from "./labels.ts";
import type {
  Action,
  CloudState,
  Firewall,
  Network,
  PlacementGroup,
  PrimaryIp,
  Project,
  Server,
  SshKey,
} from "./state.ts";

export interface View {
  readonly state: CloudState;
  readonly project: Project;
  readonly nowMs: number;
}

/** As the API writes times: no milliseconds, and no Z. */
export const time = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "+00:00");

export const locationOf = (name: string): Location => locations.find((location) => location.name === name) as Location;

export function showAction(action: Action, nowMs: number): object {
  return {
    id: action.id,
    command: action.command,
    status: action.status,
    progress: progressOf(action, nowMs),
    started: time(action.askedMs),
    finished: action.finishedMs === null ? null : time(action.finishedMs),
    resources: action.resources,
    error: action.status === "error" ? action.failure : null,
  };
}

export function showServerType(type: ServerType): object {
  const deprecation = type.locations.find(({ deprecation }) => deprecation !== null)?.deprecation ?? null;
  return {
    id: type.id,
    name: type.name,
    description: type.name.toUpperCase(),
    category: type.cpuType === "shared" ? "Shared vCPU" : "Dedicated vCPU",
    cores: type.cores,
    memory: type.memory,
    disk: type.disk,
    storage_type: "local",
    cpu_type: type.cpuType,
    architecture: type.architecture,
    included_traffic: 0,
    // The lab has no price list: a made-up price would be believed.
    prices: [],
    deprecated: deprecation !== null,
    deprecation,
    locations: type.locations.map(({ name, available, deprecation }) => ({
      id: locationOf(name).id,
      name,
      recommended: available,
      available,
      deprecation,
    })),
  };
}

export function showImage(image: Image): object {
  return {
    id: image.id,
    name: image.name,
    description: image.description,
    type: "system",
    status: "available",
    image_size: null,
    disk_size: 5,
    created: "2025-01-01T00:00:00+00:00",
    created_from: null,
    bound_to: null,
    os_flavor: image.osFlavor,
    os_version: image.osVersion,
    architecture: image.architecture,
    rapid_deploy: true,
    protection: { delete: false },
    deprecated: image.deprecated,
    deleted: null,
    labels: {},
  };
}

export function firewallsOf(project: Project, server: Server): Firewall[] {
  return project.firewalls.filter(
    ({ id, selectors }) =>
      server.firewalls.includes(id) || selectors.some((selector) => parseSelector(selector)(server.labels)),
  );
}

export function showServer(view: View, server: Server): object {
  const { state, project } = view;
  const type = state.serverTypes.find(({ name }) => name === server.serverType) as ServerType;
  const image = images.find(({ id }) => id === server.image);
  const group = project.placement_groups.find(({ id }) => id === server.placementGroup);
  const v4 = project.primary_ips.find(({ id }) => id === server.ipv4);
  const v6 = project.primary_ips.find(({ id }) => id === server.ipv6);
  return {
    id: server.id,
    name: server.name,
    status: server.pretended ?? server.status,
    created: time(server.createdMs),
    public_net: {
      ipv4:
        v4 === undefined
          ? null
          : { id: v4.id, ip: v4.ip, blocked: false, dns_ptr: v4.dnsPtr[0]?.dns_ptr ?? `static.${v4.ip}` },
      ipv6: v6 === undefined ? null : { id: v6.id, ip: v6.ip, blocked: false, dns_ptr: v6.dnsPtr },
      floating_ips: [],
      firewalls: firewallsOf(project, server).map(({ id }) => ({ id, status: "applied" })),
    },
    private_net: server.privateNet.map(({ network, ip, aliasIps, mac }) => ({
      network,
      ip,
      alias_ips: aliasIps,
      mac_address: mac,
    })),
    server_type: showServerType(type),
    location: locationOf(server.location),
    image: image === undefined ? null : showImage(image),
    iso: null,
    rescue_enabled: false,
    locked: isLocked(state, "server", server.id),
    backup_window: server.backups ? "22-02" : null,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: 0,
    protection: server.protection,
    labels: server.labels,
    volumes: [],
    load_balancers: [],
    primary_disk_size: server.diskSize,
    placement_group: group === undefined ? null : showPlacementGroup(view, group),
  };
}

export function showNetwork({ project }: View, network: Network): object {
  return {
    id: network.id,
    name: network.name,
    created: time(network.createdMs),
    ip_range: network.ipRange,
    subnets: network.subnets.map(({ type, ipRange, networkZone, gateway, vswitchId }) => ({
      type,
      ip_range: ipRange,
      network_zone: networkZone,
      gateway,
      vswitch_id: vswitchId,
    })),
    routes: network.routes,
    servers: membersOf(project, network.id).map(({ id }) => id),
    load_balancers: [],
    protection: network.protection,
    labels: network.labels,
    expose_routes_to_vswitch: network.exposeRoutes,
  };
}

export function membersOf(project: Project, networkId: number): Server[] {
  return project.servers.filter(({ privateNet }) => privateNet.some(({ network }) => network === networkId));
}

export function showFirewall({ project }: View, firewall: Firewall): object {
  const server = ({ id }: Server) => ({ type: "server", server: { id } });
  return {
    id: firewall.id,
    name: firewall.name,
    labels: firewall.labels,
    created: time(firewall.createdMs),
    rules: firewall.rules,
    applied_to: [
      ...project.servers.filter(({ firewalls }) => firewalls.includes(firewall.id)).map(server),
      ...firewall.selectors.map((selector) => ({
        type: "label_selector",
        label_selector: { selector },
        applied_to_resources: project.servers.filter(({ labels }) => parseSelector(selector)(labels)).map(server),
      })),
    ],
  };
}

export function showPrimaryIp(_: View, address: PrimaryIp): object {
  return {
    id: address.id,
    name: address.name,
    type: address.type,
    ip: address.ip,
    location: locationOf(address.location),
    labels: address.labels,
    protection: address.protection,
    dns_ptr: address.dnsPtr,
    assignee_id: address.assignee,
    assignee_type: address.assignee === null ? "unassigned" : "server",
    auto_delete: address.autoDelete,
    blocked: false,
    created: time(address.createdMs),
  };
}

export function showSshKey(_: View, key: SshKey): object {
  return {
    id: key.id,
    name: key.name,
    fingerprint: key.fingerprint,
    public_key: key.publicKey,
    labels: key.labels,
    created: time(key.createdMs),
  };
}

export function showPlacementGroup({ project }: Pick<View, "project">, group: PlacementGroup): object {
  return {
    id: group.id,
    name: group.name,
    labels: group.labels,
    type: group.type,
    servers: project.servers.filter(({ placementGroup }) => placementGroup === group.id).map(({ id }) => id),
    created: time(group.createdMs),
  };
}
