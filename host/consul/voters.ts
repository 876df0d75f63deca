/**
 * Whether Consul keeps its quorum when one server is restarted or taken away: each voter is asked itself.
 *
 * Idea: the leader's list of servers (autopilot) is hearsay, and goes on calling a killed server healthy for 7 to 9 s. So
 * a voter counts only if it answers us by itself, hears the leader, and has applied what the leader had applied just before.
 * Awkward case: the server that is about to go. Of the others every doubt counts against them; of itself every
 * sign of life counts, for then the quorum may be resting on it.
 */
import { fromUrl, hostPort } from "../../contract/address.ts";
import { ports } from "../../contract/paths.ts";
import { majority } from "../../contract/quorum.ts";
import { type AutopilotHealth, ConsulClient, type ConsulConnection, type ServerWord } from "./client.ts";

/** Raft's heartbeats come several times a second. */
const mostSilenceMs = 1000;

/** A voter, and what speaks against counting on it; null: nothing. */
export interface Voter {
  readonly name: string;
  readonly fault: string | null;
  /** It gave an answer by itself, or the leader calls it healthy. */
  readonly lives: boolean;
  /** It gave no answer itself, which need not be its fault. */
  readonly unheard?: boolean;
  /** How far it was when the leader last asked it, and whether the leader is content with it. */
  readonly heardOf: { readonly index: number; readonly healthy: boolean };
  readonly server: RaftServer;
}

/** A server as Raft's leader knows it. */
export interface RaftServer {
  readonly id: string;
  readonly version: string;
  readonly leads: boolean;
}

type Server = AutopilotHealth["Servers"][number];

/** What asking needs of a client. */
export type Asked = Pick<ConsulClient, "health" | "leadersWord" | "ownWord" | "close">;

/**
 * @param through whoever answers for the cluster.
 * @param clientOf a client for the server at an address; it is closed here.
 * @throws ConsulUnknown when there is no leader, ConsulRefused when the token may not ask.
 */
export async function askVoters(
  through: Pick<Asked, "health" | "leadersWord">,
  clientOf: (address: string) => Pick<Asked, "ownWord" | "close">,
  timeoutMs = 3000,
): Promise<Voter[]> {
  const voters = (await through.health(timeoutMs)).Servers.filter((server) => server.Voter);
  const { index } = await through.leadersWord(timeoutMs);
  return await Promise.all(
    voters.map(async (server) => {
      const client = clientOf(hostPart(server.Address));
      try {
        return judge(server, await client.ownWord(), index);
      } catch (error) {
        return judge(server, error as Error, index);
      } finally {
        client.close();
      }
    }),
  );
}

/** For askVoters: the same way in, at another server. Its certificate has the address in it. */
export function clientAt(access: ConsulConnection): (address: string) => ConsulClient {
  return (address) => new ConsulClient({ ...access, url: `https://${hostPort(address, ports.consulHttps)}` });
}

/** Pure. @param index of the leader, read before the server was asked. */
export function judge(server: Server, word: ServerWord | Error, index: number): Voter {
  const about = {
    name: server.Name,
    heardOf: { index: server.LastIndex, healthy: server.Healthy },
    server: { id: server.ID, version: server.Version, leads: server.Leader },
  };
  if (word instanceof Error) return { ...about, fault: "gives no answer itself", lives: server.Healthy, unheard: true };
  return { ...about, fault: faultIn(server, word, index), lives: true };
}

function faultIn(server: Server, word: ServerWord, index: number): string | null {
  return wordFault(word, index) ?? (server.Healthy ? null : "is not healthy, says the leader");
}

/** Pure. What a server's own word lacks; null: it follows the leader now. */
export function wordFault(word: ServerWord, index: number): string | null {
  if (!word.knowsLeader) return "knows no leader";
  if (word.lastContactMs > mostSilenceMs)
    return `has heard nothing from the leader for ${(word.lastContactMs / 1000).toFixed(1)} s`;
  return word.index < index ? "is behind the leader" : null;
}

/**
 * For a host that leaves, to whose questions the others' firewalls are shut already: who cannot be asked counts if the leader has
 * seen it apply `mark`, the Raft index of something that was written since the removal began. A server that was
 * killed before can never have got that far, however long the leader calls it healthy. Pure.
 */
export function seconded(voters: readonly Voter[], mark: number): Voter[] {
  return voters.map((voter) =>
    voter.unheard === true && voter.heardOf.healthy && voter.heardOf.index >= mark ? { ...voter, fault: null } : voter,
  );
}

/** What is left of the quorum without one server. */
export interface WithoutOne {
  /** How many of the others may fail too; below 0 they are no majority of all voters. */
  readonly spare: number;
  /** They are a majority of what is left when that server has said goodbye. */
  readonly enoughWhenLeft: boolean;
  /** The server is one of the voters, and may be alive. */
  readonly counts: boolean;
  /** Number of voters, this one included. */
  readonly voters: number;
  /** The others that cannot be counted on, each as a clause: `host-b gives no answer itself`. */
  readonly faults: readonly string[];
}

/** Pure. @param host name of the server that is to go. */
export function withoutOne(voters: readonly Voter[], host: string): WithoutOne {
  const others = voters.filter(({ name }) => name !== host);
  const good = others.filter(({ fault }) => fault === null).length;
  return {
    spare: good - majority(voters.length),
    enoughWhenLeft: good >= majority(others.length),
    counts: voters.some(({ name, lives }) => name === host && lives),
    voters: voters.length,
    faults: others.flatMap(({ name, fault }) => (fault === null ? [] : [`${name} ${fault}`])),
  };
}

/** Whom Raft's leadership can be handed to. */
export interface Heir {
  readonly name: string;
  readonly id: string;
}

/**
 * Who may lead after `host`; null: `host` does not lead, or nobody else can be counted on. In a rolling upgrade one that is
 * through with it, so that leadership moves once. Pure.
 */
export function heirOf(voters: readonly Voter[], host: string): Heir | null {
  if (!voters.some(({ name, server }) => name === host && server.leads)) return null;
  const [heir] = voters
    .filter(({ name, fault }) => name !== host && fault === null)
    .toSorted((a, b) => b.server.version.localeCompare(a.server.version, "en", { numeric: true }));
  return heir === undefined ? null : { name: heir.name, id: heir.server.id };
}

/** `10.0.0.1:8300` and `[fd00::1]:8300` → the address alone. */
function hostPart(address: string): string {
  return fromUrl(address.replace(/:\d+$/, ""));
}
