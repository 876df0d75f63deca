/** Phase `active`: neard validates. Watch it, and give way when it cannot do its work and another could. */
import { deathsAfter } from "./deaths.ts";
import { signingFault } from "./readiness.ts";
import { swapKey } from "./rotation.ts";
import { type Draft, enter, enterDemoting, releaseOf } from "./transitions.ts";
import type { ActivePhase, Event, SwitchoverJob } from "./types.ts";
import { freshNote } from "./watch.ts";

/**
 * A neard that lost its key goes on telling the network that it is the validator, and is none: it is not left like that,
 * whether another host is ready or not. Longer than a reload takes.
 */
const keylessMs = 3000;

export function activeEvent(draft: Draft, event: Event): void {
  if (event.is === "probed" && hasDied(draft)) return;
  if (swapKey(draft, event)) return;
  if (event.is === "probed") watchNeard(draft);
  else if (event.is === "switchover-asked") beginSwitchover(draft, event.job);
}

function hasDied(draft: Draft): boolean {
  const { state, nowMs } = draft;
  const phase = state.phase as ActivePhase;
  const { probe, sinceMs } = state;
  if (probe === null || probe.process === phase.process) return false;
  const deaths = deathsAfter(phase.story, sinceMs, nowMs);
  const when = deaths === 0 ? "" : ` ${Math.round((nowMs - sinceMs) / 1000)} s after it got the key`;
  const because =
    probe.process === null
      ? `neard died${when}`
      : `neard was replaced: restarted by somebody else, or re-executed by itself${when === "" ? "" : `,${when}`}`;
  enterDemoting(draft, because, { release: releaseOf(phase.lease), deaths });
  return true;
}

function watchNeard(draft: Draft): void {
  const { state, settings, nowMs } = draft;
  const phase = state.phase as ActivePhase;
  const probe = state.probe;
  if (probe === null) return;
  const isKeyless = probe.answered && probe.validatorKey !== phase.key;
  const fault = signingFault(settings, probe, phase.key, nowMs);
  if (fault === null) {
    draft.state = { ...state, phase: { ...phase, lastGoodMs: nowMs }, because: "holds the lease; neard has the key" };
    return;
  }
  const badMs = nowMs - phase.lastGoodMs;
  const another = settings.peers.find(
    (peer) => peer.host !== settings.host && freshNote(state.watch, peer.host, nowMs)?.ready,
  );
  if (isKeyless && badMs >= keylessMs) {
    enterDemoting(draft, "neard no longer has the key", { release: releaseOf(phase.lease) });
    return;
  }
  if (badMs >= settings.hungMs && another !== undefined) {
    enterDemoting(draft, `${fault} for ${Math.round(badMs / 1000)} s, and ${another.host} is ready`, {
      release: releaseOf(phase.lease),
    });
    return;
  }
  const alone = another === undefined ? "; no other host is ready to take over" : "";
  draft.state = { ...state, because: `holds the lease, but ${fault}${alone}` };
}

function beginSwitchover(draft: Draft, job: SwitchoverJob): void {
  const { state, settings, nowMs } = draft;
  const phase = state.phase as ActivePhase;
  const because = `switchover to ${job.to}: asks it to stand ready`;
  enter(
    draft,
    {
      name: "handing",
      lease: phase.lease,
      step: "asking",
      stepMs: nowMs,
      job,
      process: phase.process,
      key: phase.key,
      story: phase.story,
      lastGoodMs: phase.lastGoodMs,
      windowMs: null,
      height: null,
    },
    because,
  );
  draft.state = {
    ...draft.state,
    lastSwitchover: { id: job.id, to: job.to, epoch: phase.lease.epoch, state: "waiting", because },
  };
  draft.effects.push({ do: "ask-switchover", note: { id: job.id, from: settings.host, to: job.to } });
}
