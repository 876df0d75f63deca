/**
 * For the test beside it: a chain in this process and neards as processes on loopback, where 127.0.0.1
 * and 127.0.0.2 are the two hosts. Slots of 50 ms, so that it takes seconds.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningChain, startChain } from "../chain/server.ts";
import { buildLabNeard } from "./build.ts";
import { defaultNetwork, defaultRpc } from "./config.ts";
import { init } from "./init.ts";

/** What `/status` says, as far as the tests look at it. */
export interface Status {
  readonly validator_public_key: string | null;
  readonly node_public_key: string;
  readonly sync_info: { readonly syncing: boolean; readonly latest_block_height: number };
}

export interface StartOptions {
  /** The key file is there at start. */
  readonly withKey?: boolean;
  /** Options for lab-options.json. */
  readonly lab?: object;
  /** False: no tier-1 connections. */
  readonly tier1?: boolean;
  /** Fields of config.json that differ. */
  readonly config?: object;
}

/** One neard process. */
export class Neard {
  readonly home: string;
  readonly process: ChildProcess;
  readonly exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  readonly #rpc: string;
  readonly #key: string;
  log = "";

  constructor(program: string, home: string, rpc: string, key: string) {
    this.home = home;
    this.#rpc = rpc;
    this.#key = key;
    this.process = spawn(process.execPath, [program, "--home", home, "run"], { stdio: ["ignore", "ignore", "pipe"] });
    this.exited = once(this.process, "exit") as Neard["exited"];
    this.process.stderr?.on("data", (chunk) => {
      this.log += chunk;
    });
  }

  giveKey(): void {
    copyFileSync(this.#key, join(this.home, "validator_key.json"));
  }

  takeKey(): void {
    rmSync(join(this.home, "validator_key.json"));
  }

  setOptions(options: object = {}): void {
    writeOptions(this.home, options);
  }

  /** The answer of a page, or undefined when there is none. */
  async get(path: string): Promise<string | undefined> {
    try {
      const response = await fetch(`${this.#rpc}${path}`, { signal: AbortSignal.timeout(300) });
      return await response.text();
    } catch {
      return undefined;
    }
  }

  async status(): Promise<Status | undefined> {
    const text = await this.get("/status");
    return text === undefined ? undefined : (JSON.parse(text) as Status);
  }

  async metric(name: string): Promise<number> {
    return Number(new RegExp(`^${name} (.*)$`, "m").exec((await this.get("/metrics")) ?? "")?.[1]);
  }
}

/** The chain, and the neards that a test started. */
export class Network {
  readonly directory: string;
  readonly program: string;
  readonly chain: RunningChain;
  #neards: Neard[] = [];

  constructor(directory: string, program: string, chain: RunningChain) {
    this.directory = directory;
    this.program = program;
    this.chain = chain;
  }

  static async open(): Promise<Network> {
    const directory = mkdtempSync(join(tmpdir(), "neard-network-"));
    const file = (name: string) => join(directory, name);
    writeFileSync(file("hosts.json"), JSON.stringify({ "host-a": "127.0.0.1", "host-b": "127.0.0.2" }));
    await buildLabNeard(file("neard"));
    const chain = await startChain({
      directory,
      address: "127.0.0.1",
      port: 0,
      control: file("control.sock"),
      hosts: file("hosts.json"),
      slotMs: 50,
      tier1IntervalMs: 100,
      times: { linkAliveMs: 1000, writeTimeoutMs: 2000 },
    });
    return new Network(directory, file("neard"), chain);
  }

  /** Starts a neard whose packets come from `host`. `prepare` may change its home before. */
  async start(host: string, options: StartOptions = {}, prepare: (home: string) => void = () => {}): Promise<Neard> {
    const home = mkdtempSync(join(this.directory, "home-"));
    init({ home, chainId: "localnet", genesis: join(this.directory, "genesis.json") });
    const bootNodes = readFileSync(join(this.directory, "boot-node.txt"), "utf8").trim();
    const rpc = `${host}:${await freePort(host)}`;
    const config = {
      rpc: { ...defaultRpc, addr: rpc },
      network: {
        ...defaultNetwork,
        addr: `${host}:${await freePort(host)}`,
        boot_nodes: bootNodes,
        tier1: { enable_outbound: options.tier1 ?? true },
      },
      tracked_shards_config: { ShadowValidator: "validator.localnet" },
      ...options.config,
    };
    writeFileSync(join(home, "config.json"), JSON.stringify(config));
    writeOptions(home, options.lab);
    const key = join(this.directory, "validator_key.json");
    rmSync(join(home, "validator_key.json"));
    if (options.withKey) copyFileSync(key, join(home, "validator_key.json"));
    prepare(home);
    const neard = new Neard(this.program, home, `http://${rpc}`, key);
    this.#neards.push(neard);
    return neard;
  }

  async startSynced(host: string, options: StartOptions = {}): Promise<Neard> {
    const neard = await this.start(host, options);
    await until("it is synced", async () => (await neard.status())?.sync_info.syncing === false);
    return neard;
  }

  /** Waits for some signatures from `host`. */
  async signsFrom(host: string): Promise<void> {
    await until(`${host} signs`, () => (this.chain.report().byHost[host]?.signatures ?? 0) > 5);
  }

  /** Waits until every other validator keeps its tier-1 connection at `neard`. */
  async tier1At(neard: Neard): Promise<void> {
    const { node_public_key: nodeKey } = (await neard.status()) ?? {};
    await until("its tier-1 connections stand", () => {
      const { tier1 } = this.chain.health();
      return (
        tier1.length === this.chain.chain.genesis.validators.length - 1 && tier1.every((one) => one.nodeKey === nodeKey)
      );
    });
  }

  /** Kills every neard and begins a new report. */
  async clear(): Promise<void> {
    for (const neard of this.#neards) neard.process.kill("SIGKILL");
    await Promise.all(this.#neards.map((neard) => neard.exited));
    this.#neards = [];
    this.chain.reset();
  }

  async close(): Promise<void> {
    await this.chain.close();
    rmSync(this.directory, { recursive: true });
  }
}

/** Waits until `check` holds. @throws Error after `withinMs` */
export async function until(what: string, check: () => boolean | Promise<boolean>, withinMs = 8000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await sleep(20);
  }
}

function writeOptions(home: string, options: object = {}): void {
  writeFileSync(join(home, "lab-options.json"), JSON.stringify({ requireNofile: 64, stopDelayMs: 50, ...options }));
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
