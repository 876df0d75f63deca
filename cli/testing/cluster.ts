/** A cluster for tests: its stack's outputs and its agents' statuses, with whatever a test wants to be different. */

import type { HostRole } from "../../contract/topology.ts";
import type { AgentStatus } from "../../contract/wire/agent-status.ts";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import type { StackHost } from "../ports.ts";

export function testHost(name: string, roles: HostRole[] = ["neard", "consul"]): StackHost {
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDoPl0m5y6oHoIHkEvAO7SOMhDdbJbcA+6SPMnSPkf3r";
  return { name, address: `${name}.example`, roles, zone: null, ssh: { user: "root", port: 22, hostKey } };
}

/** host-a and host-b validate, host-c is an arbiter. */
export function testOutputs(
  hosts = [testHost("host-a"), testHost("host-b"), testHost("host-c", ["consul"])],
): StackOutputs {
  return {
    network: "localnet",
    account: "validator.test",
    publicKey: "ed25519:6E8sCci9badyRkXb3JoRpBj5p8C6Tw41ELDZoiihKEtp",
    hosts,
    addresses: Object.fromEntries(hosts.map((host) => [host.name, host.address])),
    agentSocket: "/run/holdfast/holdfastd.sock",
    statusCommand: "holdfast status",
    sshAccess: { privateKey: "not a key" },
    consulAccess: { managementToken: "management-token" },
  };
}

type Overrides = Partial<AgentStatus>;

/** Sealed, and the one that the chain has. */
export const sealedKey: AgentStatus["key"] = {
  available: true,
  loaded: false,
  onChain: { nearEpoch: 7, now: "ed25519:ours", next: "ed25519:ours" },
  fault: null,
  nextFault: null,
  placeFault: null,
};

const counted = { produced: 20, expected: 20 };

/** The chain takes what it signs. */
export const wellHeard: NonNullable<AgentStatus["heard"]> = {
  state: "heard",
  because: "heard, the first 1.2 s after neard got the key",
  notHeardMs: 0,
  firstMs: 1200,
  firstBlockMs: null,
  duties: { blocks: counted, chunks: counted, endorsements: counted },
};

/** A standby that is well and ready. */
export function standbyStatus(host: string, overrides: Overrides = {}): AgentStatus {
  return {
    version: "0.1.0",
    network: "localnet",
    account: "validator.test",
    host,
    roles: ["neard", "consul"],
    role: "standby",
    because: "host-a renews its lease",
    ready: true,
    notReadyBecause: null,
    epoch: 4,
    holder: "host-a",
    active: "host-a",
    since: "2026-01-31T09:00:00.000Z",
    lease: null,
    paused: false,
    switchover: null,
    standDown: null,
    lock: { seal: "right", tampering: null, doubted: false, acksInMs: 0, doubtFault: null },
    fencing: null,
    guard: null,
    heard: null,
    fence: { armed: false, open: true },
    key: sealedKey,
    neard: {
      running: true,
      synced: true,
      height: 1234,
      version: "2.6.3",
      protocolVersion: 80,
      validatorKey: null,
      restarts: 0,
    },
    consul: { reachable: true, leader: "host-c", isLeader: false, voter: true, healthy: true },
    uptimeMs: 60_000,
    ...overrides,
  };
}

export function activeStatus(host: string, overrides: Overrides = {}): AgentStatus {
  return standbyStatus(host, {
    role: "active",
    because: "renewed 0.2 s ago",
    ready: false,
    holder: host,
    lease: { remainingMs: 5400 },
    heard: wellHeard,
    fence: { armed: true, open: true },
    key: { ...sealedKey, loaded: true },
    ...overrides,
  });
}

export function arbiterStatus(host: string, overrides: Overrides = {}): AgentStatus {
  return standbyStatus(host, {
    roles: ["consul"],
    role: "arbiter",
    because: "this host only votes",
    ready: false,
    fence: { armed: false, open: true },
    key: { ...sealedKey, available: false, onChain: null },
    neard: null,
    consul: { reachable: true, leader: "host-c", isLeader: true, voter: true, healthy: true },
    ...overrides,
  });
}
