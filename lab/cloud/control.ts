/**
 * The control socket: HTTP on a Unix socket, JSON in and out. It is the lab's, not the API's: no client of Hetzner Cloud knows it.
 *
 *   GET  /counts                     requests that were answered: reads and writes since the beginning
 *   GET  /calls                      the latest, with method, path and status
 *   GET  /faults                     what waits to be met
 *   POST /faults FAULT               one more (faults.ts has the shape)
 *   DELETE /faults                   none, and actions that hang end with an error
 *   POST /offer {type, location, available}   whether a server type can be had in a location
 *   POST /quota {project, remaining}          how many requests a project has left
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import * as z from "zod";
import { endHanging } from "./actions.ts";
import { faultSchema } from "./faults.ts";
import type { CloudService } from "./service.ts";

const offerSchema = z.strictObject({ type: z.string(), location: z.string(), available: z.boolean() });
const quotaSchema = z.strictObject({ project: z.string(), remaining: z.number().nonnegative() });

/** The server, not listening yet. */
export function makeControl(service: CloudService): Server {
  return createServer((request, response) => {
    const send = (status: number, data: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(`${JSON.stringify(data)}\n`);
    };
    control(service, request).then(
      (data) => send(data === undefined ? 404 : 200, data ?? { error: `there is no ${request.method} ${request.url}` }),
      (error: unknown) => {
        const isInput = error instanceof z.ZodError || error instanceof SyntaxError;
        send(isInput ? 400 : 500, { error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) });
      },
    );
  });
}

async function control(service: CloudService, request: IncomingMessage): Promise<unknown> {
  const { cloud, clock } = service;
  const { state } = cloud;
  switch (`${request.method} ${request.url}`) {
    case "GET /counts":
      return state.counts;
    case "GET /calls":
      return state.calls;
    case "GET /faults":
      return state.faults;
    case "POST /faults":
      state.faults.push(faultSchema.parse(await bodyOf(request)));
      return state.faults;
    case "DELETE /faults":
      state.faults = [];
      return { ended: endHanging(state, clock.nowMs()) };
    case "POST /offer": {
      const { type, location, available } = offerSchema.parse(await bodyOf(request));
      const place = state.serverTypes
        .find(({ name }) => name === type)
        ?.locations.find(({ name }) => name === location);
      if (place === undefined) throw new SyntaxError(`${type} is not offered in ${location} at all`);
      place.available = available;
      return { type, ...place };
    }
    case "POST /quota": {
      const { project, remaining } = quotaSchema.parse(await bodyOf(request));
      cloud.project(project).quota = { remaining, atMs: clock.nowMs() };
      return { project, remaining };
    }
    default:
      return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
}
