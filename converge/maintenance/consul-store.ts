/** The maintenance lock's keys in Consul, through whichever server answers. */
import { HoldfastError } from "../../contract/errors.ts";
import { consulKeys, type Network } from "../../contract/topology.ts";
import { readShape, textOf, understood } from "../../contract/wire/format.ts";
import { type FailureNote, failureNoteShape, maintenanceNoteShape } from "../../contract/wire/notes.ts";
import { ConsulClient, type ConsulConnection } from "../../host/consul/client.ts";
import { ConsulRefused, ConsulUnknown } from "../../host/consul/errors.ts";
import { askVoters, clientAt, heirOf, withoutOne } from "../../host/consul/voters.ts";
import { lockDelayMs, type MaintenanceStore, type MaintenanceView, StoreUnavailable, sessionTtlMs } from "./store.ts";

/** For one server; every call here may be repeated with another one. */
const timeoutMs = 3000;

/**
 * @param servers this host's own Consul first.
 * @param cluster `host` is this host's name in Consul: the node of its sessions, and its server's name.
 * @param managementToken for what no host may do by itself: have another server lead. Absent: it is not done
 */
export function consulMaintenanceStore(
  servers: readonly ConsulConnection[],
  cluster: { readonly network: Network; readonly account: string; readonly host: string },
  managementToken?: string,
): MaintenanceStore & { close(): void } {
  const clients = servers.map((server) => new ConsulClient(server));
  const keys = consulKeys(cluster.network, cluster.account);
  // Both keys are below this prefix, so one read sees both at one index.
  const prefix = keys.maintenance.slice(0, keys.maintenance.lastIndexOf("/") + 1);

  /** Asks one server after the other; a server that knows nothing is no answer. */
  const ask = async <T>(question: (client: ConsulClient) => Promise<T>): Promise<T> => {
    let last: unknown;
    for (const client of clients) {
      try {
        return await question(client);
      } catch (error) {
        if (error instanceof ConsulRefused) throw refused(error, cluster.host, client.url);
        if (!(error instanceof ConsulUnknown)) throw error;
        last = error;
      }
    }
    throw new StoreUnavailable("no Consul server gives an answer", { cause: last });
  };

  return {
    createSession: () =>
      ask((client) =>
        client.createSession({
          node: cluster.host,
          name: "holdfast maintenance",
          ttlMs: sessionTtlMs,
          lockDelayMs,
          timeoutMs,
        }),
      ),
    renewSession: (session) => ask((client) => client.renewSession(session, timeoutMs)),
    destroySession: (session) => ask((client) => client.destroySession(session, timeoutMs)),
    view: () =>
      ask(async (client): Promise<MaintenanceView> => {
        const { entries } = await client.readPrefix(prefix, { timeoutMs });
        const lock = entries.find((entry) => entry.key === keys.maintenance);
        const failure = entries.find((entry) => entry.key === keys.maintenanceFailure);
        return {
          // A note that is not understood is none: then only the key's session and index count.
          lock:
            lock === undefined
              ? null
              : { session: lock.session, note: understood(readShape(maintenanceNoteShape, lock.value)) },
          failure:
            failure === undefined
              ? null
              : {
                  ...(understood(readShape(failureNoteShape, failure.value)) ?? unreadable),
                  modifyIndex: failure.modifyIndex,
                },
        };
      }),
    acquire: (session, note) =>
      ask((client) => client.acquire(keys.maintenance, session, textOf(maintenanceNoteShape, note), timeoutMs)),
    release: (session, note) =>
      ask((client) => client.release(keys.maintenance, session, textOf(maintenanceNoteShape, note), timeoutMs)),
    putFailure: async (note) => {
      await ask((client) => client.put(keys.maintenanceFailure, textOf(failureNoteShape, note), { timeoutMs }));
    },
    clearFailure: () => ask((client) => client.delete(keys.maintenanceFailure, timeoutMs)),
    reserve: () =>
      ask(async (client) => {
        const voters = await askVoters(client, clientAt(servers[0] as ConsulConnection), timeoutMs);
        // For a moment after its start Consul knows of no server: that is not as if this one were none.
        if (voters.length === 0)
          return { spare: 0, ownCounts: true, faults: ["Consul knows of no server yet"], heir: null };
        const { spare, counts, faults } = withoutOne(voters, cluster.host);
        return {
          spare: spare + Number(counts),
          ownCounts: counts,
          faults,
          heir: managementToken === undefined ? null : heirOf(voters, cluster.host),
        };
      }),
    leads: () =>
      ask(async (client) =>
        (await client.health(timeoutMs)).Servers.some(({ Name, Leader }) => Name === cluster.host && Leader),
      ),
    async handOver({ id }) {
      if (managementToken === undefined) return;
      const client = new ConsulClient({ ...(servers[0] as ConsulConnection), token: managementToken });
      try {
        await client.transferLeadership(id);
      } catch (error) {
        // No, or perhaps. A cluster that is being adopted does not know this stack's token yet.
        if (!(error instanceof ConsulRefused) && !(error instanceof ConsulUnknown)) throw error;
      } finally {
        client.close();
      }
    },
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

/** Somebody failed, and all that can be told is that. */
const unreadable: FailureNote = { host: "an unknown host", error: "what it wrote cannot be read", at: "" };

/** Consul heard us and said no: asking another server gives the same. */
function refused(error: ConsulRefused, host: string, url: string): HoldfastError {
  return new HoldfastError(
    "HF_CONSUL",
    `Consul (${url}) refuses what ${host} asks of the maintenance lock: ${error.message} (${error.status}).`,
    {
      next: "Run pulumi up: the concern acl gives every host its token and rights again, and docs/operate/changes.md says what to do when it cannot.",
      cause: error,
    },
  );
}
