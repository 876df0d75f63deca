import { describe, expect, test } from "vitest";
import type { FencingStatus, PowerReading } from "../../contract/fencing.ts";
import { activeStatus, arbiterStatus, standbyStatus, testHost, testOutputs } from "../testing/cluster.ts";
import { FakeAnswer, type FakeHost, type FakeOptions, fakeWorld, holdfast } from "../testing/fake-ports.ts";

const reading = (host: string, change: Partial<PowerReading> = {}): PowerReading => ({
  host,
  device: "hcloud",
  state: "on",
  because: `server 42 (${host}, 10.1.1.11), status running`,
  tookMs: 234,
  ...change,
});
const refuses = (error: string) => new FakeAnswer(409, { error, next: "see to it" });

/** Answers `/status`, and each fence request as told. */
const says = (status: unknown, fence: Record<string, unknown> = {}): FakeHost => ({
  request: ({ path }) => (path === "/status" ? status : fence[path.replace("/fence/", "")]),
});

/** host-a is active, host-b stands by, host-c is an arbiter. */
const cluster = (b: Record<string, unknown>, a: Record<string, unknown> = {}, options: FakeOptions = {}) =>
  fakeWorld({
    hosts: {
      "host-a": says(activeStatus("host-a"), a),
      "host-b": says(standbyStatus("host-b"), b),
      "host-c": says(arbiterStatus("host-c")),
    },
    ...options,
  });
const asksOf = (world: ReturnType<typeof fakeWorld>) => world.asked.filter((line) => line.includes("/fence/"));
const three = () =>
  testOutputs([testHost("host-a"), testHost("host-b"), testHost("host-d"), testHost("host-c", ["consul"])]);

describe("fence, all of it", () => {
  test.each([[["fence", "off"]], [["fence", "on"]], [["fence", "confirm"]]])(
    "%j without a host is wrong use",
    async (argv) => {
      const { code, err } = await holdfast(cluster({}), ...argv);
      expect({ code, says: err.includes("missing required argument 'host'") }).toEqual({ code: 2, says: true });
    },
  );

  test.each([["test"], ["off"], ["on"]])("%s of a host that there is not, or that is never fenced", async (action) => {
    const yes = action === "off" ? ["--yes"] : [];
    const none = await holdfast(cluster({}), "fence", action, "host-x", ...yes);
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining("The stack has no host host-x.") });
    expect(none.err).toContain("Name one of these: host-a, host-b, host-c.");
    const arbiter = await holdfast(cluster({}), "fence", action, "host-c", ...yes);
    expect(arbiter).toMatchObject({ code: 2, err: expect.stringContaining("host-c has no neard") });
    expect(arbiter.err).toContain("Name one of these: host-a, host-b.");
  });

  test.each([
    [["test"]],
    [["test", "host-a"]],
    [["off", "host-a", "--yes"]],
    [["on", "host-a"]],
    [["confirm", "host-a", "--yes"]],
  ])("%j where nobody could do it", async (argv) => {
    const readStack = () => testOutputs([testHost("host-a"), testHost("host-c", ["consul"])]);
    const { code, err } = await holdfast(cluster({}, {}, { readStack }), "fence", ...argv);
    expect(code).toBe(1);
    expect(err).toContain("No other host has neard, so none would ever power host-a off.");
  });

  test.each([["test"], ["off"], ["on"], ["confirm"]])("help of %s has exit codes and an example", async (action) => {
    const { code, out } = await holdfast(cluster({}), "fence", action, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(/Exit codes: 0 .*\n/);
    expect(out).toMatch(/Examples?:\n {2}\$ holdfast fence/);
  });

  test.each([[["off", "host-b"]], [["confirm", "host-a"]]])(
    "%j is not done by a script that nobody told to, nor after a no",
    async (argv) => {
      const world = cluster({});
      const script = await holdfast(world, "fence", ...argv);
      expect(script).toMatchObject({ code: 2, err: expect.stringContaining("There is nobody to ask.") });
      expect(script.err).toContain("--yes");
      const asked = cluster({}, {}, { terminal: { interactive: true }, confirm: false });
      const no = await holdfast(asked, "fence", ...argv);
      expect(no).toMatchObject({ code: 1, err: expect.stringContaining("Nothing was changed.") });
      expect(asked.questions).toHaveLength(1);
      expect([...asksOf(world), ...asksOf(asked)]).toEqual([]);
    },
  );
});

