/**
 * Why a host could not be reached over SSH, or not worked with: one kind for each thing that an operator can do
 * something about, and its words. Pure, so that the preflight and the commands say the same.
 */
import { type ErrorCode, HoldfastError, plainReason } from "../contract/errors.ts";
import type { SshEnd, Way } from "./way.ts";

export type Kind =
  /** No connection, or it was cut off before the login: the only kind that may be over in a moment. */
  | { readonly is: "unreachable"; readonly cause: unknown }
  /** The server hung up before it said who it is, as one does that has too many logins under way (MaxStartups). */
  | { readonly is: "hung-up" }
  | { readonly is: "wrong-host-key"; readonly shown: string }
  /** The server has no key of the pinned type. */
  | { readonly is: "no-such-host-key"; readonly offered: string }
  /** Nothing in common; `what` is "key exchange" or the like. */
  | { readonly is: "nothing-in-common"; readonly what: string; readonly offered: string }
  | { readonly is: "refused-login"; readonly byKey: boolean }
  /** The ssh-agent has more keys than the server wants to look at. */
  | { readonly is: "too-many-keys" }
  | { readonly is: "no-ssh-agent"; readonly cause: unknown }
  /** The jump host opens no connections for us. */
  | { readonly is: "no-forwarding" }
  /** Our command did not run; what came instead. */
  | { readonly is: "other-words"; readonly said: string }
  /** Our command ran, but not as root; what sudo said. */
  | { readonly is: "no-root"; readonly said: string }
  /** Files cannot be copied there; what came instead of SFTP. */
  | { readonly is: "no-sftp"; readonly said: string };

/** A failure on the way to a host: at its own SSH server, or at the jump host's. */
export class SshFailure extends Error {
  readonly kind: Kind;
  readonly at: SshEnd;

  constructor(kind: Kind, at: SshEnd) {
    super(kind.is, "cause" in kind ? { cause: kind.cause } : {});
    this.kind = kind;
    this.at = at;
  }
}

/** Whether another attempt in a moment may go better. */
export function mayPass(kind: Kind): boolean {
  return kind.is === "hung-up" || kind.is === "unreachable";
}

export interface Explanation {
  readonly code: ErrorCode;
  /** One sentence without its full stop. */
  readonly message: string;
  /** One sentence in the imperative. */
  readonly next: string;
}

export function explain(way: Way, { kind, at }: SshFailure): Explanation {
  const who = at === way.proxy ? `The jump host of ${way.name}` : way.name;
  const where = `${who} (${at.host})`;
  const login = (message: string, next: string): Explanation => ({
    code: "HF_HOST_LOGIN",
    message: `${where} ${message}`,
    next,
  });
  const unreachable = (reason: string, next: string): Explanation => ({
    code: "HF_HOST_UNREACHABLE",
    message: `${who} cannot be reached at ${at.user}@${at.host} port ${at.port}: ${reason}`,
    next,
  });
  switch (kind.is) {
    case "unreachable":
      return unreachable(
        plainReason(kind.cause),
        "Check that it has power and network, that sshd runs, and that address and port are right.",
      );
    case "hung-up":
      return unreachable(
        "its SSH server hangs up before the login, again and again",
        "Look at its journal (journalctl -u ssh): too many logins at once (MaxStartups), a ban (fail2ban), or no SSH server on that port.",
      );
    case "wrong-host-key":
      return {
        code: "HF_HOST_KEY_MISMATCH",
        message: `${where} shows another SSH host key than the pinned one: ${kind.shown}`,
        next: "If the host was set up anew, pin its new hostKey and run pulumi up; if not, somebody else may be answering.",
      };
    case "no-such-host-key":
      return {
        code: "HF_HOST_KEY_MISMATCH",
        message: `${where} has no SSH host key of the pinned type, ${at.hostKey.split(" ")[0]}: it has ${kind.offered}`,
        next: "Pin a key that it has (ssh-keyscan shows them, its console shows whether they are its own), or look for who answers there.",
      };
    case "nothing-in-common":
      return login(
        `offers no ${kind.what} that holdfast's SSH library knows: only ${kind.offered}`,
        `Allow one more in its sshd_config, such as ${better[kind.what] ?? "one of OpenSSH's defaults"}; OpenSSH's own defaults are enough.`,
      );
    case "refused-login":
      return {
        code: "HF_HOST_UNREACHABLE",
        message: `${where} refused the SSH login of ${at.user}`,
        next: kind.byKey
          ? `Put the public half of holdfast:ssh.privateKey into ${at.user}'s authorized_keys, or correct the user.`
          : `Load a key into your ssh-agent that is in ${at.user}'s authorized_keys (ssh-add -l shows what it has), or correct the user.`,
      };
    case "too-many-keys":
      return {
        code: "HF_HOST_UNREACHABLE",
        message: `${where} refused the SSH login of ${at.user} after too many keys of the ssh-agent (MaxAuthTries)`,
        next: "Keep fewer keys in the agent (ssh-add -l, ssh-add -d), or give the stack a key of its own: holdfast:ssh.privateKey.",
      };
    case "no-ssh-agent":
      return {
        code: "HF_HOST_UNREACHABLE",
        message: `The ssh-agent gave no key for ${way.name}: ${plainReason(kind.cause)}`,
        next: "Check that your ssh-agent runs, and that SSH_AUTH_SOCK is its socket.",
      };
    case "no-forwarding":
      return login(
        `does not open connections to others (AllowTcpForwarding): it cannot be the way to ${way.name}`,
        `Set AllowTcpForwarding local in its sshd_config, or for ${at.user} alone with a Match block.`,
      );
    case "other-words":
      return login(
        `lets ${at.user} in, but does not run what it is told: ${quoted(kind.said)}`,
        `Take away what stands in between (ForceCommand in sshd_config, command= in authorized_keys, a nologin shell, one that is not POSIX), or set another user.`,
      );
    case "no-root":
      return login(
        `gives ${at.user} no root rights: ${quoted(kind.said)}`,
        `Allow it sudo without a password and without a terminal (echo '${at.user} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/holdfast), or log in as root.`,
      );
    case "no-sftp":
      return login(
        `takes no files, for it has no working SFTP: ${quoted(kind.said)}`,
        "Put the line Subsystem sftp internal-sftp into its sshd_config: it also works where a shell's start-up files print something.",
      );
  }
}

/** What OpenSSH has had for years. */
const better: Readonly<Record<string, string>> = {
  "key exchange": "curve25519-sha256 (KexAlgorithms)",
  cipher: "aes256-gcm@openssh.com (Ciphers)",
  MAC: "hmac-sha2-256-etm@openssh.com (MACs)",
};

/** The first lines of what somebody said, as one. */
function quoted(said: string): string {
  const lines = said.split("\n").map((line) => line.trim());
  const words = lines.filter((line) => line !== "").slice(0, 3);
  if (words.length === 0) return "it says nothing";
  const text = words.join(" / ").replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, "");
  return `it says "${text.length > 300 ? `${text.slice(0, 300)}…` : text}"`;
}

/** The error of a command; any other error as it is. */
export function errorFrom(way: Way, error: unknown): unknown {
  if (!(error instanceof SshFailure)) return error;
  const { code, message, next } = explain(way, error);
  return new HoldfastError(code, `${message}.`, { next, cause: error });
}
