/** Asks one host for its facts over SSH, with the pinned host key and no other. */
import { type Config, NodeSSH } from "node-ssh";
import type { Fault } from "../config/faults.ts";
import type { Host } from "../config/topology.ts";
import { factsScript, parseFacts } from "./host-facts.ts";
import type { HostReport } from "./host-faults.ts";

const connectWithinMs = 10_000;
const answerWithinMs = 20_000;

export type Answer = { readonly report: HostReport } | { readonly fault: Fault };

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
    return await readFacts(host, ssh);
  } catch (error) {
    const mismatch = shown !== undefined && shown.toString("base64") !== pinned;
    return { fault: mismatch ? wrongKey(host, type, shown) : unreachable(host, error as Error) };
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

function unreachable(host: Host, { message }: Error): Fault {
  const login = /authentication/i.test(message);
  return {
    code: "HF_HOST_UNREACHABLE",
    message: `${host.name} cannot be reached at ${host.ssh.user}@${host.address} port ${host.ssh.port}: ${message.replace(/\.$/, "")}`,
    next: login
      ? `Put the public half of holdfast:ssh.privateKey into ${host.ssh.user}'s authorized_keys, or correct the user.`
      : "Check that it has power and network, that sshd runs, and that address, port and type of hostKey are right.",
  };
}

function noAnswer(host: Host, stderr: string): Fault {
  const why = stderr.trim().split("\n")[0] || "its shell gave no answer";
  return {
    code: "HF_HOST_UNFIT",
    message: `${host.name} (${host.address}) cannot be looked at: ${why.replace(/\.$/, "")}`,
    next: `Allow ${host.ssh.user} sudo without a password, and give it a POSIX shell.`,
  };
}
