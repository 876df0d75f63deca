/** Against a real CONNECT proxy and a real TLS server on loopback. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { certify, makeAuthority } from "../infra/secrets/certificates.ts";
import { httpGet } from "./http-get.ts";

let origin: ReturnType<typeof createTlsServer>;
let proxy: Server;
/** What the proxy was asked for, with the login. */
let asked: string[] = [];
let refuse: string | null = null;
let mute = false;
const portOf = (server: { address(): AddressInfo | string | null }) => (server.address() as AddressInfo).port;
const listening = (server: Server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const env = (more: Record<string, string> = {}) => ({
  HTTPS_PROXY: `http://me:hunter2@127.0.0.1:${portOf(proxy)}`,
  ...more,
});
const get = (url: string, more: Record<string, string> = {}) => httpGet(url, { answerWithinMs: 2000, env: env(more) });

beforeAll(async () => {
  const authority = await makeAuthority("test", Date.now());
  const own = await certify(
    authority,
    { name: "files.test", dnsNames: ["files.test", "localhost"], addresses: [] },
    Date.now(),
  );
  setDefaultCACertificates([...getCACertificates("default"), authority.certificate]);
  origin = createTlsServer({ key: own.privateKey, cert: own.certificate }, ({ url }, response) => {
    if (url === "/file") response.end("content");
    else if (url === "/moved") response.writeHead(302, { location: "/file?token=hunter2" }).end();
    else if (url === "/file?token=hunter2") response.end("moved content");
    else if (url === "/loop") response.writeHead(301, { location: "/loop" }).end();
    else if (url === "/clear") response.writeHead(301, { location: "http://files.test/" }).end();
    else response.writeHead(404).end();
  });
  proxy = createServer((_, response) => response.writeHead(500).end());
  proxy.on("connect", ({ url, headers }: IncomingMessage, socket: import("node:stream").Duplex) => {
    asked.push(`${url} ${Buffer.from(headers["proxy-authorization"]?.split(" ")[1] ?? "", "base64")}`);
    socket.on("error", () => {});
    if (mute) return;
    if (refuse !== null) return void socket.end(refuse);
    const upstream = connect(portOf(origin), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
  });
  await Promise.all([listening(origin), listening(proxy)]);
});
afterAll(() => {
  for (const server of [origin, proxy]) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(() => {
  asked = [];
  refuse = null;
  mute = false;
});

test("a file comes through the proxy, whose login is given to the proxy alone", async () => {
  expect(await text(await get("https://files.test/file"))).toBe("content");
  expect(asked).toEqual(["files.test:443 me:hunter2"]);
});

test("each hop of a redirect is a way of its own", async () => {
  expect(await text(await get("https://files.test/moved"))).toBe("moved content");
  expect(asked).toHaveLength(2);
});

test("past the proxy, where NO_PROXY or the way to this machine says so", async () => {
  expect(await text(await get(`https://localhost:${portOf(origin)}/file`))).toBe("content");
  await expect(get("https://files.test/file", { NO_PROXY: ".test" })).rejects.toThrow(
    "files.test is not known to the name server",
  );
  expect(asked).toEqual([]);
});

describe("what fails is told with the proxy's name, and never its password", () => {
  test.each([
    [
      "wants a login",
      "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
      /wants a login that it knows \(407\) before it leads to files\.test$/,
    ],
    ["refuses", "HTTP/1.1 403 Forbidden\r\n\r\n", /does not lead to files\.test \(403\)$/],
    ["hangs up", "", /ended the connection to files\.test$/],
  ])("a proxy that %s", async (_, answer, words) => {
    refuse = answer;
    const failure = await get("https://files.test/file").catch((error: Error) => error.message);
    expect(failure).toMatch(words);
    expect(failure).toContain(`the proxy 127.0.0.1:${portOf(proxy)} (HTTPS_PROXY)`);
    expect(failure).not.toContain("hunter2");
    expect(asked).toHaveLength(1);
  });
  test("one that is not there", () =>
    expect(get("https://files.test/file", { HTTPS_PROXY: "http://me:hunter2@127.0.0.1:1" })).rejects.toThrow(
      /^the proxy 127\.0\.0\.1:1 \(HTTPS_PROXY\), which leads to files\.test, cannot be reached: the connection was refused/,
    ));
  test("one that nobody knows", () =>
    expect(get("https://files.test/file", { HTTPS_PROXY: "nowhere.invalid:3128" })).rejects.toThrow(
      "the proxy nowhere.invalid:3128 (HTTPS_PROXY), which leads to files.test, is not known to the name server",
    ));
  test("one that says nothing", async () => {
    mute = true;
    const options = { answerWithinMs: -9500, env: env() };
    await expect(httpGet("https://files.test/file", options)).rejects.toThrow(
      /^files\.test did not answer within 0\.5 s through the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\)$/,
    );
  });
});

test.each([
  ["/absent", "https://files.test/absent answered 404"],
  ["/loop", "https://files.test/loop leads from one address to the next without end"],
  ["/clear", "https://files.test/clear leads to http://files.test, which is not https"],
  ["/absent?token=hunter2", "https://files.test/absent answered 404"],
])("an answer that is no file: %s", (path, words) => expect(get(`https://files.test${path}`)).rejects.toThrow(words));
