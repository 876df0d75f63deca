/**
 * The power device `hcloud`: a server at Hetzner Cloud, by the cloud's API.
 *
 * The server is found by its name, and is the host's only if it has one of the host's addresses (and the id, where one is
 * set): a token of another project, a name that was given anew, or a mistaken setting must power nobody off. That is
 * looked at with each reading. A server that turns out to be another one is looked for by its name again the next time:
 * somebody may have mended it.
 * Awkward case: an action that never ends, or ends badly. The server's status is what counts; how the action stands is
 * asked only to say why it is not off, and the more seldom the longer it takes: with the readings that would use up the
 * rate limit within an hour or two, for everybody who uses the project.
 */
import { isWithin } from "../../contract/address.ts";
import type { PowerDeviceConfig } from "../../contract/fencing.ts";
import type { HcloudClient } from "../../hcloud/client.ts";
import { isNotFound } from "../../hcloud/errors.ts";
import type { Action, Server } from "../../hcloud/schemas.ts";
import { type DeviceReading, type PowerBounds, type PowerDevice, WrongMachine } from "./device.ts";

type Config = Extract<PowerDeviceConfig, { device: "hcloud" }>;
export type PowerApi = Pick<HcloudClient, "list" | "get" | "power">;

export class HcloudDevice implements PowerDevice {
  readonly kind = "hcloud";
  /** What the API's rate limit regains. */
  readonly pollMs = 1000;
  readonly #config: Config;
  readonly #api: PowerApi;
  #id: number | null = null;
  #action: Action | null = null;
  /** Readings since the action was begun. */
  #readings = 0;

  constructor(config: Config, api: PowerApi) {
    this.#config = config;
    this.#api = api;
  }

  async read(bounds: PowerBounds): Promise<DeviceReading> {
    const server = await this.#server(bounds);
    const { name, id, status } = server;
    const because = `server ${id} (${name}, ${addressIn(server, this.#config.addresses)})`;
    if (status === "off") return { state: "off", because };
    return { state: "on", because: `${because}, status ${status}${await this.#trouble(bounds)}` };
  }

  async cut(bounds: PowerBounds): Promise<void> {
    await this.#order("poweroff", bounds);
  }

  async give(bounds: PowerBounds): Promise<void> {
    await this.#order("poweron", bounds);
  }

  async #order(command: "poweroff" | "poweron", bounds: PowerBounds): Promise<void> {
    // Looked at right before: what is known of an id from an earlier reading may be another's by now.
    const { id } = await this.#server(bounds);
    // 423, another action runs: the client asks again each second, within the bound.
    this.#action = await this.#api.power(command, id, { ...bounds, retryLocked: true });
    this.#readings = 0;
  }

  async #server(bounds: PowerBounds): Promise<Server> {
    const { server: name, serverId } = this.#config;
    const id = this.#id;
    // Known again only where all is right.
    this.#id = null;
    const server = id === null ? await this.#byName(bounds) : await this.#byId(id, bounds);
    if (server.name !== name) throw new WrongMachine(`server ${server.id} is called ${server.name}, not ${name}`);
    if (serverId !== undefined && server.id !== serverId)
      throw new WrongMachine(`the server ${name} has the id ${server.id}, not ${serverId}`);
    if (addressIn(server, this.#config.addresses) === null) {
      const has = addressesOf(server).join(", ") || "none";
      throw new WrongMachine(
        `the server ${name} has none of the host's addresses (${this.#config.addresses.join(", ")}); it has ${has}`,
      );
    }
    this.#id = server.id;
    return server;
  }

  async #byName(bounds: PowerBounds): Promise<Server> {
    const { server: name } = this.#config;
    const found = await this.#api.list("servers", { name }, bounds);
    const [server] = found;
    // A project that has none, as one of somebody else's token has not, proves nothing about the host.
    if (server === undefined) throw new Error(`the token's project has no server called ${name}`);
    return server;
  }

  async #byId(id: number, bounds: PowerBounds): Promise<Server> {
    try {
      return await this.#api.get("servers", id, bounds);
    } catch (error) {
      // Unless it is gone: it may have been made anew under its name.
      if (!isNotFound(error)) this.#id = id;
      throw error;
    }
  }

  /** Why the last order has had no effect yet, for the end of a sentence; empty: not known. */
  async #trouble(bounds: PowerBounds): Promise<string> {
    if (this.#action === null || this.#action.status === "success") return "";
    this.#readings += 1;
    try {
      if (Number.isInteger(Math.log2(this.#readings)))
        this.#action = await this.#api.get("actions", this.#action.id, bounds);
    } catch {
      return "";
    }
    const { id, command, status, error } = this.#action;
    if (status === "error")
      return `; action ${id} (${command}) failed: ${error?.message ?? "no reason given"} (${error?.code ?? "?"})`;
    return status === "success" ? "" : `; action ${id} (${command}) has not ended`;
  }
}

function addressesOf({ public_net: net, private_net }: Server): string[] {
  return [
    ...(net.ipv4 === null ? [] : [net.ipv4.ip]),
    ...(net.ipv6 === null ? [] : [net.ipv6.ip]),
    ...private_net.map(({ ip }) => ip),
  ];
}

/** Which of the host's addresses the server has; null: none. Its IPv6 is a block. */
function addressIn(server: Server, addresses: readonly string[]): string | null {
  const blocks = addressesOf(server).map((text) =>
    text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`,
  );
  return addresses.find((address) => isWithin(blocks, address)) ?? null;
}
