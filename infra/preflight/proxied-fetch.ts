/**
 * fetch for a few small requests, through the proxy that the environment names: Node's own knows none unless the whole process was
 * started for it. The provider, which speaks to the same API, heeds the same variables.
 */
import { Agent as HttpAgent, request as plainRequest } from "node:http";
import { Agent as HttpsAgent, request as tlsRequest } from "node:https";
import { proxyFor } from "../../toolchain/proxy.ts";

/** Undefined: the way to `endpoint` is direct, and Node's own fetch will do. @throws Error for a proxy that cannot be used */
export function proxiedFetch(
  endpoint: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): typeof globalThis.fetch | undefined {
  const url = new URL(endpoint);
  const proxy = proxyFor(url, env);
  if (proxy === null) return undefined;
  const proxyEnv = { [`${url.protocol.replace(":", "")}_proxy`]: proxy.url };
  const agent = url.protocol === "https:" ? new HttpsAgent({ proxyEnv }) : new HttpAgent({ proxyEnv });
  return async (target, init = {}) => await send(String(target), init, agent);
}

function send(target: string, { method, headers, body, signal }: RequestInit, agent: HttpAgent): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const options = {
    agent,
    method: method ?? "GET",
    headers: headers as Record<string, string>,
    ...(signal ? { signal } : {}),
  };
  const request = (target.startsWith("https:") ? tlsRequest : plainRequest)(target, options, (answer) => {
    const pieces: Buffer[] = [];
    answer.on("data", (piece: Buffer) => pieces.push(piece));
    answer.on("error", reject);
    answer.on("end", () => {
      const status = answer.statusCode ?? 0;
      // What leads elsewhere is not followed: nobody else is to get the token.
      const given = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as [string, string]);
      const text = Buffer.concat(pieces);
      resolve(new Response(text.length === 0 ? null : text, { status, headers: given }));
    });
  });
  request.on("error", reject);
  request.end(typeof body === "string" ? body : undefined);
  return promise;
}
