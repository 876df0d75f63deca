/** `neard run`: reads the home, starts the node and its RPC, and answers signals. */
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress, parseBootNodes } from "./config.ts";
import { kernelWarnings, Refused, readGenesis, readNodeKey, readText, refuseFewFiles } from "./home.ts";
import { logToStderr as log, panic } from "./log.ts";
import { Node, type NodeSetup } from "./node.ts";
import { watchOptions } from "./options.ts";
import { loadHome } from "./reload.ts";
import { makeRpcServer } from "./rpc-server.ts";
import { version } from "./version.ts";

export interface RunFlags {
  readonly home: string;
  readonly bootNodes?: string | undefined;
  readonly networkAddr?: string | undefined;
  readonly rpcAddr?: string | undefined;
}

/**
 * Runs until a signal. A broken home ends in SIGABRT, like nearcore's panics.
 * @throws Refused where the lab's neard must not run
 */
export async function run(flags: RunFlags): Promise<void> {
  log("INFO", "neard", `version="${version.release}" build="${version.build}" latest_protocol=${version.protocol}`);
  let node: Node | undefined;
  const options = watchOptions(
    join(flags.home, "lab-options.json"),
    (changed) => {
      if (node === undefined) return;
      if (changed.reexec !== node.options.reexec) reexecute();
      node.options = changed;
    },
    (fault) => log("WARN", "lab", `lab-options.json is broken and has no effect: ${fault}`),
  );
  refuseFewFiles(options.requireNofile);
  const home = panicOnError("Error loading config", () => readHome(flags));
  for (const warning of kernelWarnings(readText)) log("WARN", "neard", warning);

  const network = createServer((socket) => socket.on("error", () => {}).end(`${home.nodeKey}\n`));
  await listen(network, home.networkAddr);
  const startDelayMs = Math.max(options.startDelayMs, isReexecuted() ? reexecDelayMs : 0);
  if (startDelayMs > 0) await sleep(startDelayMs);
  const stopped = Promise.withResolvers<string>();
  const running = new Node({ ...home, options, log, stop: stopped.resolve });
  node = running;
  const rpc = makeRpcServer({
    view: () => running.view(),
    hung: () => running.options.hang,
    legacy: () => running.options.legacyRpc,
  });
  await listen(rpc, home.rpcAddr);
  process.on("SIGHUP", () => running.reload());
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (running.isReading) return log("WARN", "lab", `${signal} came while the files are read, and is lost`);
      if (!running.options.ignoreSigterm && !running.options.hang) stopped.resolve(signal);
    });

  const because = await stopped.promise;
  log("WARN", "neard", `${because}, stopping... this may take a few minutes.`);
  rpc.close();
  rpc.closeAllConnections();
  network.close();
  await sleep(running.options.stopDelayMs);
  running.close();
  process.exit(0);
}

/** Everything in the home, checked. @throws Error; Refused */
function readHome(flags: RunFlags): Omit<NodeSetup, "options" | "log" | "stop"> {
  const { home } = flags;
  const loaded = loadHome(readText, home);
  const { config } = loaded;
  const networkAddr = flags.networkAddr ?? config.network.addr;
  const { host } = parseAddress(networkAddr);
  return {
    home,
    loaded,
    genesis: readGenesis(home, config),
    nodeKey: readNodeKey(home, config),
    rpcAddr: flags.rpcAddr ?? config.rpc.addr,
    networkAddr,
    bootNodes: parseBootNodes(flags.bootNodes ?? config.network.boot_nodes),
    localAddress: host === "0.0.0.0" || host === "::" ? undefined : host,
  };
}

function panicOnError<T>(what: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof Refused) throw error;
    return panic(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Set by a process for the one that it becomes. */
const reexecutedVariable = "HOLDFAST_LAB_NEARD_REEXECUTED";
/** Measured: until RPC is back; SIGHUP ends the process for so long. */
const reexecDelayMs = 900;

const isReexecuted = () => process.env[reexecutedVariable] !== undefined;

/** The same program again under the same PID and start time, as neard does after it wiped its data. */
function reexecute(): never {
  log("WARN", "neard", "re-executing");
  if (process.execve === undefined) return panic("this Node cannot re-execute itself");
  return process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    [reexecutedVariable]: "1",
  });
}

function listen(server: Server, address: string): Promise<void> {
  const { host, port } = parseAddress(address);
  return new Promise((resolve) => {
    server.once("error", (error) => panic(`cannot listen on ${address}: ${error.message}`));
    server.listen({ host, port }, () => resolve());
  });
}
