/** What stands at a host's address now: the machine that serves, one that was drained, an empty one, or nothing that answers. */
import { type ErrorCode, HoldfastError } from "../../contract/errors.ts";
import { paths, units } from "../../contract/paths.ts";
import { readShape } from "../../contract/wire/format.ts";
import { type Identity, identityShape } from "../../contract/wire/identity.ts";
import { mayPass, SshFailure } from "../../ssh/failure.ts";
import type { HostLink } from "../ports.ts";

export type Machine =
  /** No answer: it may be off, or cut off from us. */
  | { readonly is: "silent"; readonly error: MachineError }
  /** It lives, and does not let us in as it should: how it is nobody can see. Or our own way out is shut. */
  | { readonly is: "shut-out"; readonly error: MachineError }
  /** It has another SSH host key than the one that it was asked with. */
  | { readonly is: "other-key"; readonly error: MachineError }
  /** Nothing of holdfast's is on it, or no more than an apply that was cut short has left. */
  | { readonly is: "bare" }
  /** Its agent and its Consul are switched off, and no boot starts them: `holdfastd drain`. */
  | { readonly is: "drained"; readonly identity: Identity }
  | {
      readonly is: "deployed";
      readonly identity: Identity;
      readonly ageMs: number;
      /** A drain was cut off there: its agent is switched off already, its Consul is not. */
      readonly isDraining: boolean;
    };

interface MachineError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string | undefined;
}

const script = `
fact() { printf '%s=%s\\n' "$1" "$2"; }
unit() { systemctl show -p ActiveState,UnitFileState --value "$1" 2>/dev/null | tr '\\n' ' '; }
fact identity "$(test -f ${paths.deployment} && base64 -w0 ${paths.deployment})"
fact agent "$(unit ${units.agent})"
fact consul "$(unit ${units.consul})"
fact specs "$(ls ${paths.specs} 2>/dev/null | tr '\\n' ' ')"
fact now "$(date +%s)"
`;

/** @throws HoldfastError when it answers with other words than these */
export async function lookAtMachine(link: HostLink): Promise<Machine> {
  try {
    const { stdout, stderr } = await link.run(["sh", "-c", script]);
    return machineFrom(link.host, stdout, stderr);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const { code, message, next, cause } = error;
    if (code === "HF_HOST_KEY_MISMATCH") return { is: "other-key", error: { code, message, next } };
    if (code === "HF_HOST_LOGIN") return { is: "shut-out", error: { code, message, next } };
    if (code === "HF_HOST_UNREACHABLE") {
      const answers = cause instanceof SshFailure && !mayPass(cause.kind);
      return { is: answers ? "shut-out" : "silent", error: { code, message, next } };
    }
    throw error;
  }
}

/** Pure. */
export function machineFrom(host: string, stdout: string, stderr = ""): Machine {
  const facts = new Map(
    stdout.split("\n").map((line): [string, string] => {
      const equals = line.indexOf("=");
      return [line.slice(0, Math.max(0, equals)), line.slice(equals + 1).trim()];
    }),
  );
  const nowS = Number(facts.get("now"));
  if (!(nowS > 0))
    throw new HoldfastError(
      "HF_HOST_LOGIN",
      `${host} does not say how it is: ${stderr.trim().split("\n")[0] || "no answer"}.`,
      {
        next: `Try it: holdfast ssh ${host}.`,
      },
    );
  const identity = identityIn(host, facts.get("identity") ?? "");
  // Until its agent was deployed once, the host never served as this machine.
  const isWhole = (facts.get("specs") ?? "").split(" ").includes("agent.json");
  if (identity === null || !isWhole) return { is: "bare" };
  const isDraining = isOff(facts.get("agent"));
  if (isDraining && isOff(facts.get("consul"))) return { is: "drained", identity };
  return { is: "deployed", identity, ageMs: nowS * 1000 - Date.parse(identity.since), isDraining };
}

/** One that cannot be understood is somebody's all the same. */
function identityIn(host: string, base64: string): Identity | null {
  if (base64 === "") return null;
  const reading = readShape(identityShape, Buffer.from(base64, "base64").toString("utf8"));
  if (reading.is === "read") return reading.value;
  throw new HoldfastError(
    "HF_HOST_FOREIGN",
    `Whose ${host} is cannot be read from ${paths.deployment}${reading.is === "newer" ? ", which a newer holdfast wrote" : ""}.`,
    { next: `Look at it: holdfast ssh ${host} -- cat ${paths.deployment}.` },
  );
}

/** `inactive disabled`, in whichever order systemd says them. */
function isOff(words: string | undefined): boolean {
  const said = (words ?? "").split(" ").filter(Boolean);
  return said.includes("disabled") && (said.includes("inactive") || said.includes("failed"));
}
