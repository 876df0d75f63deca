/**
 * One HTTPS request to one Consul server and its whole answer, within a time and a size; never repeated. For what the
 * npm package `consul` cannot ask: by Node's own https, which the package uses too, so that both share one pool of connections.
 */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import { ConsulUnknown } from "./errors.ts";

export interface Exchanged {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Null: it is above `maxBytes`, and was not read any further. */
  readonly content: Buffer | null;
}

export interface Bounds {
  readonly content?: string | Buffer | undefined;
  /** For all of it, from the send to the answer's last byte. */
  readonly withinMs: number;
  readonly maxBytes?: number | undefined;
}

/** @throws ConsulUnknown when there was no whole answer: what was asked may have happened */
export async function exchange(
  url: string,
  options: RequestOptions,
  { content, withinMs, maxBytes = Number.POSITIVE_INFINITY }: Bounds,
): Promise<Exchanged> {
  let under: ClientRequest | IncomingMessage | undefined;
  let giveUp = (_late: Error): void => {};
  // Not AbortSignal.timeout: one for each request costs the agent megabytes.
  const timer = setTimeout(() => {
    const late = new Error(`request timed out (${withinMs}ms)`);
    under?.destroy(late);
    // One that still waits for a connection says nothing of its end before there is one.
    giveUp(late);
  }, withinMs);
  try {
    const sent = request(url, options);
    under = sent;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      giveUp = reject;
      // The listener stays: an error that comes after the answer must not end the program.
      sent.once("response", resolve).on("error", reject).end(content);
    });
    under = response;
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      content: await upTo(response, maxBytes),
    };
  } catch (error) {
    throw new ConsulUnknown(`${new URL(url).origin}: ${(error as Error).message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Null: there is more. Leaving the loop closes the connection. */
async function upTo(response: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
