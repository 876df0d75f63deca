/**
 * The cloud in time: gives the orders to the machines, lets actions end when they are due, and listens on HTTP.
 *
 * `clock` is an argument. In tests it is turned by hand (`VirtualClock`), and nothing happens in between.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiRequest, ApiResponse, Cloud } from "./cloud.ts";
import type { Machines, Order } from "./machines.ts";

export interface CloudClock {
  nowMs(): number;
}

export const wallClock: CloudClock = { nowMs: () => Date.now() };

/** Time that stands still until it is told to go on. */
export class VirtualClock implements CloudClock {
  #nowMs: number;

  constructor(startMs = Date.parse("2026-11-29T12:00:00Z")) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

/** How often it is looked whether an action has ended that nobody asks for. */
const stepMs = 50;

export class CloudService {
  readonly cloud: Cloud;
  readonly machines: Machines;
  readonly clock: CloudClock;
  /** Called after each change, to write it down. */
  readonly #changed: () => void;
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(cloud: Cloud, machines: Machines, clock: CloudClock, changed: () => void = () => {}) {
    this.cloud = cloud;
    this.machines = machines;
    this.clock = clock;
    this.#changed = changed;
    for (const order of cloud.openOrders()) this.#give(order);
  }

  /** Lets all happen that is due. */
  step(): void {
    const { cloud, clock, machines } = this;
    // An order that is carried out at once makes what waits for it due as well.
    for (let orders = cloud.settle(clock.nowMs()); orders.length > 0; orders = cloud.settle(clock.nowMs()))
      for (const order of orders) this.#give(order);
    cloud.observe((id) => machines.isOn(id));
    this.#changed();
  }

  handle(request: ApiRequest): ApiResponse {
    this.step();
    const response = this.cloud.handle(request, this.clock.nowMs(), this.machines.taken());
    this.step();
    return response;
  }

  /** From now on actions end by themselves. */
  run(): void {
    this.#timer = setInterval(() => {
      const dueMs = this.cloud.nextDueMs();
      if (dueMs !== undefined && dueMs <= this.clock.nowMs()) this.step();
    }, stepMs);
    this.#timer.unref();
  }

  /** Resolves when the machines have done what they were told so far. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #give(order: Order): void {
    const done = (failed?: string) => {
      this.cloud.report(order, this.clock.nowMs(), failed);
    };
    try {
      const work = this.machines.carryOut(order);
      if (work === undefined) {
        done();
        return;
      }
      const running = work
        .then(
          () => done(),
          (error: unknown) => done(error instanceof Error ? error.message : String(error)),
        )
        .then(() => {
          this.#running.delete(running);
          this.step();
        });
      this.#running.add(running);
    } catch (error) {
      done(error instanceof Error ? error.message : String(error));
    }
  }
}

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves the API under `/v1` on one address. */
export async function listen(service: CloudService, host: string, port: number): Promise<Listening> {
  const server = createServer((request, response) => {
    serve(service, request, response).catch((error: unknown) => {
      response.statusCode = 500;
      response.end(`${JSON.stringify({ error: { code: "server_error", message: String(error), details: null } })}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(service: CloudService, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const path = (incoming.url ?? "/").replace(/^\/v1(?=\/|$)/, "");
  const response = service.handle({
    method: incoming.method ?? "GET",
    path,
    authorization: incoming.headers.authorization,
    body: Buffer.concat(chunks).toString("utf8"),
  });
  const outcome = response.fault?.outcome;
  if (outcome === "lost" || outcome === "cut") {
    outgoing.destroy();
    return;
  }
  if (outcome === "silent") return;
  if (outcome === "slow") await sleep(response.fault?.delayMs ?? 0);
  const { status, headers, body } = response;
  const text = typeof body === "string" ? body : body === undefined ? "" : `${JSON.stringify(body)}\n`;
  const type = typeof body === "string" ? "text/plain" : "application/json";
  outgoing.writeHead(status, { ...headers, ...(text === "" ? {} : { "content-type": type }) });
  outgoing.end(text);
}
