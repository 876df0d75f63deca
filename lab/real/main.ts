/**
 * The witness of a network of real neards, a process of this machine:
 *
 *   node lab/real/main.ts --lab NAME --account ACCOUNT --control SOCK --observer URL --validator URL...
 *
 * It reads the chain by the observer's RPC, the other validators' metrics, and from inside the hosts which of
 * them has the key. It answers as the simulated chain's control socket does:
 *
 *   GET  /health            height, validators that answer; 503 until the observer has a block
 *   GET  /report            the report since the last reset (judge.ts)
 *   POST /reset             the next report begins with the next height
 *   GET  /events[?since=N]  events numbered N and above: [{seq, event}]
 */
import "../../contract/first.ts";
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { runEntry } from "../../contract/entry.ts";
import { HoldfastError } from "../../contract/errors.ts";
import type { WitnessEvent } from "../chain/witness-event.ts";
import { ProcessCounter } from "./counts.ts";
import { followChain } from "./follow.ts";
import { eventsOf, type Reset, realReport, type Tally } from "./judge.ts";
import { metricIn, readMetrics } from "./rpc.ts";
import { type Stay, Stays } from "./stays.ts";
import { watchHosts } from "./watch-hosts.ts";

/** About a day. */
const maxEvents = 300_000;
const refusedEveryMs = 3000;
/** Refused connections for an account that the validator has one of already (nearcore: chain/network). */
const refusedMetric = "near_already_connected_account";

function needed(value: string | undefined, flag: string): string {
  if (value === undefined) throw new HoldfastError("HF_USAGE", `${flag} is missing.`);
  return value;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      lab: { type: "string" },
      account: { type: "string" },
      control: { type: "string" },
      observer: { type: "string" },
      validator: { type: "string", multiple: true },
    },
  });
  const account = needed(values.account, "--account");
  const labName = needed(values.lab, "--lab");
  const control = needed(values.control, "--control");
  const observer = needed(values.observer, "--observer");

  let events: { seq: number; event: WitnessEvent }[] = [];
  let nextSeq = 1;
  const record = (event: WitnessEvent) => {
    events.push({ seq: nextSeq++, event });
    if (events.length > maxEvents) events = events.slice(maxEvents / 10);
  };
  const stays = new Stays();
  const tenureOf = (stay: Stay | null) => (stay === null ? "none" : `${stay.host}#${stays.all.indexOf(stay) + 1}`);
  const produced = new Map<string, ProcessCounter>();
  const refused = new Map<string, ProcessCounter>();
  const counterOf = (counters: Map<string, ProcessCounter>, name: string): ProcessCounter => {
    const counter = counters.get(name) ?? new ProcessCounter();
    counters.set(name, counter);
    return counter;
  };
  const totalOf = (counters: Map<string, ProcessCounter>) =>
    [...counters.values()].reduce((sum, { total }) => sum + total, 0);

  let firstHeight: number | null = null;
  const chain = followChain(observer, account, (block) => {
    firstHeight ??= block.height;
    const stay = stays.at(block.timeMs);
    for (const event of eventsOf(block, account, stay, tenureOf(stay))) record(event);
  });
  const unwatch = watchHosts(labName, {
    onSample(host, sample) {
      const began = stays.take(host, sample);
      if (began !== null) {
        console.log(`${new Date(began.fromMs).toISOString()} ${host} has the key ${began.key}`);
        record({ type: "key", host, address: "", account, tenure: tenureOf(began), atMs: began.fromMs });
      }
      if (sample.produced !== null) counterOf(produced, host).look(sample.produced);
    },
    onOff: (host) => stays.end(host),
  });
  let running = true;
  const askRefused = async (): Promise<void> => {
    while (running) {
      for (const url of values.validator ?? [])
        try {
          counterOf(refused, url).look(metricIn(await readMetrics(url), refusedMetric) ?? 0);
        } catch {
          // It is off or busy; the next look counts what it missed.
        }
      await sleep(refusedEveryMs);
    }
  };
  void askRefused();

  const tallyNow = (): Tally => ({
    counts: chain.counts.total,
    produced: totalOf(produced),
    alreadyConnected: totalOf(refused),
  });
  const resetNow = (): Reset => ({ fromHeight: (chain.head() ?? 0) + 1, fromMs: Date.now(), tally: tallyNow() });
  let reset: Reset = { ...resetNow(), fromHeight: 0, fromMs: 0 };

  const report = () => {
    const seen = { account, events: events.map(({ event }) => event), stays: stays.all, tally: tallyNow() };
    return realReport(seen, { ...reset, fromHeight: Math.max(reset.fromHeight, firstHeight ?? 0) }, Date.now());
  };
  /** Status and body. */
  const answer = (request: IncomingMessage): [status: number, data: unknown] => {
    const url = new URL(request.url ?? "/", "http://control");
    switch (`${request.method} ${url.pathname}`) {
      case "GET /health":
        return [firstHeight === null ? 503 : 200, { head: chain.head(), firstHeight }];
      case "GET /report":
        return [200, report()];
      case "POST /reset":
        reset = resetNow();
        return [200, { fromHeight: reset.fromHeight }];
      case "GET /events":
        return [200, events.filter(({ seq }) => seq >= Number(url.searchParams.get("since") ?? 0))];
      default:
        return [404, { error: `a network of real neards has no ${request.method} ${url.pathname}` }];
    }
  };

  rmSync(control, { force: true });
  const server = createServer((request, response) => send(response, ...answer(request))).listen(control, () =>
    console.log(`witness of ${account}, by ${observer}`),
  );
  const stop = () => {
    running = false;
    chain.stop();
    unwatch();
    server.close();
    rmSync(control, { force: true });
    process.exit(0);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

function send(response: ServerResponse, status: number, data: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(data)}\n`);
}

await runEntry("lab witness", main);
