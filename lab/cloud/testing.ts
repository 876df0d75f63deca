/** A cloud for tests: in memory, on a port of loopback or without any. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ApiResponse, Cloud } from "./cloud.ts";
import type { CloudSettings } from "./context.ts";
import { MemoryMachines } from "./memory-machines.ts";
import { type CloudClock, CloudService, listen, VirtualClock, wallClock } from "./service.ts";

/** Sixty-four characters, as the provider insists. */
export const token = "a".repeat(64);
export const otherProjectsToken = "b".repeat(64);
export const readOnlyToken = "c".repeat(64);

export const testSettings: CloudSettings = {
  tokens: [
    { token, project: "first" },
    { token: otherProjectsToken, project: "second" },
    { token: readOnlyToken, project: "first", readOnly: true },
  ],
  publicRange: "203.0.113.0/24",
  firstPublic: 10,
  durationsMs: {},
  requestLimit: 3600,
  serverLimit: 100,
};

export class TestCloud {
  readonly machines = new MemoryMachines();
  readonly cloud: Cloud;
  readonly service: CloudService;
  readonly clock: CloudClock;

  constructor(settings: Partial<CloudSettings> = {}, clock: CloudClock = new VirtualClock()) {
    this.clock = clock;
    this.cloud = new Cloud({ ...testSettings, ...settings }, clock.nowMs());
    this.service = new CloudService(this.cloud, this.machines, clock);
  }

  /** The answer to one request. `as`: the token. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects; what is not there fails it
  ask(method: string, path: string, body?: object, as = token): ApiResponse & { readonly json: any } {
    const response = this.service.handle({
      method,
      path,
      authorization: `Bearer ${as}`,
      body: body === undefined ? "" : JSON.stringify(body),
    });
    return { ...response, json: response.body };
  }

  advance(ms: number): void {
    (this.clock as VirtualClock).advance(ms);
    this.service.step();
  }
}

export interface ListeningCloud extends TestCloud {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** The same on a port of loopback, in real time. */
export async function listeningCloud(settings: Partial<CloudSettings> = {}): Promise<ListeningCloud> {
  const cloud = new TestCloud(settings, wallClock);
  const { port, close } = await listen(cloud.service, "127.0.0.1", 0);
  cloud.service.run();
  return Object.assign(cloud, {
    endpoint: `http://127.0.0.1:${port}/v1`,
    close: async () => {
      cloud.service.stop();
      await close();
    },
  });
}

/** Waits until it holds. */
export async function until(holds: () => boolean, withinMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error("it did not come to pass");
    await sleep(10);
  }
}
