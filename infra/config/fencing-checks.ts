/** Fencing's settings together: who needs a device, what each device needs, and secrets that must be. */
import { tokenFault } from "../../hcloud/token.ts";
import { type Fault, configFault as fault } from "./faults.ts";
import type { Settings } from "./schema.ts";
import type { IsSecret } from "./secret-checks.ts";

type Needs = Pick<Settings, "hosts" | "fencing" | "fencingSkipsWait">;
type Host = Settings["hosts"][number];

export const setFencing = {
  fencingToken: "pulumi config set --secret holdfast:fencingToken < TOKENFILE",
  fencingSecret: "pulumi config set --secret holdfast:fencingSecret < SECRETFILE",
} as const;
const page = "docs/operate/fencing.md says how";

export function fencingFaults(settings: Needs): Fault[] {
  const { fencing, fencingSkipsWait, hosts } = settings;
  const fenced = hosts.flatMap((host) => (host.fence === undefined ? [] : [{ host, fence: host.fence }]));
  const bare = hosts
    .filter((host) => host.roles.includes("neard") && host.fence === undefined && host.cloud === undefined)
    .map(({ name }) => name);
  return [
    ...(fencing !== "off" && bare.length > 0
      ? [
          fault(
            `holdfast:fencing is ${fencing}, and ${bare.join(", ")} ${bare.length === 1 ? "has" : "have"} no fence: nobody could power ${bare.length === 1 ? "it" : "them"} off`,
            `Give every host with neard its fence (holdfast:hosts); ${page}.`,
          ),
        ]
      : []),
    ...(fencing === "off" && fencingSkipsWait
      ? [
          fault(
            "holdfast:fencingSkipsWait is set, and holdfast:fencing is off: no host is ever shown to be off",
            "Remove it, or set fencing: required.",
          ),
        ]
      : []),
    ...fenced.flatMap(({ host, fence }) => fenceFaults(host, fence)),
  ];
}

function fenceFaults({ name, roles }: Host, fence: NonNullable<Host["fence"]>): Fault[] {
  const path = `holdfast:hosts, ${name}, fence`;
  if (!roles.includes("neard"))
    return [fault(`${path}: ${name} has no neard, so nobody ever takes over from it`, "Remove the setting.")];
  const { device, command, server, serverId } = fence;
  if (device === "hcloud")
    return command === undefined
      ? []
      : [fault(`${path}: device hcloud runs no command`, "Remove command, or set device: command.")];
  return [
    ...(command === undefined
      ? [fault(`${path}: device command needs a command`, "Give the absolute path of the program on the neard hosts.")]
      : command[0]?.startsWith("/")
        ? []
        : [
            fault(
              `${path}: the command's first part must be an absolute path (it is ${command[0]})`,
              "Give the whole path of the program.",
            ),
          ]),
    ...(server === undefined && serverId === undefined
      ? []
      : [fault(`${path}: device command knows no server`, "Remove server and serverId, or set device: hcloud.")]),
  ];
}

export function missingTokenFaults({
  fencing,
  fencingToken,
  hosts,
}: Pick<Settings, "hosts" | "fencing" | "fencingToken">): Fault[] {
  const byCloud = ({ fence, cloud, roles }: Host) =>
    roles.includes("neard") && (fence === undefined ? cloud !== undefined : fence.device === "hcloud");
  const isNeeded = fencing !== "off" && hosts.some(byCloud);
  if (isNeeded && (fencingToken ?? "").trim() === "")
    return [
      fault(
        "holdfast:fencingToken is missing, and hosts have fence device hcloud",
        `Set it: ${setFencing.fencingToken}; ${page}.`,
      ),
    ];
  return [];
}

/** Its form, where it can be looked at. */
export function fencingTokenFaults({ fencingToken }: Pick<Settings, "fencingToken">): Fault[] {
  const why = fencingToken === undefined || fencingToken.trim() === "" ? null : tokenFault(fencingToken.trim());
  return why === null
    ? []
    : [fault(`holdfast:fencingToken ${why}`, `Set the whole token again: ${setFencing.fencingToken}.`)];
}

export function clearFencingFaults(
  name: "fencingToken" | "fencingSecret",
  settings: Partial<Pick<Settings, "fencingToken" | "fencingSecret">>,
  isSecret: IsSecret,
): Fault[] {
  if ((settings[name] ?? "").trim() === "" || isSecret(name)) return [];
  return [
    fault(
      `holdfast:${name} is in the stack's file in clear`,
      `Set it again with ${setFencing[name]}; if the file has left this machine, it is no secret any more: make another.`,
    ),
  ];
}

/** It works, and whoever takes it from a host has the one with which Pulumi works too. */
export function sharedTokenWarnings({ hcloud, fencingToken }: Pick<Settings, "hcloud" | "fencingToken">): string[] {
  if (hcloud === undefined || fencingToken === undefined || hcloud.token !== fencingToken.trim()) return [];
  return [
    "holdfast:fencingToken is the same token as holdfast:hcloud.token, and rests on every host with neard; make one of its own, which can be revoked by itself",
  ];
}

/** Allowed, but worth a word. */
export function fencingWarnings({ fencing, fencingSkipsWait, hosts }: Needs): string[] {
  const unused = hosts.filter(({ fence }) => fence !== undefined).map(({ name }) => name);
  return [
    ...(fencing === "off" && unused.length > 0
      ? [`holdfast:fencing is off, so the fence of ${unused.join(", ")} is never used`]
      : []),
    ...(fencingSkipsWait
      ? [
          "holdfast:fencingSkipsWait is set: a power device that says off of a host that runs lets two hosts sign at once (docs/operate/fencing.md)",
        ]
      : []),
  ];
}
