/** What predecessor.ts needs to know, out of a spec and its secrets, and asked of the other servers. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { fromUrl, hostPort } from "../contract/address.ts";
import { HoldfastError } from "../contract/errors.ts";
import { credentials, paths, ports } from "../contract/paths.ts";
import { type HostSpec, managementTokenOnStdin } from "../contract/wire/host-spec.ts";
import { ConsulClient } from "../host/consul/client.ts";
import { type Given, givenCredential, givenFile } from "./consul-access.ts";
import { dismissPredecessor, type OtherServer } from "./predecessor.ts";
import type { Progress } from "./progress.ts";

const configSchema = z.object({ server: z.boolean(), advertise_addr: z.string() });
const joinSchema = z.object({ retry_join: z.array(z.string()) });
const raftSchema = z.object({ Servers: z.array(z.object({ Node: z.string(), Address: z.string() })).nullish() });
const membersSchema = z.array(z.object({ Name: z.string(), Status: z.number() }));
/** Serf's number for a member that answers. */
const alive = 1;
/** Others that are not there, at a first deployment, are not waited for. */
const timeoutMs = 3000;
const raftPath = "/operator/raft/configuration";

/** Who else is a server, and where this one is to be found; null: it is none. Pure. */
export function serversIn(files: HostSpec["files"]): { readonly address: string; readonly others: string[] } | null {
  const json = (name: string) =>
    JSON.parse(files.find(({ path }) => path.endsWith(`/${name}`))?.lines.join("\n") ?? "{}");
  const config = configSchema.safeParse(json("consul.json")).data;
  if (config?.server !== true) return null;
  const join = joinSchema.safeParse(json("join.json")).data?.retry_join ?? [];
  return { address: config.advertise_addr, others: join.map(withoutPort) };
}

/** `10.0.0.1:8300` and `[fd00::1]:8300` → the address alone. */
const withoutPort = (address: string): string => fromUrl(address.replace(/:\d+$/, ""));

/**
 * Before Consul is started for the first time on this machine; on every other start it does nothing.
 * @returns whether a server that was here before counts no more
 * @throws HoldfastError HF_REFUSED
 */
export async function beforeFirstStart(
  given: Given & { readonly spec: Pick<HostSpec, "files"> },
  progress: Progress,
): Promise<boolean> {
  if (existsSync(join(paths.consulData, "raft"))) return false;
  const servers = serversIn(given.spec.files);
  if (servers === null || servers.others.length === 0) return false;
  const access = accessIn(given);
  if (access === null)
    throw new HoldfastError(
      "HF_REFUSED",
      `Consul is not started on ${given.spec.host}: whether the others still count on a server that was here before cannot be asked, for the token for it did not come along.`,
      {
        next: "Run pulumi up with this version of holdfast; a spec applied by hand needs the stack's management token on stdin.",
      },
    );
  const clients = servers.others.map(
    (address) => new ConsulClient({ url: `https://${hostPort(address, ports.consulHttps)}`, ...access }),
  );
  try {
    return await dismissPredecessor({
      host: given.spec.host,
      address: servers.address,
      others: clients.map(otherServer),
      progress,
      nowMs: () => performance.now(),
      sleep: async (ms) => void (await sleep(ms)),
    });
  } finally {
    for (const client of clients) client.close();
  }
}

/** With the token that may speak for others: it came with this apply. Null: it did not. Exported for its test. */
export function accessIn(given: Given): { ca: string; cert: string; key: string; token: string } | null {
  const ca = givenFile(given, paths.caCertificate);
  const cert = givenFile(given, paths.hostCertificate);
  const key = givenCredential(given, credentials.tlsKey);
  const token = given.secrets[managementTokenOnStdin];
  return ca === undefined || cert === undefined || key === undefined || token === undefined
    ? null
    : { ca, cert, key, token };
}

function otherServer(client: ConsulClient): OtherServer {
  const get = (path: string) => client.request("get", path, undefined, timeoutMs);
  return {
    async raftServers() {
      // Without a leader there is no other word than that of this very server.
      const list = await get(raftPath).catch(() => get(`${raftPath}?stale`));
      const { Servers } = raftSchema.parse(list);
      return (Servers ?? []).map(({ Node, Address }) => ({ name: Node, address: withoutPort(Address) }));
    },
    async seesAlive(name) {
      const members = membersSchema.parse(await get("/agent/members"));
      return members.some(({ Name, Status }) => Name === name && Status === alive);
    },
    async forceLeave(name) {
      await client.request("put", `/agent/force-leave/${encodeURIComponent(name)}`, {}, timeoutMs);
    },
  };
}
