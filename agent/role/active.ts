/** Phase `active`: neard validates. Watch it, and give way when it cannot do its work and another could. */
import { signingFault } from "./readiness.ts";
import { type Draft, enter, enterDemoting, releaseOf } from "./transitions.ts";
import type { ActivePhase, Event, SwitchoverJob } from "./types.ts";
import { freshNote } from "./watch.ts";

export function activeEvent(draft: Draft, event: Event): void {
  if (event.is === "probed") watchNeard(draft);
  else if (event.is === "switchover-asked") beginSwitchover(draft, event.job);
}

function watchNeard(draft: Draft): void {
  const { state, settings, nowMs } = draft;
  const phase = state.phase as ActivePhase;
  const probe = state.probe;
  if (probe === null) return;
  if (probe.process !== phase.process) {
    const because =
      probe.process === null
        ? "neard died"
        : "neard was replaced: restarted by somebody else, or re-executed by itself";
    enterDemoting(draft, because, { release: releaseOf(phase.lease) });
    return;
  }
  const fault = signingFault(settings, probe, nowMs);
  if (fault === null) {
    draft.state = { ...state, phase: { ...phase, lastGoodMs: nowMs }, because: "holds the lease; neard has the key" };
    return;
  }
  const badMs = nowMs - phase.lastGoodMs;
  const another = settings.peers.find(
    (peer) => peer.host !== settings.host && freshNote(state.watch, peer.host, nowMs)?.ready,
  );
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
      lastGoodMs: phase.lastGoodMs,
      windowMs: null,
      height: null,
    },
    because,
  );
  draft.state = { ...draft.state, lastSwitchover: { id: job.id, to: job.to, state: "waiting", because } };
  draft.effects.push({ do: "ask-switchover", note: { id: job.id, from: settings.host, to: job.to } });
}
