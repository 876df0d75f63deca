/**
 * The control socket: HTTP on a Unix socket, JSON in and out.
 *
 *   GET  /health                 height, head, links, tier-1 connections, whether slots keep time
 *   GET  /report[?since=HEIGHT]  the witness's report (report.ts) since the last reset, or a height
 *   POST /reset                  the next report begins with the next height
 *   GET  /events[?since=N]       events numbered N and above: [{seq, event}]
 *   GET  /events?follow=1        the same as they come, one JSON object a line, until the client leaves
 *   POST /protocol {version}     the network's protocol version from now on
 *   POST /validator-key {publicKey}  our account stakes with this key: it counts from the NEAR epoch after next
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import * as z from "zod";
import { publicKeySchema } from "./genesis.ts";
import type { Witness } from "./witness.ts";

export interface ControlHandlers {
  readonly witness: Witness;
  nowMs(): number;
  /** The first height that has not begun. */
  nextHeight(): number;
  health(): object;
  setProtocolVersion(version: number): void;
  /** The first NEAR epoch in which it counts. */
  setValidatorKey(publicKey: string): number;
}

const protocolSchema = z.strictObject({ version: z.number().int().positive() });
const validatorKeySchema = z.strictObject({ publicKey: publicKeySchema });
const numberSchema = z.coerce.number().int().nonnegative().optional();

/** The server, not listening yet. */
export function makeControl(handlers: ControlHandlers): Server {
  return createServer((request, response) => {
    answer(handlers, request, response).catch((error: unknown) => {
      const status = error instanceof z.ZodError || error instanceof SyntaxError ? 400 : 500;
      send(response, status, { error: error instanceof Error ? error.message : String(error) });
    });
  });
}

async function answer(handlers: ControlHandlers, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { witness } = handlers;
  const url = new URL(request.url ?? "/", "http://control");
  const since = numberSchema.parse(url.searchParams.get("since") ?? undefined);
  switch (`${request.method} ${url.pathname}`) {
    case "GET /health":
      return send(response, 200, handlers.health());
    case "GET /report":
      return send(response, 200, witness.report(handlers.nowMs(), since));
    case "POST /reset": {
      const fromHeight = handlers.nextHeight();
      witness.reset(fromHeight);
      return send(response, 200, { fromHeight });
    }
    case "GET /events": {
      const events = witness.events(since ?? (url.searchParams.has("follow") ? Number.POSITIVE_INFINITY : 0));
      if (!url.searchParams.has("follow")) return send(response, 200, events);
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.flushHeaders();
      for (const event of events) response.write(`${JSON.stringify(event)}\n`);
      response.on(
        "close",
        witness.follow((event) => response.write(`${JSON.stringify(event)}\n`)),
      );
      return;
    }
    case "POST /protocol": {
      const { version } = protocolSchema.parse(JSON.parse(await body(request)));
      handlers.setProtocolVersion(version);
      return send(response, 200, { version });
    }
    case "POST /validator-key": {
      const { publicKey } = validatorKeySchema.parse(JSON.parse(await body(request)));
      return send(response, 200, { publicKey, fromNearEpoch: handlers.setValidatorKey(publicKey) });
    }
    default:
      return send(response, 404, { error: `there is no ${request.method} ${url.pathname}` });
  }
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, data: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(data)}\n`);
}
