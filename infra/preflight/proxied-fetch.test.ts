import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { HcloudClient } from "../../hcloud/client.ts";
import { HcloudError } from "../../hcloud/errors.ts";
import { sampleToken } from "../testing/sample.ts";
import { proxiedFetch } from "./proxied-fetch.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A proxy for plain HTTP: what it is asked for it answers itself. */
async function proxy(
  status: number,
  headers: Record<string, string>,
  body: string,
): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization?.slice(0, 10)}`);
    response.writeHead(status, headers).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const endpoint = "http://api.example/v1";
const client = (env: Record<string, string>) =>
  new HcloudClient({ token: sampleToken, endpoint, fetch: proxiedFetch(endpoint, env) });

test("without a proxy Node's own will do", () => {
  expect(proxiedFetch(endpoint, {})).toBeUndefined();
  expect(proxiedFetch(endpoint, { http_proxy: "http://proxy.example", no_proxy: "api.example" })).toBeUndefined();
});

test("the API is asked through the proxy", async () => {
  const { url, asked } = await proxy(200, { "x-correlation-id": "a" }, JSON.stringify({ networks: [] }));
  expect(await client({ http_proxy: url }).list("networks")).toEqual([]);
  expect(asked).toEqual(["GET http://api.example/v1/networks?page=1&per_page=50 Bearer Abc"]);
});

test("what leads elsewhere is not followed: nobody else gets the token", async () => {
  const { url, asked } = await proxy(302, { location: "http://elsewhere.example/" }, "");
  await expect(client({ http_proxy: url }).list("networks")).rejects.toMatchObject({ apiCode: "http_302" });
  expect(asked).toHaveLength(1);
});

test("an answer that does not come is late, and the request is ended", async () => {
  const server = createServer(() => {});
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const error = await client({ http_proxy: url })
    .list("networks", {}, { withinMs: 200 })
    .catch((cause) => cause);
  expect(error).toBeInstanceOf(HcloudError);
  expect(error.is).toBe("late");
});
