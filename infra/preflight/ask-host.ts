/** Asks one host for its facts over SSH, with the pinned host keys and no others. */
import ssh2 from "ssh2";
import { withoutVariable } from "../../contract/cloud.ts";
import { plainReason } from "../../contract/errors.ts";
import { type Dialled, dial } from "../../ssh/dial.ts";
import { exec } from "../../ssh/exec.ts";
import { explain, SshFailure } from "../../ssh/failure.ts";
import type { Way } from "../../ssh/way.ts";
import { type Fault, faultFrom } from "../config/faults.ts";
import type { Host } from "../config/topology.ts";
import type { HostReport } from "./host-facts.ts";
import { parseFacts, type Question, scriptFor } from "./host-facts.ts";

const connectWithinMs = 10_000;
/** For how long a failed connection is tried again. */
const retryForMs = 6000;
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

export async function askHost(host: Host, privateKey: string | undefined, question: Question): Promise<Answer> {
  const way: Way = { name: host.name, ...host.ssh };
  const login = privateKey === undefined ? { agentSocket: process.env.SSH_AUTH_SOCK ?? "" } : { privateKey };
  let open: Dialled | undefined;
  try {
    open = await dial(way, login, { withinMs: connectWithinMs, retryMs: retryForMs });
    const answer = await readFacts(host, way, open, question);
    if ("report" in answer) await proveSftp(open, way);
    return answer;
  } catch (error) {
    return { fault: error instanceof SshFailure ? faultOf(way, error) : faultFrom(error) };
  } finally {
    open?.destroy();
  }
}

/** A host that is dead keeps the others from being changed: what ends that, besides bringing it back. */
function faultOf(way: Way, failure: SshFailure): Fault {
  const fault = explain(way, failure);
  if (failure.kind.is !== "unreachable" || failure.at === way.proxy) return fault;
  const { name } = way;
  return {
    ...fault,
    next:
      `${fault.next} To change the others meanwhile: ${withoutVariable}=${name} pulumi up. If its machine is lost: ` +
      `holdfast replace ${name} for another one, or take ${name} out of holdfast:hosts and put it into holdfast:gone.`,
  };
}

async function readFacts(host: Host, way: Way, { client }: Dialled, question: Question): Promise<Answer> {
  const sentMs = Date.now();
  // sudo would drop the variable: the login's own shell hands it over. And it must take a document, as in all commands
  // that will follow.
  const script = { behind: `"$SSH_CONNECTION" <<\\HOLDFAST_SCRIPT\n${scriptFor(question)}\nHOLDFAST_SCRIPT\n` };
  const { stdout, stderr } = await inTime(way, exec(client, way, ["sh", "-s", "--"], script));
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

/** Programs and data go to the hosts by SFTP, and only then would it show that there is none. */
async function proveSftp({ client }: Dialled, way: Way): Promise<void> {
  const asked = new Promise<void>((resolve, reject) => {
    const fail = (error: Error) => reject(new SshFailure({ is: "no-sftp", said: error.message }, way));
    client.sftp((error, sftp) => {
      if (error !== undefined) return fail(error);
      sftp.on("error", fail);
      sftp.realpath(".", (cause) => (cause === undefined ? resolve() : fail(cause)));
    });
  });
  await inTime(way, asked, { is: "no-sftp", said: "no answer in time" });
}

/** @throws SshFailure when it takes longer than a host that lives */
export async function inTime<T>(
  way: Way,
  asked: Promise<T>,
  kind: SshFailure["kind"] = { is: "unreachable", cause: new Error("it did not answer in time") },
): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new SshFailure(kind, way)), answerWithinMs);
  return await Promise.race([asked, timeout.promise]).finally(() => clearTimeout(timer));
}

function noAnswer(host: Host, stderr: string): Fault {
  const why = stderr.trim().split("\n")[0] || "its shell gave no answer";
  return {
    code: "HF_HOST_UNFIT",
    message: `${host.name} (${host.address}) cannot be looked at: ${why.replace(/\.$/, "")}`,
    next: "Look at it yourself: what ran there is a shell script for any POSIX sh.",
  };
}
