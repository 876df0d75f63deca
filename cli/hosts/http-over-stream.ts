/** One HTTP/1.1 request over a stream that is already open, such as a channel of an SSH connection. */
import { request as httpRequest } from "node:http";
import type { Duplex } from "node:stream";
import type { AgentResponse } from "../ports.ts";

/** Above any answer of the agent (a snapshot in base64); keeps a wrong peer from filling our memory. */
const maxBodyBytes = 48 * 1024 * 1024;

export function requestOverStream(
  stream: Duplex,
  request: { method: string; path: string; body?: unknown },
): Promise<AgentResponse> {
  const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      createConnection: () => stream,
      method: request.method,
      path: request.path,
      headers: {
        host: "holdfastd",
        ...(payload === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
      },
    });
    outgoing.on("error", reject);
    // A stream may come paused, so that nothing of it is lost until somebody listens: now somebody does.
    outgoing.on("socket", () => stream.resume());
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBodyBytes) incoming.destroy(new Error(`the answer is above ${maxBodyBytes} bytes`));
        else chunks.push(chunk);
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") });
      });
    });
    outgoing.end(payload);
  });
}
