/**
 * Consul's management token. The stack made it and keeps it; no host does. It comes on stdin when ACLs are changed, and here
 * Consul is made to know it: by the bootstrap of its ACLs, which Consul allows once (PUT /v1/acl/bootstrap), with a
 * secret that we choose.
 *
 * Idea: ask first whether Consul knows the token. So an apply that was cut off goes on, a cluster whose servers were once told the token by
 * their configuration is as good as any, and one that lost all its data is bootstrapped anew.
 * Awkward case: Consul was bootstrapped with another token (a snapshot from before an adoption, an adopted cluster, somebody who
 * was faster). Only who is root on the server that leads can have it bootstrap again, by a file with the number of the last
 * bootstrap. That takes over Consul's ACLs, so it is done on purpose alone: by `resetManagement`.
 */
import { HoldfastError } from "../contract/errors.ts";
import { paths } from "../contract/paths.ts";
import { ConsulRefused, ConsulUnknown } from "../host/consul/errors.ts";
import { deleteFile, writeFileAtomic } from "./atomic-file.ts";
import type { Change } from "./converge.ts";
import { type Progress, unhurried } from "./progress.ts";

/** Consul, asked with the token that it is to know. */
export interface Management {
  knowsToken(): Promise<boolean>;
  /** `resetIndex`: it was bootstrapped before, and this number in the leader's reset file would let it happen again. */
  bootstrap(): Promise<"done" | { readonly resetIndex: number }>;
}

export interface ManagementWait {
  readonly withinMs: number;
  readonly progress: Progress;
  done(change: Change): void;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/** Where Consul's leader looks for the number, and removes it once it was used (agent/consul/acl_endpoint.go). */
export const resetFile = `${paths.consulData}/acl-bootstrap-reset`;

const lookEveryMs = 500;
const what = "consul management token";

/** Consul's answer to a second bootstrap, and to one with a wrong number in the file. */
export function resetIndexIn(message: string): number | null {
  const match = /\b(?:no longer allowed|Invalid bootstrap reset index) \((?:specified \d+, )?reset index: (\d+)\)/.exec(
    message,
  );
  return match === null ? null : Number(match[1]);
}

/**
 * Returns once Consul knows the token.
 * @throws HoldfastError HF_REFUSED when Consul was bootstrapped with another one; HF_TIMEOUT after `withinMs` without an answer
 */
export async function ensureManagement(consul: Management, wait: ManagementWait): Promise<void> {
  await untilAnswered(wait, async () => {
    const seen = await attempt(consul);
    if (typeof seen === "object") throw otherToken(seen.resetIndex);
    if (seen === "made") wait.done({ what, why: "Consul's ACLs were not set up" });
    return true;
  });
}

/** On a server's host, as root: the file. */
export interface ResetFile {
  write(index: number): Promise<void>;
  remove(): Promise<void>;
}

/** Consul's own directory, so Consul can take it away again. */
export const resetFileOnDisk: ResetFile = {
  write: async (index) => await writeFileAtomic(resetFile, `${index}\n`, { mode: "0644", uid: 0, gid: 0 }),
  remove: async () => await deleteFile(resetFile),
};

/**
 * The same where Consul was bootstrapped with another token: to be run on all of its servers at once, for only the one
 * that leads looks at its file, and any may.
 */
export async function resetManagement(consul: Management, file: ResetFile, wait: ManagementWait): Promise<void> {
  await untilAnswered(wait, async () => {
    const seen = await attempt(consul);
    if (typeof seen !== "object") {
      if (seen === "made") wait.done({ what, why: "Consul's ACLs were not set up" });
      return true;
    }
    try {
      await file.write(seen.resetIndex);
      if ((await consul.bootstrap()) !== "done") return "no server that leads has let itself be bootstrapped again yet";
    } finally {
      // A number that stays would let anybody do it again, should a snapshot of before come back.
      await file.remove();
    }
    wait.done({ what, why: "Consul's ACLs were set up with another one" });
    return true;
  });
}

async function attempt(consul: Management): Promise<"known" | "made" | { readonly resetIndex: number }> {
  if (await consul.knowsToken()) return "known";
  const made = await consul.bootstrap();
  if (made === "done") return "made";
  // Somebody may just have been first with the very same: another apply, or a server that has it in its configuration still (0.1).
  return (await consul.knowsToken()) ? "known" : made;
}

/** @param look true: it is done; otherwise what is waited for */
async function untilAnswered(wait: ManagementWait, look: () => Promise<true | string>): Promise<void> {
  const startMs = wait.nowMs();
  const say = unhurried(wait.progress, wait.nowMs);
  for (;;) {
    let missing: string;
    try {
      const seen = await look();
      if (seen === true) return;
      missing = seen;
    } catch (error) {
      // Just after the first election it says neither yes nor no.
      if (!(error instanceof ConsulUnknown) && !(error instanceof ConsulRefused)) throw error;
      missing = error.message;
    }
    if (wait.nowMs() - startMs >= wait.withinMs)
      throw new HoldfastError("HF_TIMEOUT", `Consul does not take the management token: ${missing}.`, {
        next: "Look at journalctl -u holdfast-consul on this host.",
      });
    say(`waiting for Consul's ACLs: ${missing}`);
    await wait.sleep(lookEveryMs);
  }
}

function otherToken(resetIndex: number): HoldfastError {
  return new HoldfastError(
    "HF_REFUSED",
    `Consul's ACLs were set up with another management token than this stack's (reset index ${resetIndex}). Nothing was changed in them.`,
    {
      next:
        'Find out whose it is: docs/operate/snapshots.md, "When Consul does not know the management token", says how, and how to ' +
        `have Consul take the stack's: on the host that leads Consul, echo ${resetIndex} > ${resetFile}, then pulumi up again.`,
    },
  );
}
