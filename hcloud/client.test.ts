import { describe, expect, test } from "vitest";
import { describeError } from "../contract/errors.ts";
import { HcloudClient } from "./client.ts";
import { HcloudError, isNotFound } from "./errors.ts";
import { FakeApi, token } from "./testing/fake-api.ts";

const server = (id: number, more: object = {}) => ({
  id,
  name: `host-${id}`,
  status: "running",
  created: "2026-11-01T00:00:00+00:00",
  server_type: { id: 1, name: "cx23" },
  location: { name: "fsn1" },
  public_net: { ipv4: { id: 7, ip: "192.0.2.1" }, ipv6: null },
  protection: { delete: false, rebuild: false },
  ...more,
});
const action = (status: string, more: object = {}) => ({ id: 9, command: "stop_server", status, progress: 0, ...more });
const refusal = (code: string, message = "no") => ({ error: { code, message } });

async function failure(run: Promise<unknown>): Promise<HcloudError> {
  const error = await run.then(
    () => undefined,
    (cause) => cause,
  );
  expect(error).toBeInstanceOf(HcloudError);
  return error as HcloudError;
}

describe("a list", () => {
  test("goes over all pages, and asks as the API wants it", async () => {
    const api = new FakeApi([
      { json: { servers: [server(1)], meta: { pagination: { next_page: 2 } } } },
      { json: { servers: [server(2)], meta: { pagination: { next_page: null } } } },
    ]);
    const found = await api.client().list("servers", { labels: { stack: "a", host: "b" } });
    expect(found.map(({ id }) => id)).toEqual([1, 2]);
    expect(api.asked.map(({ url }) => url)).toEqual(
      [1, 2].map(
        (page) => `https://api.hetzner.cloud/v1/servers?label_selector=stack%3Da%2Chost%3Db&page=${page}&per_page=50`,
      ),
    );
    expect(api.asked[0]?.headers).toMatchObject({ authorization: `Bearer ${token}` });
  });
  test("of images has its own conditions", async () => {
    const api = new FakeApi([{ json: { images: [] } }]);
    await api.client().list("images", { name: "debian-12", architecture: "arm", includeDeprecated: true });
    expect(api.asked[0]?.url).toContain("?name=debian-12&architecture=arm&include_deprecated=true&");
  });
  test("that leads nowhere ends", async () => {
    const api = new FakeApi([{ json: { servers: [], meta: { pagination: { next_page: 1 } } } }]);
    expect(await failure(api.client().list("servers"))).toMatchObject({ is: "malformed" });
  });
});

describe("an answer", () => {
  test("of another form is told with the place, and a word that is new is unknown", async () => {
    const api = new FakeApi([
      { json: { server: server(1, { protection: 1 }) } },
      { json: { server: server(1, { status: "resting" }) } },
    ]);
    const error = await failure(api.client().get("servers", 1));
    expect(error.message).toBe(
      "Hetzner Cloud: server 1 cannot be read: its answer has another form than documented (protection).",
    );
    expect((await api.client().get("servers", 1)).status).toBe("unknown");
  });
  test.each([
    ["<html>", "its answer is no JSON"],
    ["[]", "another form"],
    ["null", "another form"],
  ])("%s is none", async (text, words) => {
    const api = new FakeApi([{ text }]);
    const error = await failure(api.client().get("servers", 1));
    expect(error).toMatchObject({ is: "malformed", code: "HF_CLOUD" });
    expect(error.message).toContain(words);
  });
  test("tells the rate limit", async () => {
    const headers = { "RateLimit-Limit": "3600", "RateLimit-Remaining": "12", "RateLimit-Reset": "1796000000" };
    const api = new FakeApi([{ json: { server: server(1) }, headers }]);
    const client = api.client();
    expect(client.rateLimit).toBeNull();
    await client.get("servers", 1);
    expect(client.rateLimit).toEqual({ limit: 3600, remaining: 12, resetAt: 1_796_000_000 });
  });
});

describe("a refusal", () => {
  test("keeps code, words, status and id, and says what next", async () => {
    const api = new FakeApi([
      {
        status: 412,
        json: refusal("resource_unavailable", "error during placement"),
        headers: { "X-Correlation-Id": "abc123" },
      },
    ]);
    const error = await failure(api.client().get("servers", 1));
    expect(error).toMatchObject({
      is: "refused",
      apiCode: "resource_unavailable",
      status: 412,
      correlationId: "abc123",
    });
    expect(describeError(error)).toBe(
      "Hetzner Cloud: server 1 cannot be read: error during placement (resource_unavailable) (correlation id abc123).\n" +
        "  next: Choose another type or location; a preview names those with capacity.\n  (HF_CLOUD, see docs/errors.md)",
    );
    expect(api.asked).toHaveLength(1);
  });
  test("of a value names the fields", async () => {
    const details = { fields: [{ name: "ip_range", messages: ["is too large"] }] };
    const api = new FakeApi([{ status: 422, json: { error: { code: "invalid_input", message: "invalid", details } } }]);
    expect((await failure(api.client().get("servers", 1))).message).toContain("invalid; ip_range: is too large");
  });
  test("that says that there is none can be told apart", async () => {
    const api = new FakeApi([
      { status: 404, json: refusal("not_found") },
      { status: 404, text: "nothing here" },
    ]);
    expect(isNotFound(await failure(api.client().get("servers", 1)))).toBe(true);
    // A stranger at this address knows no server; that says nothing of ours.
    expect(isNotFound(await failure(api.client().get("servers", 1)))).toBe(false);
  });
  test("has the token in none of its words, whoever puts it there", async () => {
    const api = new FakeApi([
      {
        status: 401,
        json: refusal("unauthorized", `no such token ${token}`),
        headers: { "x-correlation-id": `a ${token}` },
      },
      new Error(`cannot send Bearer ${token}`),
    ]);
    for (const _ of [1, 2]) {
      const error = await failure(api.client().get("servers", 1));
      expect(`${describeError(error)} ${error.stack} ${JSON.stringify(error)}`).not.toContain(token);
      expect(error.cause).toBeUndefined();
    }
    expect(() => new HcloudClient({ token: "hunter2\n" })).toThrow("has 8 characters");
    expect(() => new HcloudClient({ token: `${"a".repeat(63)}\n` })).toThrow(/^(?!.*aaa).*neither letters nor digits/);
  });
});

