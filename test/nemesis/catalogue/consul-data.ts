/** What is in Consul: snapshots, data, rights, and what an operator can do to the lock. */
import { snapshotFault } from "../../../contract/snapshot-file.ts";
import { up } from "../../scenarios/cluster.ts";
import {
  failoverMs,
  failoverWithElectionMs,
  lostSessionMs,
  tamperedAfterHealMs,
  tamperedMs,
  undisturbedMs,
} from "../bounds.ts";
import { inArea, type Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { data, onConsuls, settleMs, stabilizeMs, unit } from "./consul-service.ts";

/** An agent's token, as the management token sees it. */
interface Token {
  readonly AccessorID: string;
  readonly Policies: readonly { readonly Name: string }[] | null;
}

const tokens = new WeakMap<Stage, { body: string }>();

/** From whichever server gives all of it (host/consul/snapshot.ts says why one may not). */
async function wholeSnapshot(stage: Stage): Promise<Buffer> {
  for (const through of stage.hosts) {
    const snapshot = await stage.consul("GET", "/snapshot", { through }).catch(() => null);
    if (snapshot !== null && (await snapshotFault(snapshot)) === null) return snapshot;
  }
  throw new Error("no Consul server gave a whole snapshot");
}

export const consulData: readonly Scenario[] = inArea("consul", [
  {
    name: "snapshot-with-an-old-lock",
    sentence: "A snapshot from before a switchover is restored: it shows the old holder's session and lock.",
    expects: "either",
    boundMs: tamperedMs,
    run: async (stage) => {
      const snapshot = await wholeSnapshot(stage);
      const moved = await stage.holdfast("switchover", "--yes", "--heard-timeout", "0", "--to", stage.standby);
      if (moved.code !== 0) throw new Error(moved.stderr);
      await stage.wait(5000);
      stage.broken();
      await stage.consul("PUT", "/snapshot", { body: snapshot });
      await stage.wait(20_000);
    },
  },
  {
    name: "snapshot-of-the-same-holder",
    sentence: "A snapshot taken 10 s ago is restored under a live lease.",
    expects: "either",
    boundMs: failoverWithElectionMs,
    run: async (stage) => {
      const snapshot = await wholeSnapshot(stage);
      await stage.wait(10_000);
      stage.broken();
      await stage.consul("PUT", "/snapshot", { body: snapshot });
      await stage.wait(15_000);
    },
  },
  {
    name: "data-of-one-wiped",
    sentence: "The data of the holder's Consul is deleted, and Consul restarted.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.breakBy(stage.active, `systemctl stop ${unit} && rm -rf ${data}/* && systemctl start ${unit}`);
      await stage.wait(stabilizeMs);
    },
  },
  {
    name: "data-of-all-wiped",
    sentence:
      "The data of all Consul servers is deleted: lock, sessions and tokens are gone until a plain `pulumi up` bootstraps the ACLs anew.",
    expects: "silent",
    boundMs: tamperedAfterHealMs,
    run: async (stage) => {
      await onConsuls(stage, stage.hosts, "stop");
      await Promise.all(stage.hosts.map((host) => stage.on(host, `rm -rf ${data}/*`)));
      await onConsuls(stage, stage.hosts, "start");
      await stage.wait(20_000);
      const { code, stdout, stderr } = await up();
      if (code !== 0) throw new Error(`pulumi up: ${(stdout + stderr).slice(-1500)}`);
      stage.healed();
    },
  },
  {
    name: "token-revoked",
    sentence: "The Consul token of the holder is deleted: its renewals are refused.",
    expects: "moves",
    boundMs: failoverMs,
    run: async (stage) => {
      const all = await stage.consulJson<Token[]>("/acl/tokens");
      const mine = all.find(({ Policies }) => Policies?.some(({ Name }) => Name === `holdfast-${stage.active}`));
      if (mine === undefined) throw new Error(`no token with the policy holdfast-${stage.active}`);
      const body = (await stage.consul("GET", `/acl/token/${mine.AccessorID}`)).toString("utf8");
      tokens.set(stage, { body });
      stage.broken();
      await stage.consul("DELETE", `/acl/token/${mine.AccessorID}`);
      await stage.wait(16_000);
    },
    undo: async (stage) => {
      const kept = tokens.get(stage);
      if (kept === undefined) return;
      const { AccessorID, SecretID, Description, Policies, Local } = JSON.parse(kept.body) as Record<string, unknown>;
      await stage.consul("PUT", "/acl/token", {
        body: JSON.stringify({ AccessorID, SecretID, Description, Policies, Local }),
      });
      stage.healed();
    },
  },
  {
    name: "session-destroyed",
    sentence: "Somebody destroys the lock's session; Consul's lock-delay begins.",
    expects: "either",
    boundMs: lostSessionMs,
    run: async (stage) => {
      const session = await stage.lockSession();
      stage.broken();
      await stage.consul("PUT", `/session/destroy/${session}`);
      await stage.wait(settleMs);
    },
  },
  {
    name: "lock-deleted",
    sentence: "Somebody deletes the lock's key under a live lease; its LockIndex starts anew.",
    expects: "either",
    boundMs: tamperedMs,
    run: async (stage) => {
      stage.broken();
      await stage.consul("DELETE", `/kv/${stage.lockKey}`);
      await stage.wait(settleMs);
    },
  },
  {
    name: "lock-overwritten",
    sentence: "Somebody writes another value into the lock's key: Consul keeps its session, and resets its LockIndex.",
    // The holder sees another epoch than its own, and gives way.
    expects: "either",
    boundMs: tamperedMs,
    run: async (stage) => {
      stage.broken();
      await stage.consul("PUT", `/kv/${stage.lockKey}`, { body: "somebody wrote this" });
      await stage.wait(settleMs);
    },
  },
  {
    name: "lock-released-by-another",
    sentence: "Somebody releases the lock in the name of the holder's session.",
    expects: "either",
    boundMs: tamperedMs,
    run: async (stage) => {
      const session = await stage.lockSession();
      stage.broken();
      await stage.consul("PUT", `/kv/${stage.lockKey}?release=${session}`, { body: "{}" });
      await stage.wait(settleMs);
    },
  },
]);
