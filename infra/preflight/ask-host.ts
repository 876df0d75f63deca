/** Asks one host for its facts over SSH, with the pinned host key and no other. */
import { type Config, NodeSSH } from "node-ssh";
import ssh2 from "ssh2";
import { plainReason } from "../../contract/errors.ts";
import type { Fault } from "../config/faults.ts";
import type { Host } from "../config/topology.ts";
import { factsScript, parseFacts } from "./host-facts.ts";
import type { HostReport } from "./host-faults.ts";

const connectWithinMs = 10_000;
const answerWithinMs = 20_000;

export type Answer = { readonly report: HostReport } | { readonly fault: Fault };

/** What keeps us out of every host alike, so that it is said once. */
export function accessFault(
  privateKey: string | undefined,
  agentSocket = process.env.SSH_AUTH_SOCK,
): Fault | undefined {
  if (privateKey === undefined)
    return agentSocket
      ? undefined
      : {
          code: "HF_HOST_UNREACHABLE",
          message: "holdfast:ssh.agent is true, but no ssh-agent runs here (SSH_AUTH_SOCK is not set)",
          next: "Start one and load your key: eval $(ssh-agent) && ssh-add.",
        };
  const key = ssh2.utils.parseKey(privateKey);
  if (!(key instanceof Error)) return undefined;
  return {
    code: "HF_CONFIG_INVALID",
    message: `holdfast:ssh.privateKey cannot be read: ${plainReason(key)}`,
    next: "Set it again from the whole file: pulumi config set --secret --path holdfast:ssh.privateKey < KEYFILE",
  };
}

export async function askHost(host: Host, privateKey: string | undefined): Promise<Answer> {
  const ssh = new NodeSSH();
  let shown: Buffer | undefined;
  const [type = "", pinned = ""] = host.ssh.hostKey.split(" ");
  const config: Config = {
    host: host.address,
    port: host.ssh.port,
    username: host.ssh.user,
    readyTimeout: connectWithinMs,
    // Only the pinned type: a host may have keys of several.
    algorithms: { serverHostKey: [type as never] },
    hostVerifier: (key: Buffer) => {
      shown = key;
      return key.toString("base64") === pinned;
    },
    ...(privateKey === undefined ? { agent: process.env.SSH_AUTH_SOCK ?? "" } : { privateKey }),
  };
  try {
    await ssh.connect(config);
    // node-ssh takes its handler off now; a connection that breaks shows as no answer, and must not end the program.
    ssh.connection?.on("error", () => {});
    return await readFacts(host, ssh);
  } catch (error) {
    const mismatch = shown !== undefined && shown.toString("base64") !== pinned;
    return { fault: mismatch ? wrongKey(host, type, shown) : unreachable(host, error, privateKey) };
  } finally {
    ssh.dispose();
  }
}

async function readFacts(host: Host, ssh: NodeSSH): Promise<Answer> {
  const shell = host.ssh.user === "root" ? "sh -s" : "sudo -n sh -s";
  const sentMs = Date.now();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error("it did not answer in time")), answerWithinMs);
  const { stdout, stderr } = await Promise.race([
    // SSH_CONNECTION is told before sudo, which would drop it.
    ssh.execCommand(`printf 'client=%s\\n' "\${SSH_CONNECTION%% *}"; ${shell}`, { stdin: factsScript }),
    timeout.promise,
  ]).finally(() => clearTimeout(timer));
  const tookMs = Date.now() - sentMs;
  const facts = parseFacts(stdout);
  if (facts === undefined) return { fault: noAnswer(host, stderr) };
  return {
    report: {
      host,
      facts,
      clockOffsetMs: facts.time * 1000 - (sentMs + tookMs / 2),
      uncertaintyMs: tookMs / 2,
    },
  };
}

function wrongKey(host: Host, type: string, shown: Buffer | undefined): Fault {
  return {
    code: "HF_HOST_KEY_MISMATCH",
    message: `${host.name} (${host.address}) shows another SSH host key than the pinned one: ${type} ${shown?.toString("base64")}`,
    next: "If the host was set up anew, pin its new hostKey; if not, somebody else may be answering.",
  };
}

function unreachable(host: Host, error: unknown, privateKey: string | undefined): Fault {
  const { level } = error as { level?: string };
  return {
    code: "HF_HOST_UNREACHABLE",
    message: `${host.name} cannot be reached at ${host.ssh.user}@${host.address} port ${host.ssh.port}: ${plainReason(error)}`,
    next: nextFor(level, host.ssh.user, privateKey),
  };
}

/** @param level where the SSH library was when it failed. */
function nextFor(level: string | undefined, user: string, privateKey: string | undefined): string {
  if (level === "agent") return "Check that your ssh-agent runs, and that SSH_AUTH_SOCK is its socket.";
  if (level !== "client-authentication")
    return "Check that it has power and network, that sshd runs, and that address, port and type of hostKey are right.";
  return privateKey === undefined
    ? `Load a key into your ssh-agent that is in ${user}'s authorized_keys (ssh-add -l shows what it has), or correct the user.`
    : `Put the public half of holdfast:ssh.privateKey into ${user}'s authorized_keys, or correct the user.`;
}

function noAnswer(host: Host, stderr: string): Fault {
  const why = stderr.trim().split("\n")[0] || "its shell gave no answer";
  return {
    code: "HF_HOST_UNFIT",
    message: `${host.name} (${host.address}) cannot be looked at: ${why.replace(/\.$/, "")}`,
    next: `Allow ${host.ssh.user} sudo without a password, and give it a POSIX shell.`,
  };
}
