import { expect, test } from "vitest";
import { HoldfastError } from "../contract/errors.ts";
import { ConsulRefused, ConsulUnknown } from "../host/consul/errors.ts";
import {
  ensureManagement,
  type Management,
  type ManagementWait,
  type ResetFile,
  resetIndexIn,
  resetManagement,
} from "./management-token.ts";

/** Consul's servers, as far as bootstrapping goes: one leads, and looks for the number on its own disk. */
class Cluster {
  token: string | null = null;
  /** Raft index of the last bootstrap; 0: there was none. */
  index = 0;
  leader = "host-a";
  readonly files = new Map<string, number>();
  bootstraps = 0;

  /** As its own Consul shows it to an apply on a host. */
  seenWith(token: string): Management {
    return {
      knowsToken: async () => this.token === token,
      bootstrap: async () => {
        if (this.index !== 0 && this.files.get(this.leader) !== this.index) return { resetIndex: this.index };
        this.files.delete(this.leader);
        this.bootstraps += 1;
        this.token = token;
        this.index += 10;
        return "done";
      },
    };
  }

  fileOn(host: string): ResetFile {
    return {
      write: async (index) => void this.files.set(host, index),
      remove: async () => void this.files.delete(host),
    };
  }
}

function waiting(withinMs = 5000): ManagementWait & { readonly changes: string[] } {
  let now = 0;
  const changes: string[] = [];
  return {
    changes,
    withinMs,
    progress: () => {},
    done: ({ what, why }) => changes.push(`${what}: ${why}`),
    nowMs: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
}

test("a new cluster is bootstrapped once, with the stack's own secret, and by a second apply not again", async () => {
  const cluster = new Cluster();
  const first = waiting();
  await ensureManagement(cluster.seenWith("ours"), first);
  expect(cluster.token).toBe("ours");
  expect(first.changes).toEqual(["consul management token: Consul's ACLs were not set up"]);
  const second = waiting();
  await ensureManagement(cluster.seenWith("ours"), second);
  expect(second.changes).toEqual([]);
  expect(cluster.bootstraps).toBe(1);
});

test("a cluster that knows the token from its configuration, as in 0.1, is left as it is", async () => {
  const cluster = new Cluster();
  Object.assign(cluster, { token: "ours", index: 7 });
  await ensureManagement(cluster.seenWith("ours"), waiting());
  expect(cluster.bootstraps).toBe(0);
});

test("one that lost all its data is bootstrapped anew", async () => {
  const cluster = new Cluster();
  await ensureManagement(cluster.seenWith("ours"), waiting());
  Object.assign(cluster, { token: null, index: 0 });
  await ensureManagement(cluster.seenWith("ours"), waiting());
  expect(cluster.token).toBe("ours");
});

test.each<[string, () => Error]>([
  ["no leader yet", () => new ConsulUnknown("No cluster leader")],
  ["its leader has not got to it", () => new ConsulRefused(403, "The ACL system must be bootstrapped first")],
])("%s: waits", async (_, weather) => {
  const consul = new Cluster().seenWith("ours");
  let times = 3;
  const stormy: Management = {
    ...consul,
    bootstrap: async () => {
      if (times-- > 0) throw weather();
      return await consul.bootstrap();
    },
  };
  await ensureManagement(stormy, waiting());
  await expect(ensureManagement({ ...stormy, knowsToken: () => Promise.reject(weather()) }, waiting())).rejects.toThrow(
    expect.objectContaining({ code: "HF_TIMEOUT" }),
  );
});

test("a bootstrap that went through though nobody heard of it is found at the next look", async () => {
  const consul = new Cluster().seenWith("ours");
  const deaf: Management = {
    ...consul,
    bootstrap: async () => {
      await consul.bootstrap();
      throw new ConsulUnknown("timeout");
    },
  };
  await ensureManagement(deaf, waiting());
});

test("who was first with the same token does not matter", async () => {
  const cluster = new Cluster();
  const consul = cluster.seenWith("ours");
  let asked = 0;
  const late: Management = {
    knowsToken: async () => asked++ > 0 && (await consul.knowsToken()),
    bootstrap: consul.bootstrap,
  };
  await ensureManagement(consul, waiting());
  await ensureManagement(late, waiting());
  expect(cluster.bootstraps).toBe(1);
});

test("one that was set up with another token is left alone, with the way out", async () => {
  const cluster = new Cluster();
  await ensureManagement(cluster.seenWith("theirs"), waiting());
  const refused = await ensureManagement(cluster.seenWith("ours"), waiting()).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(HoldfastError);
  expect(refused).toMatchObject({
    code: "HF_REFUSED",
    message: expect.stringContaining("(reset index 10)"),
    next: expect.stringContaining("echo 10 > /var/lib/holdfast-consul/acl-bootstrap-reset"),
  });
  // The operator has written it, on the host that leads.
  cluster.files.set("host-a", 10);
  await ensureManagement(cluster.seenWith("ours"), waiting());
  expect(cluster.token).toBe("ours");
});

test("on purpose it is taken over, from whichever host leads, and no number stays anywhere", async () => {
  for (const leader of ["host-a", "host-b", "host-c"]) {
    const cluster = new Cluster();
    await ensureManagement(cluster.seenWith("theirs"), waiting());
    cluster.leader = leader;
    const waits = ["host-a", "host-b", "host-c"].map((host) => [host, waiting()] as const);
    await Promise.all(
      waits.map(([host, wait]) => resetManagement(cluster.seenWith("ours"), cluster.fileOn(host), wait)),
    );
    expect(cluster.token).toBe("ours");
    expect(cluster.files.size).toBe(0);
    expect(cluster.bootstraps).toBe(2);
  }
});

test("where no server that leads takes part it ends, and no number stays", async () => {
  const cluster = new Cluster();
  await ensureManagement(cluster.seenWith("theirs"), waiting());
  await expect(resetManagement(cluster.seenWith("ours"), cluster.fileOn("host-b"), waiting())).rejects.toThrow(
    expect.objectContaining({ code: "HF_TIMEOUT" }),
  );
  expect(cluster.files.size).toBe(0);
  expect(cluster.token).toBe("theirs");
});

test("taking over a cluster that knows the token, or knows none, needs no number", async () => {
  const cluster = new Cluster();
  await resetManagement(cluster.seenWith("ours"), cluster.fileOn("host-b"), waiting());
  await resetManagement(cluster.seenWith("ours"), cluster.fileOn("host-b"), waiting());
  expect(cluster.bootstraps).toBe(1);
});

test.each([
  ["Permission denied: ACL bootstrap no longer allowed (reset index: 27)", 27],
  ["ACL bootstrap no longer allowed (reset index: 9)", 9],
  ["Invalid bootstrap reset index (specified 3, reset index: 27)", 27],
  ["Permission denied", null],
  ["No cluster leader", null],
])("Consul says: %s", (message, index) => expect(resetIndexIn(message)).toBe(index));