describe("what is passing is repeated", () => {
  test.each([
    [409, refusal("conflict")],
    [429, refusal("rate_limit_exceeded")],
    [502, refusal("bad_gateway")],
    [504, refusal("timeout")],
    [502, "<html>"],
    [504, ""],
  ])("%i %j: five times at most, after 1 s doubling, with jitter", async (status, answer) => {
    const text = typeof answer === "string" ? answer : JSON.stringify(answer);
    const api = new FakeApi(Array(6).fill({ status, text }));
    await failure(api.client({ random: 0.5 }).get("servers", 1));
    expect(api.asked).toHaveLength(6);
    expect(api.slept).toEqual([1000, 1500, 2500, 4500, 8500]);
  });
  test("and then its answer counts", async () => {
    const api = new FakeApi([{ status: 502, text: "" }, { json: { server: server(1) } }]);
    expect(await api.client().get("servers", 1)).toMatchObject({ id: 1 });
  });
  test.each([
    [423, "locked"],
    [412, "resource_unavailable"],
    [500, "server_error"],
    [503, "unavailable"],
  ])("not %i %s", async (status, code) => {
    const api = new FakeApi([{ status, json: refusal(code) }]);
    expect(await failure(api.client().get("servers", 1))).toMatchObject({ apiCode: code });
    expect(api.slept).toEqual([]);
  });
  test("locked is, where that is wished, until the deadline", async () => {
    const api = new FakeApi(Array(9).fill({ status: 423, json: refusal("locked") }));
    const error = await failure(api.client().power("poweroff", 1, { retryLocked: true, withinMs: 5500 }));
    expect(error.apiCode).toBe("locked");
    expect(api.slept).toEqual([1000, 1000, 1000, 1000, 1000]);
  });
  test("no wait passes the deadline", async () => {
    const api = new FakeApi(Array(9).fill({ status: 429, json: refusal("rate_limit_exceeded") }));
    const error = await failure(api.client({ random: 0.999 }).get("servers", 1, { withinMs: 4000 }));
    expect(error).toMatchObject({ is: "refused", status: 429 });
    expect(api.slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(4000);
  });
});

describe("no answer", () => {
  test("in time", async () => {
    const api = new FakeApi(["hang"]);
    const error = await failure(api.client().get("servers", 1, { withinMs: 700 }));
    expect(error).toMatchObject({ is: "late", status: null });
    expect(api.nowMs).toBe(700);
  });
  test("that anybody waits for", async () => {
    const api = new FakeApi(["hang"]);
    const wish = new AbortController();
    const asked = failure(api.client().get("servers", 1, { signal: wish.signal }));
    wish.abort();
    expect(await asked).toMatchObject({ is: "aborted" });
    expect(await failure(api.client().get("servers", 1, { signal: wish.signal }))).toMatchObject({ is: "aborted" });
    expect(api.asked).toHaveLength(1);
  });
  test("because nobody listens, in words", async () => {
    const refused = new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "ECONNREFUSED" }) });
    const error = await failure(new FakeApi([refused]).client().get("servers", 1));
    expect(error.is).toBe("unreachable");
    expect(error.message).toContain("the connection was refused: nothing listens there (ECONNREFUSED)");
  });
});

describe("an action", () => {
  test("is looked at each second until it has ended", async () => {
    const api = new FakeApi(["running", "running", "success"].map((status) => ({ json: { action: action(status) } })));
    expect(await api.client().powerOff(5)).toMatchObject({ status: "success" });
    expect(api.asked.map(({ method, url }) => `${method} ${url.split("/v1")[1]}`)).toEqual([
      "POST /servers/5/actions/poweroff",
      "GET /actions/9",
      "GET /actions/9",
    ]);
    expect(api.slept).toEqual([1000, 1000]);
  });
  test("that failed has the words of it", async () => {
    const error = { code: "action_failed", message: "Action failed" };
    const api = new FakeApi([{ json: { action: action("error", { error }) } }]);
    expect(await failure(api.client().powerOn(5))).toMatchObject({
      is: "action",
      apiCode: "action_failed",
      message: "Hetzner Cloud: action 9 (stop_server): Action failed (action_failed).",
    });
  });
  test.each(["running", "resting"])("that stays %s has not ended", async (status) => {
    const api = new FakeApi(Array(9).fill({ json: { action: action(status) } }));
    const error = await failure(api.client().powerOff(5, { withinMs: 3000 }));
    expect(error).toMatchObject({ is: "late", message: expect.stringContaining("it has not ended in time") });
    expect(api.nowMs).toBe(3000);
  });
  test("changes both protections of a server together", async () => {
    const api = new FakeApi([{ json: { action: action("success") } }, { json: { action: action("success") } }]);
    await api.client().changeProtection("servers", 5, false);
    await api.client().changeProtection("primary_ips", 6, true);
    expect(api.asked.map(({ body }) => body)).toEqual(['{"delete":false,"rebuild":false}', '{"delete":true}']);
  });
});
