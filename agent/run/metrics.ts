/** `/metrics` for Prometheus: our own names, and kuutamod's, so that its dashboards go on working. */
import { Gauge, Registry } from "prom-client";
import { type AgentStatus, agentRoles } from "../../contract/wire/agent-status.ts";

/** kuutamod's states (kuutamod: docs/metrics) and the roles of ours that they stand for. */
const kuutamodState: Record<AgentStatus["role"], string> = {
  starting: "Startup",
  standby: "Voting",
  taking: "Validating",
  active: "Validating",
  handing: "Validating",
  demoting: "Shutdown",
  arbiter: "Registering",
};
const kuutamodStates = ["Initial", "Startup", "Syncing", "Registering", "Voting", "Validating", "Shutdown"];

export class Metrics {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();

  /** The text of `/metrics` for this status. */
  async render(status: AgentStatus): Promise<string> {
    for (const role of agentRoles)
      this.#set("holdfast_role", "1 for the agent's present role", +(status.role === role), { role });
    this.#set("holdfast_ready", "1 when this standby could take over now", +status.ready);
    this.#set("holdfast_epoch", "Epoch of the lock as last seen", status.epoch ?? 0);
    this.#set(
      "holdfast_lease_remaining_seconds",
      "What is left of this host's own lease",
      (status.lease?.remainingMs ?? 0) / 1000,
    );
    this.#set("holdfast_paused", "1 while automatic take-overs are off", +status.paused);
    this.#set("holdfast_standing_down", "1 while told to keep still", +(status.standDown !== null));
    this.#set(
      "holdfast_first_activation_refused",
      "1 while this deployment does not activate because the account is seen producing elsewhere",
      +(status.guard?.state === "refusing"),
    );
    this.#set(
      "holdfast_lock_sealed",
      "1 while the lock's record is proven to be a neard host's of this cluster",
      +(status.lock?.seal === "right"),
    );
    this.#set(
      "holdfast_lock_tampering",
      "How often somebody was seen to tamper with the lock since the agent's start",
      status.lock?.tampering?.count ?? 0,
    );
    this.#setFencing(status.fencing);
    this.#set("holdfast_fence_armed", "1 while neard's packets leave only with a lease", +status.fence.armed);
    this.#set("holdfast_fence_open", "1 while neard's packets may leave", +status.fence.open);
    this.#set("holdfast_key_available", "1 when the sealed validator key is readable and right", +status.key.available);
    this.#set("holdfast_key_loaded", "1 when neard says that it has our key", +status.key.loaded);
    this.#set(
      "holdfast_key_counts",
      "0 when the chain has a key for the account that this host was not given",
      +(status.key.fault === null),
    );
    this.#set("holdfast_next_key_counts", "The same from the next NEAR epoch on", +(status.key.nextFault === null));
    this.#setHeard(status.heard);
    this.#set("holdfast_neard_running", "1 while a neard process runs", +(status.neard?.running ?? false));
    this.#set("holdfast_neard_synced", "1 while neard is synced", +(status.neard?.synced ?? false));
    this.#set("holdfast_neard_height", "neard's head", status.neard?.height ?? 0);
    this.#set("holdfast_consul_reachable", "1 while this host's Consul answers", +status.consul.reachable);
    this.#set("holdfast_consul_leader", "1 when this host's Consul is the leader", +status.consul.isLeader);
    this.#set("holdfast_consul_voter", "1 when this host's Consul votes", +status.consul.voter);
    this.#set("holdfast_uptime_seconds", "Since the agent's start", status.uptimeMs / 1000);
    const state = status.role === "standby" && status.neard?.synced === false ? "Syncing" : kuutamodState[status.role];
    for (const type of kuutamodStates) this.#set("kuutamod_state", "As kuutamod has it", +(state === type), { type });
    this.#set("kuutamod_uptime", "As kuutamod has it, in milliseconds", status.uptimeMs);
    this.#set("kuutamod_neard_restarts", "As kuutamod has it", status.neard?.restarts ?? 0);
    return await this.#registry.metrics();
  }

  #setFencing(fencing: AgentStatus["fencing"]): void {
    this.#set(
      "holdfast_fencing_unproven",
      "1 while nobody takes over because the old host could not be shown to be off",
      +(fencing?.state === "unproven"),
    );
    for (const { host, device, state } of fencing?.devices ?? [])
      this.#set("holdfast_power_device_ok", "1 when the host's power device could be read last", +(state !== null), {
        host,
        device,
      });
  }

  #setHeard(heard: AgentStatus["heard"]): void {
    this.#set("holdfast_heard", "1 while the chain takes what this host's neard signs", +(heard?.state === "heard"));
    this.#set(
      "holdfast_not_heard_seconds",
      "For how long it has not been taking it; 0 while it does, and on a host that does not validate",
      (heard?.notHeardMs ?? 0) / 1000,
    );
    for (const duty of ["blocks", "chunks", "endorsements"] as const) {
      const { produced, expected } = heard?.duties[duty] ?? { produced: 0, expected: 0 };
      this.#set("holdfast_duties_produced", "Taken by the chain since the take-over", produced, { duty });
      this.#set("holdfast_duties_expected", "Due since the take-over", expected, { duty });
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #set(name: string, help: string, value: number, labels: Record<string, string> = {}): void {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set(labels, value);
  }
}
