/** What stands at a host's address now: the machine that serves, one that was drained, an empty one, or nothing that answers. */
import { type Identity, identitySchema } from "../../contract/deployment.ts";
import { type ErrorCode, HoldfastError } from "../../contract/errors.ts";
import { paths, units } from "../../contract/paths.ts";
import type { HostLink } from "../ports.ts";

export type Machine =
  /** No answer, or a way in that is shut. */
  | { readonly is: "silent"; readonly error: { readonly code: ErrorCode; readonly message: string } }
  /** It has another SSH host key than the one that it was asked with. */
  | { readonly is: "other-key"; readonly error: { readonly code: ErrorCode; readonly message: string } }
  /** Nothing of holdfast's is on it, or no more than an apply that was cut short has left. */
  | { readonly is: "bare" }
  /** Its agent and its Consul are switched off, and no boot starts them: `holdfastd drain`. */
  | { readonly is: "drained"; readonly identity: Identity }
  | { readonly is: "deployed"; readonly identity: Identity; readonly ageMs: number };

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
    const { code, message } = error;
    if (code === "HF_HOST_KEY_MISMATCH") return { is: "other-key", error: { code, message } };
    if (code === "HF_HOST_UNREACHABLE" || code === "HF_HOST_LOGIN") return { is: "silent", error: { code, message } };
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
  const identity = identityIn(facts.get("identity") ?? "");
  // Until its agent was deployed once, the host never served as this machine.
  const isWhole = (facts.get("specs") ?? "").split(" ").includes("agent.json");
  if (identity === null || !isWhole) return { is: "bare" };
  if ([facts.get("agent"), facts.get("consul")].every(isOff)) return { is: "drained", identity };
  return { is: "deployed", identity, ageMs: nowS * 1000 - Date.parse(identity.since) };
}

function identityIn(base64: string): Identity | null {
  try {
    return identitySchema.parse(JSON.parse(Buffer.from(base64, "base64").toString("utf8")));
  } catch {
    return null;
  }
}

/** `inactive disabled`, in whichever order systemd says them. */
function isOff(words: string | undefined): boolean {
  const said = (words ?? "").split(" ").filter(Boolean);
  return said.includes("disabled") && (said.includes("inactive") || said.includes("failed"));
}
