/** neard's RPC over HTTP: the GET pages and JSON-RPC by POST. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import * as z from "zod";
import { metricsText } from "./metrics.ts";
import * as answers from "./rpc-answers.ts";
import type { NodeView } from "./view.ts";

export interface RpcSource {
  view(): NodeView;
  /** Accept, and never answer. */
  hung(): boolean;
  /** Answer as nearcore did before 2.10. */
  legacy(): boolean;
}

const maxBodyBytes = 1_000_000;

const requestSchema = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]).default(null),
  method: z.string(),
  params: z.unknown().optional(),
});
const accountParamsSchema = z.union([
  z.object({ account_id: z.string() }).transform((params) => params.account_id),
  z.tuple([z.string()]).transform(([account]) => account),
]);

class MethodNotFound extends Error {}

/** The server, not listening yet. */
export function makeRpcServer(source: RpcSource): Server {
  return createServer((request, response) => {
    if (source.hung()) return;
    if (request.method === "POST")
      body(request)
        .then((text) => send(response, jsonRpc(source, text)))
        .catch(() => response.destroy());
    else send(response, page(source.view(), (request.url ?? "/").split("?")[0] ?? "/"));
  });
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** The answer to a GET. */
export function page(view: NodeView, path: string): Page {
  switch (path) {
    case "/status":
      return json(answers.status(view));
    case "/health": {
      const because = answers.unhealthyBecause(view);
      return json(because ?? null, because === undefined ? 200 : 503);
    }
    case "/network_info":
      return json(answers.networkInfo(view));
    case "/metrics":
      return { status: 200, type: "text/plain; version=0.0.4", text: metricsText(view) };
    default:
      return { status: 404, type: "text/plain", text: "" };
  }
}

/** One JSON-RPC request to its answer, in nearcore's form of errors. */
export function jsonRpc(source: RpcSource, text: string): Page {
  let parsed: z.infer<typeof requestSchema>;
  try {
    parsed = requestSchema.parse(JSON.parse(text));
  } catch {
    return failure(null, -32700, "Parse error", "PARSE_ERROR", {}, {});
  }
  const { id, method, params } = parsed;
  try {
    return json({ jsonrpc: "2.0", result: result(source, method, params), id });
  } catch (error) {
    if (error instanceof MethodNotFound)
      return failure(id, -32601, "Method not found", "METHOD_NOT_FOUND", { method_name: method }, method);
    const error_message = `invalid params of ${method}`;
    return failure(id, -32700, "Parse error", "PARSE_ERROR", { error_message }, { error_message });
  }
}

function result(source: RpcSource, method: string, params: unknown): unknown {
  const view = source.view();
  switch (method) {
    case "status":
      return answers.status(view);
    case "health":
      return null;
    case "network_info":
      return answers.networkInfo(view);
    case "validators":
      return answers.validators(view);
    case "maintenance_windows":
      if (source.legacy()) throw new MethodNotFound();
      return answers.windows(view, accountParamsSchema.parse(params), false);
    case "EXPERIMENTAL_maintenance_windows":
      return answers.windows(view, accountParamsSchema.parse(params), source.legacy());
    case "block":
      return answers.block(view);
    case "EXPERIMENTAL_protocol_config":
      return answers.protocolConfig(view);
    default:
      throw new MethodNotFound();
  }
}

function json(data: unknown, status = 200): Page {
  return { status, type: "application/json", text: JSON.stringify(data) };
}

/** HTTP 400 beside the JSON-RPC error, as the real one answers what it cannot parse or does not know. */
function failure(id: unknown, code: number, message: string, name: string, info: object, data: unknown): Page {
  const error = { name: "REQUEST_VALIDATION_ERROR", cause: { name, info }, code, message, data };
  return json({ jsonrpc: "2.0", error, id }, 400);
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBodyBytes) throw new Error("the body is too long");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, { status, type, text }: Page): void {
  response.writeHead(status, { "content-type": type });
  response.end(text);
}
