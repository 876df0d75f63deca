/**
 * The lab's hosts as the cloud's machines: an order is carried out on a real one.
 *
 * A host's place in the private network is a second cable, plugged in while the host runs (`keep`), and again whenever it has
 * started anew, whoever started it. Its address comes by DHCP, so it is there some time after the cable.
 */
import { existsSync, readFileSync } from "node:fs";
import { type Lab, type LabHost, loadLab } from "../hosts/description.ts";
import { addCloudHost, changeCloudHost, removeHost } from "../hosts/lab.ts";
import { run } from "../hosts/machine.ts";
import { initPid, isOn, powerOff, powerOn, pressPower, privateCableName, reboot } from "../hosts/power.ts";
import { moveHost, unknownHostKey } from "../hosts/seed.ts";
import type { Lease } from "./dhcp.ts";
import type { Machines, Order } from "./machines.ts";

/** As it is called on the servers of most types. */
const privateInterface = "enp7s0";

export class LabMachines implements Machines {
  readonly #labName: string;
  #lab: Lab;
  /** Which run of a host is plugged in, by the process id of its first process. */
  readonly #plugged = new Map<number, number>();

  constructor(labName: string) {
    this.#labName = labName;
    this.#lab = loadLab(labName);
  }

  isOn(serverId: number): boolean | undefined {
    const host = this.#find(serverId);
    return host === undefined ? undefined : isOn(this.#lab, host.name);
  }

  taken(): readonly string[] {
    return [this.#lab.gateway, ...this.#lab.hosts.map(({ address }) => address)];
  }

  leaseOf(card: string): Lease | undefined {
    const place = this.#lab.hosts.find(({ privateNet }) => privateNet?.mac === card)?.privateNet;
    return place === undefined ? undefined : { ip: place.address, prefix: place.prefix };
  }

  async carryOut(order: Order): Promise<void> {
    const { serverId } = order;
    if (order.kind === "create") await this.#create(order);
    const host = this.#find(serverId);
    // Told twice to remove it, it is gone the second time.
    if (host === undefined && order.kind === "remove") return;
    if (host === undefined) throw new Error(`the lab has no host for the server ${order.name}`);
    switch (order.kind) {
      case "create":
        return;
      case "start":
        return await powerOn(this.#lab, host.name);
      case "stop":
        return await powerOff(this.#lab, host.name);
      case "shutdown":
        if (isOn(this.#lab, host.name)) pressPower(this.#lab, host.name);
        return;
      case "reboot":
        return reboot(this.#lab, host.name);
      case "reset":
        await powerOff(this.#lab, host.name);
        return await powerOn(this.#lab, host.name);
      case "attach": {
        const { ip: address, prefix, mac } = order;
        return await this.#change(serverId, (known) => ({ ...known, privateNet: { address, prefix, mac } }));
      }
      case "detach":
        await this.#unplug(host);
        return await this.#change(serverId, ({ privateNet: _, ...known }) => known);
      case "address":
        return await this.#move(host, order.publicIpv4);
      case "remove":
        await removeHost(this.#labName, host.name);
        this.#plugged.delete(serverId);
        this.#lab = loadLab(this.#labName);
        return;
    }
  }

  /** Plugs in what is to be plugged in, and learns host keys that cloud-init has made. */
  async keep(): Promise<void> {
    this.#lab = loadLab(this.#labName);
    for (const host of this.#lab.hosts) {
      const { server } = host;
      if (server === undefined) continue;
      const init = initPid(this.#lab, host.name);
      if (init === null) continue;
      await this.#plug(host, server.id, init);
      await this.#learnKey(host, server.id, init);
    }
  }

  async #create(order: Extract<Order, { kind: "create" }>): Promise<void> {
    const { spec } = order;
    if (spec.publicIpv4 === null)
      throw new Error("the lab's machines are reached at their public IPv4 address: it must have one");
    const isTaken = (name: string) =>
      this.#lab.hosts.some((host) => host.name === name && host.server?.id !== spec.serverId);
    // A name that people type; the server's own is longer.
    const wished = spec.labels["holdfast-host"] ?? spec.name;
    await addCloudHost(this.#labName, {
      name: isTaken(wished) ? spec.name : wished,
      address: spec.publicIpv4,
      server: { id: spec.serverId, name: spec.name },
      userData: spec.userData,
      publicKeys: spec.publicKeys,
    });
    this.#lab = loadLab(this.#labName);
  }

  async #move(host: LabHost, address: string | null): Promise<void> {
    // Without an address it keeps the old one until it has another: it is off meanwhile.
    if (address === null) return;
    moveHost(this.#lab, host, address);
    await this.#change(host.server?.id ?? 0, (known) => ({ ...known, address }));
  }

  async #plug(host: LabHost, serverId: number, init: number): Promise<void> {
    if (host.privateNet === undefined || this.#plugged.get(serverId) === init) return;
    const cable = privateCableName(this.#lab, host.name);
    // One of another run of this process may be there already.
    if (!existsSync(`/sys/class/net/${cable}`)) {
      const card = ["name", privateInterface, "address", host.privateNet.mac, "netns", String(init)];
      await run("ip", ["link", "add", cable, "type", "veth", "peer", ...card]);
      await run("ip", ["link", "set", cable, "master", this.#lab.bridge, "up"]);
    }
    this.#plugged.set(serverId, init);
  }

  async #unplug(host: LabHost): Promise<void> {
    const cable = privateCableName(this.#lab, host.name);
    if (existsSync(`/sys/class/net/${cable}`)) await run("ip", ["link", "delete", cable]);
    this.#plugged.delete(host.server?.id ?? 0);
  }

  async #learnKey(host: LabHost, serverId: number, init: number): Promise<void> {
    const file = `/proc/${init}/root/etc/ssh/ssh_host_ed25519_key.pub`;
    if (host.hostKey !== unknownHostKey || !existsSync(file)) return;
    const [type, base64] = readFileSync(file, "utf8").trim().split(" ");
    if (type !== "ssh-ed25519" || base64 === undefined) return;
    await this.#change(serverId, (known) => ({ ...known, hostKey: `${type} ${base64}` }));
  }

  async #change(serverId: number, change: (host: LabHost) => LabHost): Promise<void> {
    await changeCloudHost(this.#labName, serverId, change);
    this.#lab = loadLab(this.#labName);
  }

  #find(serverId: number): LabHost | undefined {
    return this.#lab.hosts.find(({ server }) => server?.id === serverId);
  }
}
