/**
 * What a host has that nobody deployed with holdfast: a neard from before, its user, its data, its file system. Pure.
 * What would be overwritten or run beside ours is refused; what can stay is only told, and is left there by a removal.
 */
import { peerAddress } from "../../contract/address.ts";
import { paths, users } from "../../contract/paths.ts";
import type { Fault } from "../config/faults.ts";
import { hasRole } from "../config/topology.ts";
import type { HostReport } from "./host-facts.ts";

type Say = (message: string, next: string) => Fault;

/** Only of a host on which holdfast never was. */
export function beforeFaults({ host, facts }: HostReport, fault: Say): Fault[] {
  const ofUnits = facts.oldUnits.filter((file) => hasRole("neard")(host) || !file.endsWith("/neard.service"));
  return [
    ...(ofUnits.length === 0
      ? []
      : [
          fault(
            `has ${ofUnits.join(", ")}, which holdfast would overwrite`,
            `Stop and disable what it starts, and move the file away: docs/operate/moving-in.md.`,
          ),
        ]),
    ...(facts.oldProcesses.length === 0 || !hasRole("neard")(host)
      ? []
      : [
          fault(
            `runs processes of the user ${users.neard} (${facts.oldProcesses.join(", ")}), which holdfast's fence would take for its own`,
            "Stop them: docs/operate/moving-in.md.",
          ),
        ]),
  ];
}

/** Of every host, whenever. */
export function homeFaults({ host, facts }: HostReport, fault: Say): Fault[] {
  if (!hasRole("neard")(host)) return [];
  return [
    ...(facts.unmounted.length === 0
      ? []
      : [
          fault(
            `has nothing mounted at ${facts.unmounted.join(", ")}, as /etc/fstab or its deployment has it: neard's data would go to the disk below`,
            `Mount it (mount ${facts.unmounted[0]}). If it shall be without from now on, take it out of /etc/fstab, and delete ${paths.specs}/neard.json there.`,
          ),
        ]),
    ...(["", "directory"].includes(facts.homeKind)
      ? []
      : [
          fault(
            `has a ${facts.homeKind} at ${paths.neardHome}, where neard's data belongs`,
            "Mount the disk there, or bind-mount the folder (mount --bind, or bind in /etc/fstab).",
          ),
        ]),
  ];
}

/** Worth a word; of a host on which holdfast never was. */
export function beforeNotes({ host, facts }: HostReport): string[] {
  if (facts.managed) return [];
  const note = (what: string) => `${host.name} (${host.address}) has ${what}`;
  return [
    ...facts.oldUsers.map((user) => note(`a user ${user} already: it is used, and stays when holdfast is removed.`)),
    ...(facts.homeHolds.length === 0 || !hasRole("neard")(host)
      ? []
      : [
          note(
            `something in ${paths.neardHome} already (${facts.homeHolds.join(", ")}): it is used and stays when holdfast is removed; files that holdfast has its own of are set aside meanwhile.`,
          ),
        ]),
  ];
}

/** The others' firewalls let the cluster in by its configured addresses, and by no others. */
export function sourceFaults({ host, facts }: HostReport, fault: Say): Fault[] {
  if (!facts.routes) return [];
  const all = facts.sources
    .map((pair) => pair.split("/"))
    .map(([peer = "", source = ""]) => [peer, peerAddress(source)] as const);
  const wrong = Map.groupBy(
    all.filter(([, source]) => source !== "" && source !== host.address),
    ([, source]) => source,
  );
  const none = all.filter(([, source]) => source === "").map(([peer]) => peer);
  return [
    ...[...wrong].map(([source, pairs]) =>
      fault(
        `connects to ${pairs.map(([peer]) => peer).join(", ")} from ${source}, not from the configured address`,
        `Give ${source} as its address if the others can reach it there, or have its routes prefer ${host.address} as the source (ip route get ${pairs[0]?.[0]}).`,
      ),
    ),
    ...(none.length === 0
      ? []
      : [fault(`has no route to ${none.join(", ")}`, "Correct its routes, or the addresses of the others.")]),
  ];
}
