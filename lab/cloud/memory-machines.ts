/** Machines that are only a word: on or off. For tests of everything that talks to the API and to no host. */
import type { MachineSpec, Machines, Order } from "./machines.ts";

export interface MemoryMachine {
  readonly spec: MachineSpec;
  on: boolean;
  /** Private addresses. */
  addresses: string[];
  /** How often it was switched on. */
  boots: number;
}

export class MemoryMachines implements Machines {
  readonly byId = new Map<number, MemoryMachine>();
  /** Every order, as it came. */
  readonly orders: Order[] = [];

  carryOut(order: Order): void {
    this.orders.push(order);
    if (order.kind === "create") {
      const before = this.byId.get(order.serverId);
      this.byId.set(order.serverId, before ?? { spec: order.spec, on: false, addresses: [], boots: 0 });
      return;
    }
    if (order.kind === "remove") {
      this.byId.delete(order.serverId);
      return;
    }
    const machine = this.byId.get(order.serverId);
    if (machine === undefined) throw new Error(`there is no machine ${order.name}`);
    change(machine, order);
  }

  isOn(serverId: number): boolean | undefined {
    return this.byId.get(serverId)?.on;
  }

  taken(): readonly string[] {
    return [];
  }
}

function change(machine: MemoryMachine, order: Order): void {
  switch (order.kind) {
    case "start":
      if (!machine.on) machine.boots++;
      machine.on = true;
      return;
    case "reset":
    case "reboot":
      machine.on = true;
      machine.boots++;
      return;
    case "stop":
    case "shutdown":
      machine.on = false;
      return;
    case "attach":
      if (!machine.addresses.includes(order.ip)) machine.addresses.push(order.ip);
      return;
    case "detach":
      machine.addresses = machine.addresses.filter((ip) => ip !== order.ip);
      return;
    case "address":
    case "create":
    case "remove":
      return;
  }
}
