/**
 * What a server really is: the one thing about which the cloud's state machine only gives orders. In memory (memory-machines.ts)
 * it is a word; in the lab (lab-machines.ts) it is a Linux host.
 */

/** What is made: everything a machine is from its first boot on. */
export interface MachineSpec {
  readonly name: string;
  readonly serverId: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly userData: string;
  /** Lines for root's authorized_keys. */
  readonly publicKeys: readonly string[];
  /** null: no public net. */
  readonly publicIpv4: string | null;
}

export type Order = { readonly serverId: number; readonly name: string } & (
  | { readonly kind: "create"; readonly spec: MachineSpec }
  | { readonly kind: "start" }
  /** The power is cut. */
  | { readonly kind: "stop" }
  /** The button is pressed; what the machine makes of it is its own affair. */
  | { readonly kind: "shutdown" }
  | { readonly kind: "reboot" }
  | { readonly kind: "reset" }
  | { readonly kind: "attach"; readonly ip: string; readonly prefix: number; readonly mac: string }
  | { readonly kind: "detach"; readonly ip: string }
  | { readonly kind: "address"; readonly publicIpv4: string | null }
  | { readonly kind: "remove" }
);

export interface Machines {
  /**
   * Carries one order out. Each may come twice, for a cloud that was ended in the middle gives its orders again.
   * @throws Error the action fails with its message
   */
  carryOut(order: Order): Promise<void> | void;
  /** undefined: there is no such machine. */
  isOn(serverId: number): boolean | undefined;
  /** Addresses of the pool that others have. */
  taken(): readonly string[];
}
