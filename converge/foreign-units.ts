/**
 * What systemd reads for our units that is not ours: drop-ins, and unit files that go before our own. Pure.
 *
 * A drop-in can undo whatever a unit promises: that neard starts without a key, that the agent's end shuts the fence.
 * No apply removes one, for it may well be meant; so it is named, with the way to take it back, or to keep it: a name
 * that begins with `site-` says that somebody knows of it. Awkward case: drop-ins for all services alike
 * (`service.d/`) come with distributions and containers. They too are only told.
 */
import { basename, dirname } from "node:path";
import type { HostSpec } from "../contract/wire/host-spec.ts";
import type { Change } from "./converge.ts";
import type { HostFacts } from "./facts.ts";

export interface Foreign {
  /** Unlike what was deployed. */
  readonly drift: readonly Change[];
  /** There, and no drift: on purpose, or for all services of the host alike. */
  readonly notes: readonly Change[];
}

export function foreignUnits(spec: HostSpec, facts: HostFacts): Foreign {
  const ours = new Set([...spec.files.map((file) => file.path), ...facts.elsewhere.files]);
  const drift: Change[] = [];
  const notes: Change[] = [];
  for (const { name } of spec.units) {
    const fact = facts.units.get(name);
    if (fact === undefined) continue;
    for (const path of fact.dropIns.filter((one) => !ours.has(one))) {
      if (isForAll(path, name)) notes.push({ what: path, why: `changes ${name} as all units of its kind` });
      else if (isOnPurpose(path)) notes.push({ what: path, why: `changes ${name} on purpose` });
      else
        drift.push({
          what: path,
          why: `changes ${name}, and is not holdfast's: systemctl revert ${name} takes it back, a name site-*.conf keeps it`,
        });
    }
    const file = spec.files.find((one) => basename(one.path) === name)?.path;
    if (file !== undefined && fact.fragment !== "" && fact.fragment !== file && fact.fragment !== "/dev/null")
      drift.push({ what: fact.fragment, why: `goes before ${file}: systemctl revert ${name} takes it back` });
  }
  return { drift, notes };
}

function isOnPurpose(path: string): boolean {
  return basename(path).startsWith("site-");
}

/** `service.d` for `neard.service`. */
function isForAll(path: string, unit: string): boolean {
  return basename(dirname(path)) === `${unit.slice(unit.lastIndexOf(".") + 1)}.d`;
}