describe("fence test", () => {
  test("each host's device is read by every other one, and nothing is changed", async () => {
    const world = cluster({ test: reading("host-a") }, { test: reading("host-b", { device: "command" }) });
    const { code, out } = await holdfast(world, "fence", "test");
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.split(/ {2,}/))).toMatchObject([
      ["host", "asked by", "device", "power", "took", "what it said"],
      ["host-a", "host-b", "hcloud", "on", "234 ms", "server 42 (host-a, 10.1.1.11), status running"],
      ["host-b", "host-a", "command", "on", "234 ms", "server 42 (host-b, 10.1.1.11), status running"],
      [""],
    ]);
    expect(asksOf(world).toSorted()).toEqual([
      'host-a POST /fence/test {"host":"host-b"}',
      'host-b POST /fence/test {"host":"host-a"}',
    ]);
    expect(world.open.size).toBe(0);
  });

  test("one that is off is no fault", async () => {
    const { code, out } = await holdfast(
      cluster({ test: reading("host-a", { state: "off" }) }),
      "fence",
      "test",
      "host-a",
    );
    expect(code).toBe(0);
    expect(out).toMatch(/host-a +host-b +hcloud +off /);
  });

  test("one that cannot be read: exit code 4, and why", async () => {
    const unknown = reading("host-a", {
      state: null,
      because: "the server holdfast-a has none of the host's addresses",
    });
    const { code, out } = await holdfast(cluster({ test: unknown }), "fence", "test", "host-a");
    expect(code).toBe(4);
    expect(out).toMatch(/host-a +host-b +hcloud +unknown +- +the server holdfast-a has none of the host's addresses/);
  });

  test("one that reaches it says nothing of another", async () => {
    const world = cluster({ test: reading("host-a") }, {}, { readStack: three });
    const { code, out } = await holdfast(world, "fence", "test", "host-a", "--json");
    expect(code).toBe(4);
    expect(JSON.parse(out)).toEqual([
      { by: "host-b", ...reading("host-a") },
      { by: "host-d", host: "host-a", device: "-", state: null, because: "host-d cannot be reached", tookMs: 0 },
    ]);
  });

  test("where there is no device the agent's reason is shown", async () => {
    const world = cluster({ test: refuses("host-a has no power device here") });
    const { code, out } = await holdfast(world, "fence", "test", "host-a");
    expect(code).toBe(4);
    expect(out).toContain("host-b refused: host-a has no power device here");
  });
});

describe("fence off", () => {
  const off = (host: string) => reading(host, { state: "off", because: "server 42" });

  test("after a question; it stays off", async () => {
    const world = cluster({}, { off: off("host-b") }, { terminal: { interactive: true }, confirm: true });
    const { code, out } = await holdfast(world, "fence", "off", "host-b");
    expect(world.questions).toEqual([
      "Cut the power of host-b now? No other standby is ready: until it is back, nobody could take over.",
    ]);
    expect({ code, out }).toEqual({
      code: 0,
      out: "host-b is off: server 42. It stays off until holdfast fence on host-b.\n",
    });
    expect(asksOf(world)).toEqual(['host-a POST /fence/off {"host":"host-b"}']);
  });

  test("nothing is said of other standbys where one is ready", async () => {
    const hosts = { "host-d": says(standbyStatus("host-d")), "host-b": says(standbyStatus("host-b")) };
    const a = says(activeStatus("host-a"), { off: off("host-b") });
    const options = { terminal: { interactive: true }, confirm: true, readStack: three };
    const world = fakeWorld({ hosts: { ...hosts, "host-a": a }, ...options });
    await holdfast(world, "fence", "off", "host-b");
    expect(world.questions).toEqual(["Cut the power of host-b now?"]);
  });

  test("refused for the holder, whoever says that it is, before anything is asked", async () => {
    const itself = cluster({});
    expect(await holdfast(itself, "fence", "off", "host-a", "--yes")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/host-a holds the lock, or is about to[\s\S]*holdfast switchover/),
    });
    const silent = fakeWorld({ hosts: { "host-b": says(standbyStatus("host-b")) } });
    const other = await holdfast(silent, "fence", "off", "host-a", "--yes");
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining("host-a holds the lock") });
    expect([...asksOf(itself), ...asksOf(silent)]).toEqual([]);
  });

  test("refused by the agent, with its reason and what to do", async () => {
    const { code, err } = await holdfast(
      cluster({}, { off: refuses("host-b holds the lock") }),
      "fence",
      "off",
      "host-b",
      "-y",
    );
    expect(code).toBe(1);
    expect(err).toContain("host-a refused: host-b holds the lock");
    expect(err).toContain("see to it");
  });

  test("an order that shows no effect is none: exit code 1, and nothing is said to stay off", async () => {
    const on = await holdfast(cluster({}, { off: reading("host-b") }), "fence", "off", "host-b", "--yes");
    expect(on).toMatchObject({ code: 1, out: "host-b is on: server 42 (host-b, 10.1.1.11), status running.\n" });
    const unknown = reading("host-b", { state: null, because: "no route" });
    const { code, out } = await holdfast(cluster({}, { off: unknown }), "fence", "off", "host-b", "--yes");
    expect({ code, out }).toEqual({ code: 1, out: "It is not known whether host-b is on: no route.\n" });
  });

  test("--json is the reading and nothing else", async () => {
    const { code, out } = await holdfast(
      cluster({}, { off: off("host-b") }),
      "fence",
      "off",
      "host-b",
      "--yes",
      "--json",
    );
    expect({ code, said: JSON.parse(out) }).toEqual({ code: 0, said: off("host-b") });
  });
});

