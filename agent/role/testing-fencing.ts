/** For the tests of fencing: a standby whose cluster has it, and what it does about it. */
import type { PowerProof } from "../../contract/fencing.ts";
import type { LockView } from "../lease/lock-record.ts";
import { notConfirmable } from "./fencing-steps.ts";
import { fencingView } from "./fencing-view.ts";
import { Core, heldByA, nothingFound, settings } from "./testing.ts";
import type { Event, FencingSettings, PeerNote, Settings } from "./types.ts";

export const required: FencingSettings = {
  mode: "required",
  skipWait: false,
  devices: ["host-a", "host-b", "host-c"].map((host) => ({ host, withinMs: 15_000 })),
};

type Notes = Extract<Event, { is: "observed" }>["notes"];

/** Host-b, watching; every look at Consul shows `notes` too. */
export class Fenced extends Core {
  readonly own: Settings;
  notes: Notes = {};

  constructor(change: Partial<FencingSettings> = {}, peers = settings.peers, findings = nothingFound) {
    const own = { ...settings, peers, fencing: { ...required, ...change } };
    super(findings, 1_000_000, own);
    this.own = own;
    this.tell({ is: "key-checked", available: true });
  }

  override see(lock: LockView, change: object = {}): this {
    return super.see(lock, { notes: this.notes, ...change });
  }

  get view() {
    return fencingView(this.own, this.state, this.nowMs);
  }

  /** Why the word that `host` is off is not taken; null: it is. */
  refusal(host = "host-a"): string | null {
    return notConfirmable(this.own, this.state, host, this.nowMs);
  }

  confirm(host = "host-a"): this {
    return this.tell({ is: "power-confirmed", host, at: "2026-11-29T12:00:00.000Z" });
  }

  /** Answers the newest question to a device. */
  answer(outcome: PowerProof["outcome"], because = "server 1 is off", isBrokenOff = false): this {
    const job = this.state.fencing.job;
    if (job === null) throw new Error("no device is asked");
    const proof = { host: job.host, device: "command", outcome, because, at: "2026-11-29T12:00:00.000Z", tookMs: 900 };
    return this.tell({ is: "power-seen", job: job.number, proof, isBrokenOff });
  }

  /** Each, when it was asked for. */
  deeds(): string[] {
    const found = this.effects.flatMap((effect) =>
      effect.do === "power"
        ? [`${effect.job.what} ${effect.job.host}`]
        : effect.do === "create-session" || effect.do === "take-over" || effect.do === "abandon-power"
          ? [effect.do]
          : [],
    );
    this.effects = [];
    return found;
  }
}

/** What a peer says of itself. */
export const note = (change: Partial<PeerNote> = {}) => ({
  ready: false,
  because: "ready",
  ack: null,
  isActive: false,
  asks: null,
  cleared: null,
  acksInS: 0,
  fencing: null,
  modifyIndex: 70,
  ...change,
});

/** The record of a holder whose session is gone. */
export const free: LockView = { ...heldByA(60), session: null };
/** host-c stands by too. */
export const three = [...settings.peers, { host: "host-c", priority: 100 }];
