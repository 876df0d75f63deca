/**
 * neard and its systemd unit on one host. A process starts without a key (ExecStartPre= removes the
 * file, unless somebody's drop-in dropped it), loads or drops it on SIGHUP, dies by SIGKILL, and is started
 * again a second later. It can be slow, hang, reject reloads (and then keeps what it has), refuse to die for
 * a while, and re-execute itself, which looks like the same process and reads what key there is.
 */
import { statusTimeoutMs } from "../../agent/neard/driver.ts";
import { killWithinMs } from "../../agent/neard/processes.ts";
import type { AccountSight, Probe } from "../../agent/role/types.ts";
import type { Partners } from "../../agent/run/executor.ts";
import type { AgentProcess } from "./agent-process.ts";
import type { NearKeys } from "./near-keys.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

export interface NeardProcess {
  readonly name: string;
  /** How often it has re-executed itself. */
  readonly image: number;
  /** The public half of the key that it has in its memory. */
  key: string | null;
  /** The NEAR epoch in which it has compared its key with the chain's: once in each, and never without a key. */
  checkedIn: number | null;
  /** From then on it answers. */
  readonly upMs: number;
  isDead: boolean;
}

/** What is wrong with neard on this host, whichever its process. */
export interface NeardTroubles {
  rejectsReloads: boolean;
  hangsUntilMs: number;
  /** SIGKILL does not end it before: it is stuck in the kernel. */
  undeadUntilMs: number;
  /** Its unit starts it without removing the key file. */
  startsWithKey: boolean;
  /** Starts and reloads take so many times longer. */
  slowness: number;
  /** Share of the SIGHUPs that are lost, for they come during a reload. */
  lostReloads: number;
}

const restartMs = 1000;

export class NeardUnit {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #onChange: () => void;
  readonly #keys: NearKeys;
  #isPowered = true;
  #main: NeardProcess | null = null;
  /** Killed, but not dead yet. */
  #dying: NeardProcess[] = [];
  #count = 0;
  /** Which key lies where neard looks for it. */
  keyFile: string | null = null;
  /** How often a neard ended itself over a key that did not count. */
  wrongKeys = 0;
  readonly troubles: NeardTroubles = {
    rejectsReloads: false,
    hangsUntilMs: 0,
    undeadUntilMs: 0,
    slowness: 1,
    lostReloads: 0.03,
    startsWithKey: false,
  };

  constructor(timeline: Timeline, random: Random, keys: NearKeys, onChange: () => void) {
    this.#timeline = timeline;
    this.#random = random;
    this.#keys = keys;
    this.#onChange = onChange;
    if (keys.isChanging) this.#checkEachEpoch();
  }

