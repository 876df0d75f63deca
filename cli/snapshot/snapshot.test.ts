import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentStatus } from "../../contract/wire/agent-status.ts";
import type { AgentRequest } from "../ports.ts";
import { activeStatus, sealedKey, standbyStatus, testOutputs } from "../testing/cluster.ts";
import { FakeAnswer, type FakeHost, type FakeOptions, fakeWorld, holdfast } from "../testing/fake-ports.ts";
import { isStill } from "./restore.ts";

const snapshot = gzipSync("lock, sessions, history");
let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-snapshot-"));
  file = join(directory, "consul.snap");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A host that lets go when told to, after `slow` looks at its status, and takes over again afterwards. */
function obedient(host: string, options: { role?: "active" | "standby"; slow?: number } = {}) {
  let id: string | null = null;
  let looks = options.slow ?? 1;
  let restored: unknown;
  const status = (): AgentStatus => {
    const well = options.role === "active" ? activeStatus(host) : standbyStatus(host);
    if (id === null) return well;
    const standDown = { id, remainingMs: 170_000 };
    if (looks-- > 0) return { ...well, role: "demoting", standDown };
    return standbyStatus(host, { standDown });
  };
  const request = ({ path, body }: AgentRequest): unknown => {
    if (path === "/stand-down") id = (body as { id: string }).id;
    if (path === "/stand-up") id = null;
    if (path === "/snapshot/restore") restored = body;
    return path === "/status" ? status() : {};
  };
  return { request, restored: () => restored };
}

function worldWith(hosts: Record<string, FakeHost>, more: Partial<FakeOptions> = {}) {
  writeFileSync(file, snapshot);
  return fakeWorld({ hosts, ...more });
}

const restored = (asked: readonly string[]) => asked.filter((line) => line.includes("/snapshot/restore"));
const stoodUp = (asked: readonly string[]) =>
  asked.filter((line) => line.includes("/stand-up")).map((line) => line.split(" ")[0]);

