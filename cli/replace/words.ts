/** What `holdfast replace` says. Pure. */
import type { StackHost } from "../ports.ts";
import { formatDuration } from "../terminal/duration.ts";
import type { Machine } from "./machine.ts";
import type { Replacement } from "./next-step.ts";

/** `holdfast replace --json`. */
export interface ReplaceReport {
  readonly host: string;
  /** `machine-needed`: out of service or dead, and the operator's turn. `host-key-needed`: a machine with another key answers. */
  readonly state: "done" | "machine-needed" | "host-key-needed";
  /** What this call did. */
  readonly did: readonly ("drained" | "machine-made" | "deployed")[];
  readonly next: readonly string[];
}

/** The command that goes on where a call ends early. A new machine is meant until it has begun to go; then it is a new one again. */
export function callAgain({
  host,
  anew,
  withoutStandby,
}: Pick<Replacement, "host" | "anew" | "withoutStandby">): string {
  return [
    `holdfast replace ${host}`,
    ...(withoutStandby ? ["--without-standby"] : []),
    ...(anew ? ["--anew"] : []),
  ].join(" ");
}

/** What the operator does with the machine itself. */
export function machineSteps({ name, address, ssh }: StackHost, settings: string): string[] {
  return [
    `Set the machine up anew, or another one in its place: the address ${address}, and the stack's SSH key for ${ssh.user}. docs/operate/replace-a-host.md says what else it needs.`,
    `Read its SSH host key on its console (cat /etc/ssh/ssh_host_ed25519_key.pub), and put it into ${settings} as hostKey of ${name}. If you have put the old host key on it, nothing changes there.`,
    `Call it again, it goes on from there: holdfast replace ${name}.`,
  ];
}

export function machineNeeded(host: StackHost, dead: boolean, settings: string): string {
  const { name } = host;
  const state = dead
    ? `${name} does not answer. The cluster can do without it: nothing is lost by setting its machine up anew.\n` +
      "Do that only if it is off for good: its disk has the sealed validator key on it. Wipe it, and never let it start again as it was."
    : `${name} is out of service: it has no key and no vote in Consul any more, and no boot starts anything of holdfast's on it.`;
  const steps = machineSteps(host, settings).map((step, i) => `  ${i + 1}. ${step}`);
  const callOff = dead ? [] : [`To call it off: pulumi up takes ${name} back as it is.`];
  return [state, "", "Now it is your turn:", ...steps, ...callOff].join("\n");
}

/** Called again after it was done, or of a machine that nobody has replaced yet. */
export function nothingToDo({ name }: StackHost, machine: Machine): string {
  const age = machine.is === "deployed" ? ` for ${formatDuration(machine.ageMs)}` : "";
  return `${name} has had its machine${age}, which is new, and is as deployed: nothing to do. To replace it once more: holdfast replace ${name} --anew.`;
}

export function done(host: StackHost, active: string | null): string {
  const parts = [
    host.roles.includes("consul") ? "votes in Consul" : "reaches Consul",
    ...(host.roles.includes("neard")
      ? [
          active === host.name
            ? "validates"
            : `follows the chain, and stands by${active === null ? "" : ` for ${active}`}`,
        ]
      : []),
  ];
  return `${host.name} is replaced: its machine is as deployed, ${parts.join(", ")}.`;
}
