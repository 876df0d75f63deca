import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { certify, makeAuthority } from "../../infra/secrets/certificates.ts";
import { ConsulClient, type ConsulConnection } from "./client.ts";
import { ConsulRefused, ConsulUnknown, classify } from "./errors.ts";

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly token: string | undefined;
  readonly body: unknown;
}

/** What the server answers, and what it was asked; one of each at a time. */
let answer: (response: ServerResponse) => void = () => {};
const asked: Asked[] = [];
let server: Server;
let connection: ConsulConnection;
let client: ConsulClient;

const json = (body: unknown, status = 200, headers = {}) => {
  answer = (response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
};

beforeAll(async () => {
  const authority = await makeAuthority("holdfast test", Date.now());
  const host = await certify(authority, { name: "host-a", dnsNames: [], addresses: ["127.0.0.1"] }, Date.now());
  const pem = { cert: host.certificate, key: host.privateKey, ca: authority.certificate };
  server = createServer({ ...pem, requestCert: true }, (request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  connection = { url: `https://127.0.0.1:${port}`, ...pem, token: "the-token" };
  client = new ConsulClient(connection);
});
afterEach(() => asked.splice(0));
afterAll(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  asked.push({
    method: request.method ?? "",
    url: new URL(request.url ?? "/", "https://consul"),
    token: request.headers["x-consul-token"] as string | undefined,
    body: text === "" ? undefined : read(text),
  });
  answer(response);
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const lock = {
  Key: "k",
  Value: Buffer.from("text").toString("base64"),
  Flags: 0,
  CreateIndex: 7,
  ModifyIndex: 90,
  LockIndex: 5,
  Session: "s",
};
const entry = { key: "k", value: "text", modifyIndex: 90, lockIndex: 5, session: "s" };

describe("names of keys", () => {
  const names = Array.from({ length: 100 }, (_, at) => `holdfast-history/localnet/v.near/${at}`);
  test("are asked for without their values", async () => {
    json(names);
    expect(await client.keyNames("holdfast-history/localnet/v.near/", 100_000)).toEqual(names);
    const { url, token } = asked[0] as Asked;
    expect(decodeURIComponent(url.pathname)).toBe("/v1/kv/holdfast-history/localnet/v.near/");
    expect([...url.searchParams.keys()]).toEqual(["keys", "stale"]);
    expect(token).toBe("the-token");
  });
  test("that are too many are not read", async () => {
    json(names);
    expect(await client.keyNames("p/", 1000)).toBeNull();
    // The next one goes on another connection, or the same.
    expect(await client.keyNames("p/", 100_000)).toHaveLength(100);
  });
  test("none, refused, not answered", async () => {
    json({}, 404);
    expect(await client.keyNames("p/", 1000)).toEqual([]);
    answer = (response) => void response.writeHead(403).end("Permission denied");
    await expect(client.keyNames("p/", 1000)).rejects.toThrow(ConsulRefused);
    answer = (response) => void response.writeHead(500).end("No cluster leader");
    await expect(client.keyNames("p/", 1000)).rejects.toThrow(ConsulUnknown);
    answer = () => {};
    await expect(client.keyNames("p/", 1000, 50)).rejects.toThrow(ConsulUnknown);
    answer = (response) => void response.writeHead(200).end("{");
    await expect(client.keyNames("p/", 1000)).rejects.toThrow(ConsulUnknown);
  });
});

test("a request that waits for a connection behind others that hang is over when its time is", async () => {
  const waiting: ServerResponse[] = [];
  answer = (response) => void waiting.push(response);
  const crowded = new ConsulClient(connection);
  try {
    // As many as there are connections to one server.
    const hanging = Array.from({ length: 16 }, () => crowded.put("k", "v", { timeoutMs: 60_000 }).catch(() => {}));
    await vi.waitFor(() => expect(waiting).toHaveLength(16), 5000);
    await expect(crowded.put("k", "v", { timeoutMs: 50 })).rejects.toThrow(/request timed out \(50ms\)/);
    // Nor is it sent afterwards.
    json(true);
    for (const response of waiting) response.end("true");
    await Promise.all(hanging);
    expect(await crowded.put("k", "v", { timeoutMs: 5000 })).toBe(true);
    expect(asked).toHaveLength(17);
  } finally {
    crowded.close();
  }
}, 10_000);

describe("reading the lock", () => {
  test("asks the quorum, and blocks from the index that it knows", async () => {
    json([lock], 200, { "X-Consul-Index": "91" });
    expect(await client.readPrefix("p/", { index: 88, waitMs: 1000, timeoutMs: 1000 })).toEqual({
      index: 91,
      entries: [entry],
    });
    const { url, token } = asked[0] as Asked;
    expect(url.searchParams.has("consistent")).toBe(true);
    expect(url.searchParams.has("stale")).toBe(false);
    expect(url.searchParams.get("index")).toBe("88");
    expect(token).toBe("the-token");
  });

  test.for([
    ["none of it", "", 404],
    ["a part of it", [lock], 200],
  ] as const)(
    "what Consul filtered is no answer, with %s to be seen: a lock that may not be read is not absent",
    async ([, body, status]) => {
      json(body, status, { "X-Consul-Index": "12", "X-Consul-Results-Filtered-By-ACLs": "true" });
      await expect(client.readPrefix("p/", { timeoutMs: 1000 })).rejects.toThrow(ConsulRefused);
    },
  );

  test("a prefix without a key has an index all the same", async () => {
    json("", 404, { "X-Consul-Index": "12" });
    expect(await client.readPrefix("p/", { timeoutMs: 1000 })).toEqual({ index: 12, entries: [] });
  });
});

describe("a transaction", () => {
  test("goes in one request, in order; the epoch is LockIndex", async () => {
    json({ Results: [{ KV: lock }, { KV: lock }], Errors: null });
    const outcome = await client.transact([
      { verb: "check-index", key: "k", index: 70 },
      { verb: "unlock", key: "k", session: "old", value: "v" },
      { verb: "lock", key: "k", session: "s", value: "v" },
    ]);
    expect(outcome).toEqual({ committed: true, entries: [entry, entry] });
    const value = Buffer.from("v").toString("base64");
    expect(asked.map(({ method, url, body }) => [method, url.pathname, body])).toEqual([
      [
        "PUT",
        "/v1/txn",
        [
          { KV: { Verb: "check-index", Key: "k", Index: 70 } },
          { KV: { Verb: "unlock", Key: "k", Session: "old", Value: value } },
          { KV: { Verb: "lock", Key: "k", Session: "s", Value: value } },
        ],
      ],
    ]);
  });

  test("that a check stopped is not committed, and says why", async () => {
    json({ Results: null, Errors: [{ OpIndex: 0, What: "current modify index is 71" }] }, 409);
    expect(await client.transact([{ verb: "check-index", key: "k", index: 70 }])).toEqual({
      committed: false,
      because: "current modify index is 71",
    });
  });

  test.for(["Permission denied: token with AccessorID 'a' lacks permission 'key:write' on \"k\"", "ACL not found"])(
    "that the token may not make is no verdict on the lock: %s",
    async (What) => {
      json({ Results: null, Errors: [{ OpIndex: 0, What }] }, 409);
      const refused = client.transact([{ verb: "check-session", key: "k", session: "s" }]);
      await expect(refused).rejects.toMatchObject({ name: "ConsulRefused", status: 403 });
    },
  );

  test("that is not answered in time may have happened", async () => {
    answer = () => {};
    await expect(client.transact([{ verb: "check-not-exists", key: "k" }], 100)).rejects.toThrow(ConsulUnknown);
  });

  test("during an election may have happened", async () => {
    answer = (response) => void response.writeHead(500).end("No cluster leader");
    await expect(client.transact([{ verb: "check-not-exists", key: "k" }])).rejects.toThrow(ConsulUnknown);
  });
});

test("a session ends by its TTL or by us, never by gossip's opinion of its node", async () => {
  json({ ID: "adf4238a-882b-9ddc-4a9d-5b6758e4159e" });
  await client.createSession({ node: "host-a", name: "lease", ttlMs: 15_000, lockDelayMs: 15_000 });
  expect(asked[0]?.body).toMatchObject({
    Node: "host-a",
    NodeChecks: [],
    Behavior: "release",
    TTL: "15000ms",
    LockDelay: "15000ms",
  });
});

describe("how the servers are", () => {
  const server = (Name: string, Healthy: boolean) => ({
    ID: `id of ${Name}`,
    Name,
    Version: "1.22.6",
    Address: `${Name}:8300`,
    SerfStatus: Healthy ? "alive" : "failed",
    Leader: false,
    Voter: true,
    Healthy,
    LastIndex: 9,
  });
  const health = { Healthy: false, Servers: [server("host-a", true), server("host-b", false)] };

  test("is read from a 429 too, which is JSON that calls itself text", async () => {
    json(health, 429, { "content-type": "text/plain; charset=utf-8" });
    expect((await client.health()).Servers.map(({ Healthy }) => Healthy)).toEqual([true, false]);
    json({ ...health, Healthy: true });
    expect((await client.health()).Healthy).toBe(true);
  });

  test.for([
    ["no JSON at all", "<html>", "text/plain"],
    ["JSON of another shape", '{"Servers":7}', "application/json"],
    ["half of it", '{"Healthy":tr', "text/plain"],
  ] as const)("%s is no answer, and no raw error", async ([, body, type]) => {
    answer = (response) => void response.writeHead(429, { "content-type": type }).end(body);
    await expect(client.health()).rejects.toThrow(ConsulUnknown);
  });

  test("one server's own word is asked of that server alone", async () => {
    json(["k"], 200, { "X-Consul-Index": "91", "X-Consul-KnownLeader": "true", "X-Consul-LastContact": "12" });
    expect(await client.ownWord()).toEqual({ index: 91, knowsLeader: true, lastContactMs: 12 });
    expect(asked[0]?.url.searchParams.has("stale")).toBe(true);
  });
});

test("leadership is handed to a server by Raft's name for it; that it could not be is no answer", async () => {
  json({ Success: true });
  await client.transferLeadership("id of host-b");
  const { method, url, token } = asked[0] as Asked;
  expect([method, url.pathname, url.searchParams.get("id"), token]).toEqual([
    "POST",
    "/v1/operator/raft/transfer-leader",
    "id of host-b",
    "the-token",
  ]);
  json("leadership transfer timeout", 500);
  await expect(client.transferLeadership("id of host-b")).rejects.toThrow(ConsulUnknown);
  json("Permission denied", 403);
  await expect(client.transferLeadership("id of host-b")).rejects.toThrow(ConsulRefused);
});

test.for([
  ["a write", () => client.put("k", '"v"')],
  ["a renewal", () => client.acquire("k", "s", '"v"')],
  ["a transaction", () => client.transact([{ verb: "check-not-exists", key: "k" }])],
  ["a read", () => client.readPrefix("p/", { timeoutMs: 1000 })],
] as const)("%s whose answer is not Consul's API is unknown: neither a yes nor a no", async ([, ask]) => {
  json({ Results: 7, welcome: "to some proxy" }, 200, { "X-Consul-Index": "91" });
  await expect(ask()).rejects.toThrow(ConsulUnknown);
});

describe("whatever becomes of an answer", () => {
  const asking = [
    ["by the library", () => client.transact([{ verb: "check-not-exists", key: "k" }], 300)],
    ["without it", () => client.put("k", '"v"', { timeoutMs: 300 })],
  ] as const;

  test.for(asking)("one that stops in the middle is unknown, asked %s", async ([, ask]) => {
    answer = (response) => void response.writeHead(200, { "content-length": "4" }).write("tr");
    await expect(ask()).rejects.toThrow(/timed out \(300ms\)/);
    await expect(ask()).rejects.toThrow(ConsulUnknown);
  });

  test.for(asking)("one that is cut off is unknown, asked %s", async ([, ask]) => {
    answer = (response) =>
      void response.writeHead(200, { "content-length": "4" }).write("tr", () => response.destroy());
    await expect(ask()).rejects.toThrow(ConsulUnknown);
  });

  test.for(asking)("no answer is unknown, and asked %s once only", async ([, ask]) => {
    answer = (response) => void response.destroy();
    await expect(ask()).rejects.toThrow(ConsulUnknown);
    expect(asked).toHaveLength(1);
  });

  test("a connection that has brought one carries the next, by the library or without it", async () => {
    let connections = 0;
    const count = () => void connections++;
    server.on("secureConnection", count);
    const fresh = new ConsulClient(connection);
    json(true);
    await fresh.put("k", "v");
    await fresh.delete("k");
    await fresh.put("k", "v");
    server.off("secureConnection", count);
    fresh.close();
    expect(connections).toBe(1);
  });
});

test("a server that knows no leader has answered, and says so", async () => {
  json("");
  expect(await client.leader()).toBeNull();
  json("10.0.0.1:8300");
  expect(await client.leader()).toBe("10.0.0.1:8300");
  answer = (response) => void response.destroy();
  await expect(client.leader()).rejects.toThrow(ConsulUnknown);
});

test.for([true, false])("Consul's %s to a write is given back", async (said) => {
  json(said);
  expect(await client.acquire("k", "s", "v")).toBe(said);
  expect(asked[0]).toMatchObject({ method: "PUT", token: "the-token" });
  expect(asked[0]?.url.searchParams.get("acquire")).toBe("s");
});

test("a mark is the index of a session that is gone again", async () => {
  const id = "adf4238a-882b-9ddc-4a9d-5b6758e4159e";
  const body = (path = "") => (path.startsWith("/v1/session/info/") ? [{ ID: id, CreateIndex: 44 }] : { ID: id });
  answer = (response) =>
    void response.setHeader("content-type", "application/json").end(JSON.stringify(body(asked.at(-1)?.url.pathname)));
  expect(await client.mark("host-a")).toBe(44);
  expect(asked.at(-1)?.url.pathname).toBe(`/v1/session/destroy/${id}`);
});

test("sessions are counted, and a renewal of none is told from no answer", async () => {
  json([{}, {}]);
  expect(await client.countSessions()).toBe(2);
  json([]);
  expect(await client.countSessions()).toBe(0);
  answer = (response) => void response.writeHead(404).end("Session id not found");
  expect(await client.renewSession("s")).toBe(false);
  answer = (response) => void response.writeHead(500).end("No cluster leader");
  await expect(client.renewSession("s")).rejects.toThrow(ConsulUnknown);
});

test("the converger's calls get JSON, nothing, and Consul's refusal", async () => {
  json({ ID: "p" });
  expect(await client.request("put", "/acl/policy", { Name: "p" })).toEqual({ ID: "p" });
  expect(asked[0]).toMatchObject({ method: "PUT", body: { Name: "p" }, token: "the-token" });
  answer = (response) => void response.end();
  await client.request("delete", "/acl/policy/p");
  answer = (response) => void response.writeHead(403).end("ACL not found");
  await expect(client.request("get", "/acl/token/self")).rejects.toMatchObject({
    status: 403,
    message: "ACL not found",
  });
});

describe("what an error says about what was asked", () => {
  const kind = (error: unknown) => classify(error, "https://consul").constructor;
  const status = (code: number, body = "") => ({ message: "", response: { statusCode: code, body } });

  test.for([
    ["a broken connection", { message: "socket hang up" }],
    ["a gateway", status(502)],
    ["an election", status(500, "No cluster leader")],
    ["a leader that was deposed while it wrote", status(500, "leadership lost while committing log")],
    ["a server that could not reach the leader", status(500, "rpc error making call: EOF")],
    ["a server whose gossip has lost the leader", status(500, "Raft leader not found in server lookup mapping")],
    ["words that we have never heard", status(500, "something else")],
  ] as const)("%s: nothing is known", ([, error]) => expect(kind(error)).toBe(ConsulUnknown));

  test.for([
    ["a token that may not", status(403, "Permission denied")],
    ["a check that failed", status(409)],
    ["a session that is none", status(500, 'invalid session "adf4238a"')],
    ["a session that is none, by way of another server", status(500, 'rpc error making call: invalid session "adf4"')],
    ["a node that is not in the catalogue", status(500, "Missing node registration")],
  ] as const)("%s: refused", ([, error]) => expect(kind(error)).toBe(ConsulRefused));
});

const hasIPv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === "::1");
test.skipIf(!hasIPv6)("a server is reached by its IPv6 address, and its certificate counts for that", async () => {
  const authority = await makeAuthority("holdfast test", Date.now());
  const host = await certify(authority, { name: "host-a", dnsNames: [], addresses: ["::1"] }, Date.now());
  const pem = { cert: host.certificate, key: host.privateKey, ca: authority.certificate };
  const other = createServer(
    { ...pem, requestCert: true },
    (_, response) => void response.setHeader("content-type", "application/json").end('"[::1]:8300"'),
  );
  await new Promise<void>((resolve) => other.listen(0, "::1", resolve));
  const url = `https://[::1]:${(other.address() as AddressInfo).port}`;
  const reaching = new ConsulClient({ url, ...pem, token: "the-token" });
  // Without the library, and by it.
  expect(await reaching.leader()).toBe("[::1]:8300");
  await reaching.delete("k");
  reaching.close();
  other.closeAllConnections();
  other.close();
});
