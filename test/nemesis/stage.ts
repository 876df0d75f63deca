/** What a scenario may do: break, wait, heal, and act as an operator. Remembers when what was done. */
import { setTimeout as sleep } from "node:timers/promises";
import { paths } from "../../contract/paths.ts";
import { consulKeys } from "../../contract/topology.ts";
import { healAll, injectFault } from "../../lab/faults/engine.ts";
import { hostOf, type Lab } from "../../lab/hosts/description.ts";
import { onHost } from "../../lab/hosts/ssh.ts";
import { holdfast, type Outcome } from "../scenarios/cluster.ts";
import type { Limits } from "./bounds.ts";
import type { Roles } from "./cluster-health.ts";
import { askConsul } from "./consul-admin.ts";
import { lookAtAll } from "./look.ts";

export class Stage {
  readonly lab: Lab;
  readonly limits: Limits;
  readonly active: string;
  readonly standby: string;
  readonly arbiter: string;
  /** Wall clock of this machine when the first fault took effect, and when the last one was healed. */
  brokenMs: number | null = null;
  healedMs: number | null = null;
  readonly #signal: AbortSignal;

  constructor(lab: Lab, limits: Limits, roles: Roles, signal: AbortSignal) {
    this.lab = lab;
    this.limits = limits;
    this.active = roles.active;
    this.standby = roles.standby;
    this.arbiter =
      lab.hosts.map(({ name }) => name).find((name) => name !== roles.active && name !== roles.standby) ?? "";
    this.#signal = signal;
  }

  get hosts(): readonly string[] {
    return this.lab.hosts.map(({ name }) => name);
  }

  async wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#signal });
  }

  /** A fault of the lab (`lab faults`), until healed. */
  async inject(kind: string, host: string, peer?: string): Promise<void> {
    const { wallMs } = await injectFault(this.lab, kind, host, { peer });
    this.broken(wallMs);
  }

  /** For what is broken by other means than the lab's faults. */
  broken(wallMs = Date.now()): void {
    this.brokenMs ??= wallMs;
  }

  /** Ends all faults of the lab and boots what is off. */
  async heal(): Promise<void> {
    await healAll(this.lab);
    this.healed();
  }

  healed(): void {
    this.healedMs = Date.now();
  }

  /** A command as root on a host; its stdout. */
  async on(host: string, command: string, input?: string): Promise<string> {
    return await onHost(this.lab, hostOf(this.lab, host), command, input === undefined ? {} : { input });
  }

  /** The same, and it counts as the fault. */
  async breakBy(host: string, command: string, input?: string): Promise<string> {
    this.broken();
    return await this.on(host, command, input);
  }

  /** `holdfast …` on this cluster's stack. */
  async holdfast(...args: string[]): Promise<Outcome> {
    return await holdfast(...args);
  }

  /** One request to Consul with the management token. @throws Error unless it answers 200 */
  async consul(
    method: "GET" | "PUT" | "POST" | "DELETE",
    path: string,
    options: { body?: string | Buffer; through?: string } = {},
  ): Promise<Buffer> {
    const host = hostOf(this.lab, options.through ?? this.arbiter);
    const { status, body } = await askConsul(this.lab, host, method, path, options.body);
    if (status !== 200) throw new Error(`Consul answered ${method} ${path} with ${status}: ${body.toString("utf8")}`);
    return body;
  }

  async consulJson<T>(path: string, through?: string): Promise<T> {
    return JSON.parse((await this.consul("GET", path, through === undefined ? {} : { through })).toString("utf8")) as T;
  }

  /** Where the lock is in Consul. */
  get lockKey(): string {
    return consulKeys("localnet", this.lab.chain?.account ?? "").lock;
  }

  async lockSession(): Promise<string> {
    const [entry] = await this.consulJson<{ Session?: string }[]>(`/kv/${this.lockKey}`);
    if (entry?.Session === undefined) throw new Error("nobody holds the lock");
    return entry.Session;
  }

  /** Makes the Consul server of `host` Raft's leader, and waits until it is. */
  async leadBy(host: string): Promise<void> {
    type Servers = { Servers: { ID: string; Node: string; Leader: boolean }[] };
    const leader = async () => {
      const { Servers } = await this.consulJson<Servers>("/operator/raft/configuration");
      return { now: Servers.find(({ Leader }) => Leader)?.Node, wanted: Servers.find(({ Node }) => Node === host)?.ID };
    };
    for (let tries = 0; tries < 20; tries++) {
      const { now, wanted } = await leader();
      // Some quiet after a change of leader, so that what follows meets a settled cluster.
      if (now === host) return void (tries > 0 && (await this.wait(3000)));
      await this.consul("POST", `/operator/raft/transfer-leader?id=${wanted}`);
      await this.wait(1000);
    }
    throw new Error(`${host} did not become Consul's leader`);
  }

  /** Waits until `look` is true of some agent's status; false when it never was within `boundMs`. */
  async seen(boundMs: number, look: (statuses: Awaited<ReturnType<typeof lookAtAll>>) => boolean): Promise<boolean> {
    const giveUpAt = performance.now() + boundMs;
    while (performance.now() < giveUpAt) {
      if (look(await lookAtAll(this.lab))) return true;
      await this.wait(100);
    }
    return false;
  }

  /** Where the holder's key file is; the same on every host. */
  readonly keyFile = paths.validatorKey;
}