describe("snapshot restore", () => {
  test("all let go, the active one last; then Consul; then all begin anew", async () => {
    const a = obedient("host-a", { role: "active", slow: 3 });
    const b = obedient("host-b");
    const world = worldWith({ "host-a": a, "host-b": b });
    const { code, out, err } = await holdfast(world, "snapshot", "restore", file, "--json");
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ file, through: "host-a", active: "host-a", epoch: 4, paused: false });
    const deeds = world.asked
      .filter((line) => line.includes("POST"))
      .map((line) => line.split(" ").slice(0, 3).join(" "));
    expect(deeds).toEqual([
      "host-b POST /stand-down",
      "host-a POST /stand-down",
      "host-a POST /snapshot/restore",
      "host-a POST /stand-up",
      "host-b POST /stand-up",
    ]);
    expect(a.restored()).toEqual({ token: "management-token", snapshot: snapshot.toString("base64") });
    const looks = world.asked.slice(
      0,
      world.asked.findIndex((line) => line.includes("/snapshot/restore")),
    );
    expect(looks.filter((line) => line === "host-a GET /status").length).toBeGreaterThan(4);
  });

  test("one host with neard that does not answer: refused before anybody is told anything", async () => {
    const world = worldWith({ "host-a": obedient("host-a", { role: "active" }) });
    const { code, err } = await holdfast(world, "snapshot", "restore", file);
    expect(code).toBe(1);
    expect(err).toContain("host-b cannot be reached");
    expect(err).toContain("next: Bring it back; if it is gone for good");
    expect(world.asked.filter((line) => line.includes("POST"))).toEqual([]);
  });

  test("one that falls silent after it was told: nothing is restored, and the others go on", async () => {
    let looks = 0;
    const b: FakeHost = {
      request: ({ path }) => {
        if (path === "/status" && ++looks > 2) return new FakeAnswer(500, { error: "gone" });
        return path === "/status" ? standbyStatus("host-b") : {};
      },
    };
    const world = worldWith({ "host-a": obedient("host-a", { role: "active" }), "host-b": b });
    const { code, err } = await holdfast(world, "snapshot", "restore", file);
    expect(code).toBe(1);
    expect(err).toContain("seen to have let go");
    expect(restored(world.asked)).toEqual([]);
    expect(stoodUp(world.asked)).toEqual(["host-a", "host-b"]);
  });

  test("one that never lets go: nothing is restored, and all go on", async () => {
    const world = worldWith({
      "host-a": obedient("host-a", { role: "active", slow: 10_000 }),
      "host-b": obedient("host-b"),
    });
    const { code, err } = await holdfast(world, "snapshot", "restore", file);
    expect(code).toBe(1);
    expect(err).toContain("Not every host let go within 60 s (host-a: demoting");
    expect(restored(world.asked)).toEqual([]);
    expect(stoodUp(world.asked)).toEqual(["host-a", "host-b"]);
  });

  test("an agent that was restarted meanwhile does not count as still", async () => {
    const b: FakeHost = { request: ({ path }) => (path === "/status" ? standbyStatus("host-b") : {}) };
    const world = worldWith({ "host-a": obedient("host-a", { role: "active" }), "host-b": b });
    expect((await holdfast(world, "snapshot", "restore", file)).code).toBe(1);
    expect(restored(world.asked)).toEqual([]);
  });

  test("Consul's refusal is told, and all go on", async () => {
    const a = obedient("host-a", { role: "active" });
    const refusing: FakeHost = {
      request: (request) =>
        request.path === "/snapshot/restore"
          ? new FakeAnswer(409, { error: "Consul said no: Permission denied", next: "Check the token" })
          : a.request(request),
    };
    const world = worldWith({ "host-a": refusing, "host-b": obedient("host-b") });
    const { code, err } = await holdfast(world, "snapshot", "restore", file);
    expect(code).toBe(1);
    expect(err).toContain("Permission denied");
    expect(stoodUp(world.asked)).toEqual(["host-a", "host-b"]);
  });

  test("a restored pause is said, and not waited for", async () => {
    const paused: FakeHost = {
      request: (() => {
        const inner = obedient("host-b");
        return (request: AgentRequest) => {
          const answer = inner.request(request);
          return request.path === "/status"
            ? { ...(answer as AgentStatus), paused: inner.restored() !== undefined }
            : answer;
        };
      })(),
    };
    const readStack = () => ({ ...testOutputs(), hosts: testOutputs().hosts.filter(({ name }) => name === "host-b") });
    const { code, out } = await holdfast(worldWith({ "host-b": paused }, { readStack }), "snapshot", "restore", file);
    expect(code).toBe(0);
    expect(out).toContain("holdfast resume");
  });

  test("asks a person, and no means nothing was done", async () => {
    const hosts = { "host-a": obedient("host-a", { role: "active" }), "host-b": obedient("host-b") };
    const world = worldWith(hosts, { terminal: { interactive: true }, confirm: false });
    const { code, err } = await holdfast(world, "snapshot", "restore", file);
    expect(code).toBe(1);
    expect(err).toContain("Nothing was changed.");
    expect(world.questions).toEqual([`Restore Consul's data from ${file}? host-a stops signing for about 15 s.`]);
    expect(world.asked.filter((line) => line.includes("POST"))).toEqual([]);
  });

  test("a file that is no snapshot, or is not there", async () => {
    writeFileSync(file, "not gzip");
    expect(await holdfast(fakeWorld(), "snapshot", "restore", file)).toMatchObject({ code: 2 });
    expect(await holdfast(fakeWorld(), "snapshot", "restore", `${file}.none`)).toMatchObject({ code: 2 });
  });

  test("a file that is cut short is refused before any host is asked", async () => {
    const world = worldWith({ "host-a": obedient("host-a", { role: "active" }) });
    writeFileSync(file, snapshot.subarray(0, -3));
    const { code, err } = await holdfast(world, "snapshot", "restore", file);
    expect(code).toBe(2);
    expect(err).toContain("it is damaged or cut short");
    expect(world.asked).toEqual([]);
  });

  test("a stack of an older version does not tell the token", async () => {
    const readStack = () => ({ ...testOutputs(), consulAccess: undefined });
    const { code, err } = await holdfast(worldWith({}, { readStack }), "snapshot", "restore", file);
    expect(code).toBe(1);
    expect(err).toContain("run pulumi up once");
  });
});

test.each<[string, Partial<AgentStatus>]>([
  ["demoting", { role: "demoting" }],
  ["with its fence armed", { fence: { armed: true, open: false } }],
  ["with the key loaded", { key: { ...sealedKey, loaded: true } }],
  ["standing down for another restore", { standDown: { id: "other", remainingMs: 1 } }],
  ["not standing down", { standDown: null }],
])("a host is not still: %s", (_what, change) => {
  const still = standbyStatus("host-b", { standDown: { id: "r", remainingMs: 1 } });
  expect(isStill(still, "r")).toBe(true);
  expect(isStill({ ...still, ...change }, "r")).toBe(false);
});

describe("snapshot save", () => {
  const saves = (answer: unknown): FakeHost => ({ request: () => answer });

  test("writes a new file for the owner alone", async () => {
    const world = fakeWorld({ hosts: { "host-b": saves({ snapshot: snapshot.toString("base64") }) } });
    const { code, out } = await holdfast(world, "snapshot", "save", file, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ file, bytes: snapshot.length, through: "host-b" });
    expect(readFileSync(file)).toEqual(snapshot);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("never over an existing file, and leaves none when it fails", async () => {
    writeFileSync(file, "mine");
    expect((await holdfast(fakeWorld(), "snapshot", "save", file)).code).toBe(2);
    expect(readFileSync(file, "utf8")).toBe("mine");
    rmSync(file);
    expect((await holdfast(fakeWorld(), "snapshot", "save", file)).code).toBe(1);
    expect(existsSync(file)).toBe(false);
  });
});
