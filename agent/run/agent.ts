/** `holdfastd run`: puts the parts together and keeps them going until SIGTERM. No decisions here. */
import { readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import { HoldfastError } from "../../contract/errors.ts";
import { credentials, paths } from "../../contract/paths.ts";
import { consulKeys } from "../../contract/topology.ts";
import type { AgentConfig } from "../../contract/wire/agent-config.ts";
import { textOf } from "../../contract/wire/format.ts";
import { pauseNoteShape } from "../../contract/wire/notes.ts";
import { ConsulClient, type ConsulConnection } from "../../host/consul/client.ts";
import { ConsulServers } from "../../host/consul/servers.ts";
import { readAgentConfig } from "../../host/system/agent-config.ts";
import { bootId, systemClock } from "../../host/system/clock.ts";
import { claimOnly } from "../../host/system/only-one.ts";
import { tcpSocketCounts, tcpSockets } from "../../host/system/sockets.ts";
import { userIds } from "../../host/system/users.ts";
import { version } from "../../host/version.ts";
import { systemAddresses } from "../address/address.ts";
import { connectionNotes } from "../address/connection-notes.ts";
import { forgetStandIns } from "../address/half-open.ts";
import { openCustody } from "../custody/custody.ts";
import { Fence } from "../fence/fence.ts";
import { keepRules } from "../firewall/keep-rules.ts";
import { DoubtFile } from "../lease/doubt-file.ts";
import { LeaseFile } from "../lease/lease-file.ts";
import { RollCall } from "../lease/roll-call.ts";
import { NeardDriver } from "../neard/driver.ts";
import { type DeviceOf, openDevices } from "../power/devices.ts";
import { powerDesk } from "../power/power-desk.ts";
import { PowerWatch } from "../power/power-watch.ts";
import { blankState } from "../role/reduce.ts";
import type { Settings } from "../role/types.ts";
import { consulView, unreachable } from "./consul-health.ts";
import type { Partners } from "./executor.ts";
import { readPage } from "./history-book.ts";
import { HistoryJournal, journalFile } from "./history-journal.ts";
import { type Desk, monitoringServer, socketServer } from "./http.ts";
import { historyBook, keepHistoryShort } from "./keep-history.ts";
import { endOnSignal } from "./last-orders.ts";
import { Metrics } from "./metrics.ts";
import { NeardHost } from "./neard-host.ts";
import { notify, watchdogEveryMs } from "./notify.ts";
import { regainLeader } from "./regain-leader.ts";
import { repeat } from "./repeat.ts";
import { snapshotDesk } from "./snapshot-desk.ts";
import { type ConsulView, roleOf, statusOf } from "./status.ts";
import { feedWatchdog } from "./watchdog.ts";

const consulViewEveryMs = 5000;
/** New connections of neard's are rare once it has its peers; one that is missing in the note ends later, not never. */
const connectionsEveryMs = 5000;

/** The ways to all configured Consul addresses, this host's own first, with this unit's credentials. */
export function consulConnections(config: AgentConfig, credentialsDirectory: string): ConsulConnection[] {
  const secret = (name: string) => readFileSync(join(credentialsDirectory, name), "utf8");
  const common = {
    ca: readFileSync(config.consul.caFile, "utf8"),
    cert: readFileSync(config.consul.certFile, "utf8"),
    key: secret(credentials.tlsKey),
    token: secret(credentials.consulToken).trim(),
  };
  return config.consul.urls.map((url) => ({ url, ...common }));
}

function settingsOf(config: AgentConfig, neard: NonNullable<AgentConfig["neard"]>): Settings {
  return {
    host: config.host,
    priority: config.priority,
    peers: config.peers,
    lease: config.lease,
    publicKey: neard.publicKey,
    nextPublicKey: neard.nextPublicKey ?? null,
    chainId: neard.chainId,
    maxHeadAgeMs: neard.maxHeadAgeMs,
    hungMs: neard.hungMs,
    fencing: fencingOf(neard),
  };
}

/** What is only tried must not keep the validator waiting for long. */
const bestEffortMs = 10_000;

function fencingOf({ fencing }: NonNullable<AgentConfig["neard"]>): Settings["fencing"] {
  if (fencing === undefined) return { mode: "off", skipWait: false, devices: [] };
  const { mode, skipWait, devices } = fencing;
  const mostMs = mode === "bestEffort" ? bestEffortMs : Number.POSITIVE_INFINITY;
  return {
    mode,
    skipWait,
    devices: devices.map(({ host, timeoutMs }) => ({ host, withinMs: Math.min(timeoutMs, mostMs) })),
  };
}

/** Null where nobody's power is ever cut. */
function powerWatch(host: { readonly agent: NeardHost; readonly deviceOf: DeviceOf } | null): PowerWatch | null {
  if (host === null || host.agent.settings.fencing.mode === "off") return null;
  const { fencing, host: own } = host.agent.settings;
  const others = fencing.devices.map((device) => device.host).filter((name) => name !== own);
  return new PowerWatch(host.deviceOf, others, systemClock);
}

/** @param configFile the one that was made for this bundle: the unit names both */
export async function runAgent(configFile: string): Promise<void> {
  const config = readAgentConfig(configFile);
  const log = pino({ base: { host: config.host }, timestamp: pino.stdTimeFunctions.isoTime });
  const directory = process.env.CREDENTIALS_DIRECTORY;
  if (directory === undefined)
    throw new HoldfastError("HF_CONFIG_INVALID", "CREDENTIALS_DIRECTORY is not set", {
      next: "Start the agent by its unit: systemctl start holdfastd.",
    });
  await claimOnly("holdfastd");
  const connections = consulConnections(config, directory);
  const servers = new ConsulServers(
    connections.map((connection) => new ConsulClient(connection)),
    systemClock,
  );
  const keys = consulKeys(config.network, config.account);
  const startedMs = systemClock.bootMs();
  const stop = new AbortController();
  let agent: NeardHost | null = null;
  endOnSignal(() => agent, stop, log);
  const whenUnseen = regainLeader({ own: servers.own, clock: systemClock, log });
  const host = await neardHost(config, servers, whenUnseen, directory, log);
  agent = host?.agent ?? null;
  let consul: ConsulView = unreachable;
  const power = powerWatch(host);
  const status = () => {
    const nowMs = systemClock.bootMs();
    return statusOf(config, host?.agent.settings ?? null, host?.agent.state ?? blankState(startedMs), {
      version,
      nowMs,
      wallMs: systemClock.wallMs(),
      startedMs,
      fence: host?.fence.state ?? { armed: false, open: true },
      consul,
      neardRestarts: host?.neard.restarts ?? 0,
      power: power?.seen ?? [],
    });
  };
  const book = historyBook(servers);
  const desk: Desk = {
    status,
    history: async (page) => await readPage(book, keys.historyPrefix, page),
    switchover: async (request) =>
      (await host?.agent.switchover(request)) ?? {
        refused: `${config.host} is an arbiter`,
        next: "ask the active host",
      },
    progress: (id) => host?.agent.progress(id) ?? null,
    pause: async (reason) => {
      const value = textOf(pauseNoteShape, { by: config.host, reason, at: new Date().toISOString() });
      await servers.use((client) => client.put(keys.pause, value));
      host?.agent.lookNow();
    },
    resume: async () => {
      await servers.use((client) => client.delete(keys.pause));
      host?.agent.lookNow();
    },
    ...snapshotDesk(connections, host?.agent ?? null),
    power: powerDesk(host?.agent ?? null, host?.deviceOf ?? (() => null), power, systemClock),
  };
  const metrics = new Metrics();
  const socket = socketServer(paths.socket, desk, metrics);
  socket.on("error", (error) => {
    log.error({}, `cannot listen: ${error.message}`);
    stop.abort();
    process.exitCode = 1;
  });
  const monitoring = monitoringServer(config.http, desk, metrics, (error) =>
    log.error({}, `monitoring cannot listen, and is tried again: ${error.message}`),
  );

  if (host !== null) whenKeyAppears(stop.signal, () => host.agent.lookForKey());
  if (host !== null) endForPlace(host.agent, stop, log);
  const watchConsul = repeat({
    everyMs: consulViewEveryMs,
    clock: systemClock,
    signal: stop.signal,
    work: async () => {
      const isServer = config.roles.includes("consul");
      consul = await consulView(servers.own, { host: config.host, isServer, before: consul, whenUnseen });
    },
  });
  const writeConnections = host === null ? null : keepConnectionNotes(config, servers, host, stop.signal, log);
  const watchdog = feedWatchdog({
    signal: stop.signal,
    clock: systemClock,
    everyMs: watchdogEveryMs(),
    tickedMs: () => host?.agent.tickedMs ?? null,
    feed: () => notify("WATCHDOG=1"),
  });
  const shorten = host === null ? null : keepHistoryShort(book, keys.historyPrefix, host.agent, stop.signal, log);
  void keepRules(host?.agent ?? null, stop.signal, log);
  notify("READY=1");
  // Not before: a lease that goes on waits for nobody, and no take-over begins this soon.
  if (host !== null) void forgetStandIns();
  log.info({ version }, `holdfastd runs on ${config.host} (${config.roles.join(", ")})`);
  const watchPower = power?.run(stop.signal);
  const work = [watchConsul, writeConnections, shorten, watchdog, watchPower];
  await Promise.all([...work, host?.agent.run(stop.signal)]);
  socket.close();
  monitoring.close();
  log.info({}, "stopped; the lease and the key stay as they are until the lease ends");
  // Requests that Consul still holds open must not keep a stopped agent alive.
  process.exit();
}

/** Sooner than the next tick: neard takes a key within a second of a SIGHUP. */
function whenKeyAppears(signal: AbortSignal, look: () => void): void {
  try {
    watch(paths.keyDirectory, { signal, persistent: false }, look).on("error", () => {});
  } catch {
    // The directory is not there, or nothing can be watched; this host is not ready then, and the ticks look.
  }
}

/** So long an agent runs at least before it makes room for another: what that does not mend must not keep it busy. */
const leastRunMs = 30_000;
const placeEveryMs = 1000;

/** A standby whose key has no place, for somebody took it away: the unit makes it anew before the next agent starts. */
function endForPlace(agent: NeardHost, stop: AbortController, log: Logger): void {
  const startedMs = systemClock.bootMs();
  agent.atTicks(placeEveryMs, () => {
    if (!agent.wantsRestart || systemClock.bootMs() - startedMs < leastRunMs) return;
    log.warn({}, "ends, so that its unit makes the key's directory anew and starts another agent");
    stop.abort();
  });
}

/** Where somebody may have to end this host's neard's connections one day, they are written down. */
async function keepConnectionNotes(
  config: AgentConfig,
  servers: ConsulServers,
  host: { readonly agent: NeardHost },
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const way = config.neard?.takeoverAddresses.find((one) => one.host === config.host);
  if (config.neard === undefined || way === undefined) return;
  const key = consulKeys(config.network, config.account).connections(config.host);
  const look = connectionNotes({
    uid: userIds(config.neard.user).uid,
    address: way.address,
    isActive: () => roleOf(host.agent.state) === "active",
    counts: tcpSocketCounts,
    sockets: tcpSockets,
    write: async (text) => void (await servers.use((client) => client.put(key, text))),
  });
  await repeat({
    everyMs: connectionsEveryMs,
    clock: systemClock,
    signal,
    work: async () =>
      await look().catch((error: Error) =>
        log.warn({ effect: "connections" }, `neard's connections were not written down: ${error.message}`),
      ),
  });
}

async function neardHost(
  config: AgentConfig,
  servers: ConsulServers,
  whenUnseen: Partners["whenUnseen"],
  credentialsDirectory: string,
  log: Logger,
): Promise<{ agent: NeardHost; fence: Fence; neard: NeardDriver; deviceOf: DeviceOf } | null> {
  if (config.neard === undefined) return null;
  const { uid, gid } = userIds(config.neard.user);
  const fence = new Fence(systemClock, uid);
  const neard = new NeardDriver({ unit: config.neard.unit, uid, rpcUrl: config.neard.rpcUrl, clock: systemClock });
  const keys = consulKeys(config.network, config.account);
  const custody = openCustody({
    credentialsDirectory,
    account: config.account,
    lockKey: keys.lock,
    publicKey: config.neard.publicKey,
    nextPublicKey: config.neard.nextPublicKey ?? null,
    keyFile: config.neard.keyFile,
    uid,
    gid,
  });
  const history = new HistoryJournal({
    servers,
    keyOf: keys.history,
    clock: systemClock,
    file: journalFile(paths.historyJournal),
    log,
  });
  const deviceOf = openDevices(config.neard.fencing ?? { devices: [] }, secretIn(credentialsDirectory), (what) =>
    log.error({ effect: "power" }, what),
  );
  const agent = await NeardHost.begin(
    {
      config,
      keys,
      history,
      clock: systemClock,
      servers,
      whenUnseen,
      fence,
      neard,
      custody,
      addresses: {
        ways: config.neard.takeoverAddresses,
        world: systemAddresses((what) => log.warn({ effect: "answer-for" }, what)),
      },
      deviceOf,
      roll: new RollCall(config.host, custody.sealer),
      leaseFile: new LeaseFile(paths.leaseFile, bootId()),
      doubtFile: new DoubtFile(paths.doubtFile),
      log,
    },
    settingsOf(config, config.neard),
  );
  return { agent, fence, neard, deviceOf };
}

/** The fencing token; null: there is none that can be read. */
function secretIn(credentialsDirectory: string): string | null {
  try {
    return readFileSync(join(credentialsDirectory, credentials.fencingToken), "utf8").trim();
  } catch {
    return null;
  }
}
