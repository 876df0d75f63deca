/** One step of a converge: data that says what to do and why. `perform.ts` does it. */
import { credentials, users } from "../contract/paths.ts";
import type { HostSpec } from "../contract/wire/host-spec.ts";
import type { Before } from "../contract/wire/identity.ts";

export type UserSpec = HostSpec["users"][number];
export type DirectorySpec = HostSpec["directories"][number];
export type ArtifactSpec = HostSpec["artifacts"][number];
export type Disturbs = HostSpec["units"][number]["disturbs"];

export type Action =
  | { readonly kind: "user"; readonly user: UserSpec; readonly exists: boolean }
  | { readonly kind: "directory"; readonly directory: DirectorySpec }
  | { readonly kind: "artifact"; readonly artifact: ArtifactSpec }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly mode: string;
      readonly owner: string;
      readonly group: string;
      /** A secret only by its name; the text never enters a plan. */
      readonly content: { readonly lines: readonly string[] } | { readonly secret: string };
    }
  /** The content is right already; mode, owner or group are not. */
  | {
      readonly kind: "attributes";
      readonly path: string;
      readonly mode: string;
      readonly owner: string;
      readonly group: string;
    }
  | { readonly kind: "credential"; readonly name: string; readonly path: string; readonly secret: string }
  | { readonly kind: "command"; readonly argv: readonly string[] }
  | { readonly kind: "daemon-reload" }
  | {
      readonly kind: "unit";
      readonly unit: string;
      readonly action: "enable" | "start" | "restart" | "reload";
      readonly disturbs: Disturbs;
    }
  | { readonly kind: "retire-unit"; readonly unit: string }
  | { readonly kind: "delete-file"; readonly path: string }
  | { readonly kind: "delete-directory"; readonly path: string; readonly owned: boolean }
  /** Was there before us: stays, as it was. */
  | { readonly kind: "give-back-directory"; readonly directory: Before["directories"][number] }
  /** Was there before us, where a file of ours comes; `delete-file` of ours brings it back. */
  | { readonly kind: "set-aside"; readonly path: string }
  | { readonly kind: "delete-user"; readonly user: string };

export type Step = Action & { readonly why: string };

/** What a step changes, in one word or path, for the report. */
export function subject(step: Action): string {
  switch (step.kind) {
    case "user":
      return `user ${step.user.name}`;
    case "directory":
    case "give-back-directory":
      return step.directory.path;
    case "artifact":
      return step.artifact.path;
    case "file":
    case "attributes":
    case "credential":
    case "delete-file":
    case "delete-directory":
    case "set-aside":
      return step.path;
    case "command":
      return oneLine(step.argv.join(" "));
    case "daemon-reload":
      return "systemd";
    case "unit":
    case "retire-unit":
      return step.unit;
    case "delete-user":
      return `user ${step.user}`;
  }
}

/** A script among the arguments has many lines; a report has one. */
function oneLine(text: string): string {
  const line = text.replace(/\s*\n\s*/g, "; ");
  return line.length <= 100 ? line : `${line.slice(0, 99)}…`;
}

/** What the running parts of the cluster lose for a moment when these steps are done. */
export function disturbances(steps: readonly Step[]): ReadonlySet<"consul" | "neard"> {
  const disturbed = new Set<"consul" | "neard">();
  for (const step of steps)
    if (step.kind === "unit" && step.action === "restart" && (step.disturbs === "consul" || step.disturbs === "neard"))
      disturbed.add(step.disturbs);
  return disturbed;
}

/** An agent that runs is restarted. No key moves for it, but a bad one must show on one host, and not on the active one first. */
export function restartsAgent(steps: readonly Step[]): boolean {
  return steps.some((step) => step.kind === "unit" && step.action === "restart" && step.disturbs === "agent");
}

/**
 * The host is to lose its role neard, so it must not be active: with this spec go the place for the key, or the key. Asked of
 * both, for which of them is changed first is not decided here.
 * @param stored what the last apply of the concern went through with
 */
export function losesNeard(stored: HostSpec | null, spec: HostSpec): boolean {
  const isNeards = (of: HostSpec) =>
    of.users.some(({ name }) => name === users.neard) ||
    of.credentials.some(({ name }) => name === credentials.validatorKey);
  return stored !== null && isNeards(stored) && !isNeards(spec);
}