describe("fence on", () => {
  test("by any other host with neard", async () => {
    const world = cluster({ on: reading("host-a") });
    const { code, out } = await holdfast(world, "fence", "on", "host-a");
    expect({ code, out }).toEqual({ code: 0, out: "host-a is on: server 42 (host-a, 10.1.1.11), status running.\n" });
    expect(asksOf(world)).toEqual(['host-b POST /fence/on {"host":"host-a"}']);
  });

  test("one that stays off: exit code 1", async () => {
    const world = cluster({ on: refuses("host-a is still off after it was given power") });
    const { code, err } = await holdfast(world, "fence", "on", "host-a");
    expect({ code, says: err.includes("still off after it was given power") }).toEqual({ code: 1, says: true });
    const still = cluster({ on: reading("host-a", { state: "off" }) });
    expect((await holdfast(still, "fence", "on", "host-a", "--json")).code).toBe(1);
  });

  test("nobody answers", async () => {
    const { code, err } = await holdfast(fakeWorld(), "fence", "on", "host-a");
    expect({ code, says: err.includes("host-b cannot be reached") }).toEqual({ code: 1, says: true });
  });
});

describe("fence confirm", () => {
  const other = refuses("waits for something else: host-a holds the lease and renews it");

  test("every other host with neard is told, and what each said is shown; one that takes it is enough", async () => {
    const world = fakeWorld({
      hosts: { "host-b": says(standbyStatus("host-b"), { confirm: {} }), "host-d": says(null, { confirm: other }) },
      readStack: three,
    });
    const { code, out } = await holdfast(world, "fence", "confirm", "host-a", "--yes");
    expect({ code, out }).toEqual({
      code: 0,
      out: "host-b takes your word for it.\nhost-d refused: waits for something else: host-a holds the lease and renews it.\n",
    });
    expect(asksOf(world)).toEqual([
      'host-b POST /fence/confirm {"host":"host-a"}',
      'host-d POST /fence/confirm {"host":"host-a"}',
    ]);
  });

  test("none took it: exit code 1", async () => {
    const { code, out } = await holdfast(cluster({ confirm: other }), "fence", "confirm", "host-a", "--yes", "--json");
    expect({ code, said: JSON.parse(out) }).toEqual({
      code: 1,
      said: [
        {
          by: "host-b",
          taken: false,
          because: "host-b refused: waits for something else: host-a holds the lease and renews it",
        },
      ],
    });
    const silent = await holdfast(fakeWorld(), "fence", "confirm", "host-a", "--yes");
    expect(silent).toMatchObject({ code: 1, out: "host-b cannot be reached.\n" });
  });

  test("a host need not be in the stack any more; a name must be one", async () => {
    const world = cluster({ confirm: {} }, { confirm: other });
    expect((await holdfast(world, "fence", "confirm", "host-gone", "--yes")).code).toBe(0);
    const wrong = await holdfast(cluster({}), "fence", "confirm", "Host A", "--yes");
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('"Host A" is no host\'s name.') });
  });

  test("it is asked in words that say what it risks", async () => {
    const world = cluster({}, {}, { terminal: { interactive: true } });
    await holdfast(world, "fence", "confirm", "host-a");
    expect(world.questions).toEqual(["Are you sure that host-a has no power? If it runs, two hosts can sign at once."]);
  });
});

describe("status says what fencing waits for", () => {
  const fencing: FencingStatus = {
    mode: "required",
    skipWait: false,
    target: null,
    state: "idle",
    because: null,
    tries: 0,
    last: null,
    devices: [],
  };
  const statusWith = async (change: Partial<FencingStatus>) => {
    const b = standbyStatus("host-b", { fencing: { ...fencing, ...change }, holder: null, active: null });
    return await holdfast(fakeWorld({ hosts: { "host-b": says(b) } }), "status");
  };

  test("why nobody takes over, and what to do: exit code 4", async () => {
    const { code, out } = await statusWith({
      state: "unproven",
      target: "host-a",
      because: "fencing is required, and host-a could not be shown to be off (3 tries): no route to host",
    });
    expect(code).toBe(4);
    expect(out.replaceAll(/\s+/g, " ")).toContain(
      "! host-b does not take over: fencing is required, and host-a could not be shown to be off (3 tries): no route to host. " +
        "Bring host-a back, or mend its power device; if you see that it is off: holdfast fence confirm host-a " +
        "(docs/operate/fencing.md).",
    );
  });

  test("a device that cannot be read, before it is needed", async () => {
    const devices = [{ ...reading("host-a", { state: null, because: "the token was revoked" }), agoMs: 5000 }];
    const required = await statusWith({ devices });
    expect(required.out.replaceAll(/\s+/g, " ")).toContain(
      "! host-b cannot read the power device of host-a, so it could not take over from it: the token was revoked.",
    );
    const tried = await statusWith({ devices, mode: "bestEffort" });
    expect(tried.out.replaceAll(/\s+/g, " ")).toContain("the power device of host-a: the token was revoked.");
    expect((await statusWith({ devices, mode: "off" })).out).not.toContain("power device");
  });
});
