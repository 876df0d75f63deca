/**
 * One GET, for files: through the proxy that the environment names, bounded in every wait, and with the reason in plain
 * words when it fails. Node's fetch knows no proxy here (it would for the whole process or not at all), and tries a proxy
 * that ends the tunnel again for ever.
 */
import { Agent as HttpAgent, type IncomingMessage, get as plainGet } from "node:http";
import { Agent as HttpsAgent, get as httpsGet } from "node:https";
import { plainReason } from "../contract/errors.ts";
import { type ProxyWay, proxyFor } from "./proxy.ts";

const mostRedirects = 10;
/** A proxy may look at what it passes on, and has to connect first. */
const proxyMs = 10_000;
/** A connection that brings nothing for so long is dead. */
const stallMs = 30_000;

export interface GetOptions {
  /** For name server, connection and the answer's headers together, and 10 s more through a proxy; anew for each redirect. */
  readonly answerWithinMs: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** @returns the answer to read from, of status 200. @throws Error whose message can stand in the middle of a sentence */
export async function httpGet(address: string, options: GetOptions): Promise<IncomingMessage> {
  let url = new URL(address);
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const answer = await ask(url, options);
    const { statusCode = 0, headers } = answer;
    if (statusCode === 200) return answer;
    answer.destroy();
    const next = statusCode >= 300 && statusCode < 400 ? URL.parse(headers.location ?? "", url.href) : null;
    if (next === null) throw new AnsweredError(`${shownUrl(url)} answered ${statusCode}`);
    if (url.protocol === "https:" && next.protocol !== "https:")
      throw new AnsweredError(`${shownUrl(url)} leads to ${next.protocol}//${next.host}, which is not https`);
    url = next;
  }
  throw new AnsweredError(`${shownUrl(new URL(address))} leads from one address to the next without end`);
}

/** The host was reached, and what it said is no file. */
export class AnsweredError extends Error {}

/** Without a login, and without what may be a token. */
export const shownUrl = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

async function ask(url: URL, { answerWithinMs, env = process.env }: GetOptions): Promise<IncomingMessage> {
  const proxy = proxyFor(url, env);
  const isHttps = url.protocol === "https:";
  const proxyEnv = proxy === null ? {} : { [`${url.protocol.replace(":", "")}_proxy`]: proxy.url };
  const agent = isHttps ? new HttpsAgent({ proxyEnv }) : new HttpAgent({ proxyEnv });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (isHttps ? httpsGet : plainGet)(url, { agent }, resolve);
  request.on("error", (error) => reject(new Error(reasonOf(error, url, proxy), { cause: error })));
  const withinMs = proxy === null ? answerWithinMs : answerWithinMs + proxyMs;
  // The request's own timeout does not begin before a proxy's tunnel is there.
  const timer = setTimeout(() => {
    reject(new Error(`${url.host} did not answer within ${withinMs / 1000} s${through(proxy)}`));
    request.destroy();
    agent.destroy();
  }, withinMs);
  try {
    const answer = await promise;
    answer.setTimeout(stallMs, () =>
      answer.destroy(new Error(`nothing more came from ${url.host} for ${stallMs / 1000} s`)),
    );
    answer.once("close", () => agent.destroy());
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

const through = (proxy: ProxyWay | null) => (proxy === null ? "" : ` through ${proxy.title}`);

function reasonOf(
  error: NodeJS.ErrnoException & { statusCode?: number; hostname?: string },
  url: URL,
  proxy: ProxyWay | null,
) {
  const { code, statusCode } = error;
  if (proxy !== null) {
    if (statusCode === 407) return `${proxy.title} wants a login that it knows (407) before it leads to ${url.host}`;
    if (statusCode !== undefined) return `${proxy.title} does not lead to ${url.host} (${statusCode})`;
    if (code === "ERR_PROXY_TUNNEL") return `${proxy.title} ended the connection to ${url.host}`;
    if (code !== undefined && /^E[A-Z]/.test(code) && !code.startsWith("ERR_"))
      return `${proxy.title}, which leads to ${url.host}, ${nameReason(code) ?? `cannot be reached: ${plainReason(error)}`}`;
  }
  if (nameReason(code) !== undefined) return `${url.host} ${nameReason(code)}`;
  return `${url.host} cannot be reached${through(proxy)}: ${plainReason(error)}`;
}

const nameReason = (code: string | undefined) =>
  code === "ENOTFOUND" || code === "EAI_AGAIN" ? "is not known to the name server" : undefined;