  #checkEachEpoch(): void {
    this.#timeline.at(this.#keys.nextEpochMs(this.#timeline.nowMs), () => {
      if (this.#main !== null) this.#check(this.#main);
      this.#checkEachEpoch();
    });
  }

  /** At a block: a key that the chain does not have for the account ends neard. */
  #check(process: NeardProcess): void {
    const { nearEpoch, key } = this.#keys.at(this.#timeline.nowMs);
    if (process.isDead || process.key === null || process.checkedIn === nearEpoch) return;
    process.checkedIn = nearEpoch;
    if (process.key === key) return;
    this.wrongKeys += 1;
    this.kill(() => {});
  }

  /** Some process of neard has the validator key in its memory. */
  get hasKey(): boolean {
    return [this.#main, ...this.#dying].some((process) => process !== null && process.key !== null);
  }

  /** systemctl start: nothing when it runs. */
  start(): void {
    if (!this.#isPowered || this.#main !== null || this.#dying.length > 0) return;
    if (!this.troubles.startsWithKey) this.keyFile = null;
    this.#count += 1;
    this.#execute(`${this.#count}:0`, 0);
  }

  /** It wiped its data and becomes a fresh program under the same pid: no ExecStartPre=, no memory, no RPC for a while. */
  reexecute(): void {
    const before = this.#main;
    if (before === null) return;
    before.isDead = true;
    before.key = null;
    this.#execute(before.name, before.image + 1);
    this.#onChange();
  }

  #execute(name: string, image: number): void {
    const { nowMs } = this.#timeline;
    const upMs = nowMs + this.#random.between(100, 3000) * this.troubles.slowness;
    const main: NeardProcess = { name, image, key: null, checkedIn: null, upMs, isDead: false };
    this.#main = main;
    // It reads its key file once while it starts.
    this.#timeline.at(this.#random.between(nowMs, upMs), () => this.#read(main));
  }

  #read(process: NeardProcess): void {
    if (process.isDead || process.key === this.keyFile) return;
    process.key = this.keyFile;
    this.#onChange();
    if (this.#keys.isChanging && process.key !== null)
      this.#timeline.at(this.#keys.nextBlockMs(this.#timeline.nowMs), () => this.#check(process));
  }

  /** SIGKILL to every process of neard; `gone` when none of them is left. */
  kill(gone: () => void): void {
    const main = this.#main;
    if (main !== null) {
      this.#main = null;
      this.#dying.push(main);
    }
    const doomed = [...this.#dying];
    const dieMs = Math.max(this.#timeline.nowMs + this.#random.between(1, 40), this.troubles.undeadUntilMs);
    this.#timeline.at(dieMs, () => {
      for (const process of doomed) process.isDead = true;
      this.#dying = this.#dying.filter((process) => !process.isDead);
      this.#onChange();
      if (this.#dying.length === 0 && this.#main === null) this.#timeline.after(restartMs, () => this.start());
      gone();
    });
  }

  sighup(): void {
    const main = this.#main;
    if (main === null || this.troubles.rejectsReloads) return;
    if (this.#timeline.nowMs < main.upMs) {
      this.kill(() => {});
      return;
    }
    if (this.#random.chance(this.troubles.lostReloads)) return;
    const dueMs = Math.max(
      this.#timeline.nowMs + this.#random.between(5, 900) * this.troubles.slowness,
      this.troubles.hangsUntilMs,
    );
    this.#timeline.at(dueMs, () => {
      if (!this.troubles.rejectsReloads) this.#read(main);
    });
  }

  powerOff(): void {
    this.#isPowered = false;
    for (const process of [this.#main, ...this.#dying]) if (process !== null) process.isDead = true;
    this.#main = null;
    this.#dying = [];
    this.keyFile = null;
    this.#onChange();
  }

  powerOn(): void {
    this.#isPowered = true;
    this.start();
  }

  /** The driver of one run of the agent. */
  driverOf(agent: AgentProcess, chainId: string, sight: (atMs: number) => AccountSight): Partners["neard"] {
    const random = this.#random;
    /** Which image of a process has been told apart, by its age. */
    let noticed: { readonly name: string; readonly image: number } | null = null;
    const nameOf = ({ name }: NeardProcess) =>
      noticed === null || noticed.name !== name || noticed.image === 0 ? name : `${name}:${noticed.image}`;
    const wait = async (ms: number) => await agent.clock.sleep(ms);
    const answers = (main: NeardProcess) =>
      this.#timeline.nowMs >= main.upMs && this.#timeline.nowMs >= this.troubles.hangsUntilMs;
    /** It is this one that answers now, and it is not known to be another than before. */
    const isSame = (main: NeardProcess): boolean => {
      if (!answers(main) || main.isDead || this.#main !== main) return false;
      const isOther = noticed !== null && noticed.name === main.name && noticed.image !== main.image;
      noticed = { name: main.name, image: main.image };
      return !isOther;
    };
    return {
      process: () => {
        const process = this.#main ?? this.#dying[0];
        return process === undefined ? null : nameOf(process);
      },
      probe: async () => {
        const atMs = agent.clock.bootMs();
        const main = this.#main;
        const silent = silentProbe(atMs, main === null ? null : nameOf(main));
        if (main === null) return silent;
        await wait(answers(main) ? random.between(1, 30) : random.chance(0.5) ? 5 : statusTimeoutMs);
        if (!isSame(main)) return silent;
        return {
          ...silent,
          answered: true,
          chainId,
          syncing: false,
          headAgeMs: 500,
          // All follow one chain, a block a second: a successor's last answer is often older than the last block.
          height: Math.floor(this.#timeline.nowMs / 1000),
          validatorKey: main.key,
          configCorrect: !this.troubles.rejectsReloads,
        };
      },
      reload: async () => {
        const main = this.#main;
        if (main === null) throw new Error("neard is not running");
        await wait(answers(main) ? random.between(1, 30) : random.chance(0.5) ? 5 : statusTimeoutMs);
        if (!isSame(main)) throw new Error("neard does not answer");
        return await agent.edge<void>((resolve, reject) => {
          if (this.#main !== main) reject(new Error("another neard has answered"));
          else {
            this.sighup();
            resolve();
          }
        });
      },
      kill: async () =>
        await agent.edge<void>((resolve, reject) => {
          agent.after(killWithinMs, () => reject(new Error("neard's processes do not die")));
          this.kill(() => agent.whenAwake(() => resolve()));
        }),
      start: async () =>
        await agent.edge<void>((resolve) => {
          this.start();
          resolve();
        }),
      nextWindowMs: async () => {
        await wait(random.between(1, 30));
        if (random.chance(0.2)) throw new Error("no maintenance window is long enough in this NEAR epoch");
        return random.between(0, 4000);
      },
      accountSight: async () => {
        const atMs = agent.clock.bootMs();
        await wait(random.between(1, 30));
        return sight(atMs);
      },
    };
  }
}

function silentProbe(atMs: number, process: string | null): Probe {
  return {
    atMs,
    process,
    answered: false,
    chainId: null,
    syncing: true,
    headAgeMs: Number.POSITIVE_INFINITY,
    height: null,
    validatorKey: null,
    configCorrect: null,
    version: null,
    protocolVersion: null,
    latestProtocolVersion: null,
  };
}
