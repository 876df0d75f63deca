import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HoldfastError } from "../contract/errors.ts";
import { generateValidatorKey, keyFileJson } from "../contract/near-key.ts";
import type { HeardStatus, SwitchoverProgress } from "../contract/wire/agent-status.ts";
import type { HistoryEntry } from "../contract/wire/history.ts";
import type { RunOptions } from "./ports.ts";
import { activeStatus, arbiterStatus, standbyStatus, wellHeard } from "./testing/cluster.ts";
import { FakeAnswer, type FakeHost, fakeWorld, holdfast } from "./testing/fake-ports.ts";

const says = (status: unknown): FakeHost => ({ request: () => status });
const wellHosts = () => ({
  "host-a": says(activeStatus("host-a")),
  "host-b": says(standbyStatus("host-b")),
  "host-c": says(arbiterStatus("host-c")),
});

describe("the command line itself", () => {
  test.each([
    [["statsu"], "Did you mean status?"],
    [["status", "--jsno"], "Did you mean --json?"],
    [["ssh"], "missing required argument 'host'"],
    [["logs", "--unit", "kernel"], "Allowed choices are agent, neard, consul"],
    [["history", "--limit", "0"], "Give a whole number above 0."],
    [["switchover", "--timeout", "soon"], "Give a number of seconds above 0."],
    [["key", "generate"], "required option '--account <account>'"],
  ])("%j is wrong use: exit code 2, and says so", async (argv, message) => {
    const { code, err, out } = await holdfast(fakeWorld(), ...argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
  });

  test("no command at all shows the help as wrong use", async () => {
    const { code, err } = await holdfast(fakeWorld());
    expect(code).toBe(2);
    expect(err).toContain("Usage: holdfast");
  });

  test.each([[["--help"]], [["status", "--help"]], [["key", "generate", "--help"]]])(
    "%j has an example",
    async (argv) => {
      const { code, out } = await holdfast(fakeWorld(), ...argv);
      expect(code).toBe(0);
      expect(out).toMatch(/Examples?:\n {2}\$ holdfast/);
    },
  );

  test("--version", async () => {
    expect(await holdfast(fakeWorld(), "--version")).toMatchObject({ code: 0, out: "0.0.0-test\n" });
  });

  test.each([[["--stack", "mainnet", "status"]], [["status", "--stack", "mainnet"]]])("%j", async (argv) => {
    const world = fakeWorld({ hosts: wellHosts() });
    await holdfast(world, ...argv);
    expect(world.stacks).toEqual(["mainnet"]);
  });

  test("an error is its sentence, its next step and its code, never a stack trace", async () => {
    const readStack = () => {
      throw new HoldfastError("HF_STACK_UNAVAILABLE", "No stack is selected.", { next: "Select one." });
    };
    const { code, err } = await holdfast(fakeWorld({ readStack }), "status");
    expect(code).toBe(1);
    expect(err).toBe("No stack is selected.\n  next: Select one.\n  (HF_STACK_UNAVAILABLE, see docs/errors.md)\n");
  });
});

describe("status", () => {
  test("a cluster that is well: a table, exit code 0, and no link stays open", async () => {
    const world = fakeWorld({ hosts: wellHosts() });
    const { code, out } = await holdfast(world, "status");
    expect(code).toBe(0);
    expect(out).toContain("host-a active since");
    expect(world.open.size).toBe(0);
  });

  test("--json", async () => {
    const { code, out } = await holdfast(fakeWorld({ hosts: wellHosts() }), "status", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ active: "host-a", epoch: 4, lease: 5400, paused: false });
  });

  test("colours only where the terminal allows them, and never with --no-color", async () => {
    const terminal = { color: true };
    const colour = "\u001b[";
    expect((await holdfast(fakeWorld({ hosts: wellHosts(), terminal }), "status")).out).toContain(colour);
    expect((await holdfast(fakeWorld({ hosts: wellHosts(), terminal }), "status", "--no-color")).out).not.toContain(
      colour,
    );
    expect((await holdfast(fakeWorld({ hosts: wellHosts() }), "status")).out).not.toContain(colour);
  });

  test("a dead host is shown, exit code 4", async () => {
    const { "host-b": _dead, ...hosts } = wellHosts();
    const { code, out } = await holdfast(fakeWorld({ hosts }), "status");
    expect(code).toBe(4);
    expect(out).toContain("! host-b cannot be reached.");
  });

  test("an agent of another version is named with the field that does not fit", async () => {
    const hosts = { ...wellHosts(), "host-b": says({ ...standbyStatus("host-b"), epoch: "four" }) };
    const { code, out } = await holdfast(fakeWorld({ hosts }), "status");
    expect(code).toBe(4);
    expect(out).toMatch(/The agent on host-b answered GET \/status in a form .*\(epoch: .*expected number/);
  });

  test("two hosts that go on saying active raise the alarm, exit code 5", async () => {
    const hosts = { ...wellHosts(), "host-b": says(activeStatus("host-b", { epoch: 5 })) };
    const { code, out } = await holdfast(fakeWorld({ hosts }), "status");
    expect(code).toBe(5);
    expect(out).toMatch(/^ALARM: 2 hosts say/);
  });

  test("a key that moves between two questions raises none: the claimants are asked once more", async () => {
    const answers = [activeStatus("host-a"), standbyStatus("host-a")];
    const hosts = {
      ...wellHosts(),
      "host-a": { request: () => answers.shift() },
      "host-b": says(activeStatus("host-b", { epoch: 5 })),
    };
    const { code, out } = await holdfast(fakeWorld({ hosts }), "status", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ active: "host-b", epoch: 5, alarm: null });
  });

  test("--watch goes on until Ctrl-C, which is exit code 0, and asks the stack once", async () => {
    let asked = 0;
    const host: FakeHost = {
      request() {
        asked += 1;
        if (asked === 5) world.interrupt.abort();
        return activeStatus("host-a");
      },
    };
    const world = fakeWorld({ hosts: { ...wellHosts(), "host-a": host } });
    const { code, out } = await holdfast(world, "status", "--watch");
    expect(code).toBe(0);
    expect(out.match(/host-a active since/g)?.length).toBeGreaterThanOrEqual(2);
    expect(out).not.toContain("\u001b[");
    expect(world.stacks).toHaveLength(1);
    expect(world.open.size).toBe(0);
  });
});

describe("switchover", () => {
  const none = { produced: 0, expected: 0 };
  const entry: HistoryEntry = {
    epoch: 5,
    host: "host-b",
    from: "host-a",
    kind: "switchover",
    because: "asked for",
    at: "2026-01-31T11:05:01.000Z",
    tookMs: 310,
    keyMs: 400,
    firstMs: 900,
    firstBlockMs: null,
    fenced: null,
  };
  const progress = (state: SwitchoverProgress["state"], because: string) => ({
    id: "s1",
    state,
    from: "host-a",
    to: "host-b",
    because,
  });

  /** @param statuses what host-b says, one after the other; the first is before the move */
  function moving(steps: unknown[], statuses: unknown[] = [standbyStatus("host-b"), activeStatus("host-b")]) {
    const active: FakeHost = {
      request({ method, path }) {
        if (path === "/status") return activeStatus("host-a");
        if (method === "POST" && path === "/switchover") return new FakeAnswer(202, { id: "s1" });
        if (path === "/switchover/s1") return steps.length > 1 ? steps.shift() : steps[0];
        throw new Error(`unexpected ${method} ${path}`);
      },
    };
    const successor: FakeHost = {
      request({ path }) {
        if (path.startsWith("/history")) return [entry];
        return statuses.length > 1 ? statuses.shift() : statuses[0];
      },
    };
    return { ...wellHosts(), "host-a": active, "host-b": successor };
  }

  /** The old holder takes the request, and is not heard of after it. */
  function movingAndGone() {
    const hosts = moving([]);
    const { request } = hosts["host-a"];
    hosts["host-a"] = {
      request(asked) {
        if (asked.path === "/switchover/s1") throw new HoldfastError("HF_HOST_UNREACHABLE", "gone");
        return request?.(asked);
      },
    };
    return hosts;
  }

  test("asks the active host, follows, and says from where to where and how long", async () => {
    const steps = [progress("running", "fence shut"), progress("done", "host-b has the key")];
    const world = fakeWorld({ hosts: moving(steps) });
    const { code, out, err } = await holdfast(world, "switchover", "--to", "host-b", "--window");
    expect(code).toBe(0);
    expect(world.asked).toContain('host-a POST /switchover {"window":true,"to":"host-b"}');
    expect(err).toContain("host-a → host-b: fence shut");
    expect(out).toBe(
      "host-a → host-b: the key has moved (epoch 5). It took 310 ms from host-b's decision until its neard confirmed the key.\n" +
        "host-b is heard: the chain took the first of what it signs 1.2 s after it got the key.\n",
    );
  });

  describe("is done when the new host is heard", () => {
    const saying = (heard: Partial<HeardStatus> | null) =>
      activeStatus("host-b", { heard: heard === null ? null : { ...wellHeard, ...heard } });
    const due = { blocks: none, chunks: none, endorsements: { produced: 0, expected: 2 } };
    const moved = async (statuses: unknown[], ...argv: string[]) => {
      const hosts = moving([progress("done", "ok")], [standbyStatus("host-b"), ...statuses]);
      const { code, out, err } = await holdfast(fakeWorld({ hosts }), "switchover", ...argv);
      return { code, last: out.trimEnd().split("\n").at(-1), out, err };
    };

    test("not before: it is asked again until it is", async () => {
      const silent = saying({ state: "unknown", because: "not known yet", firstMs: null, duties: due });
      const said = await moved([standbyStatus("host-b", { role: "taking" }), silent, silent, saying({})]);
      expect(said).toMatchObject({ code: 0, last: expect.stringContaining("host-b is heard") });
    });

    test("within a bound, after which it says that it is not, exit code 4", async () => {
      const because = "not heard for 28 s: 12 of 14 endorsements missed";
      expect(await moved([saying({ state: "not-heard", because })])).toMatchObject({
        code: 4,
        last: `Not heard yet: host-b is active, ${because}. Watch it: holdfast status --watch.`,
      });
      expect(await moved([saying({ state: "unknown", because: "2 missed so far", duties: due })])).toMatchObject({
        code: 4,
        last: expect.stringMatching(/^Not heard yet: host-b is active, 2 missed so far/),
      });
      expect((await moved([standbyStatus("host-b", { role: "taking" })])).code).toBe(4);
    });

    test("nothing that fell due is no failure, and no success either", async () => {
      const nothing = { blocks: none, chunks: none, endorsements: none };
      expect(await moved([saying({ state: "unknown", duties: nothing })], "--heard-timeout", "5")).toMatchObject({
        code: 0,
        last: "Whether host-b is heard is not known yet: nothing fell due for it within 5.0 s.",
      });
      const idle = { state: "idle", because: "the account does not validate in this NEAR epoch" } as const;
      expect((await moved([saying(idle)])).last).toBe(`host-b has the key; ${idle.because}.`);
    });

    test("an older agent is not waited for, nor is anybody with --heard-timeout 0", async () => {
      expect(await moved([saying(null)])).toMatchObject({
        code: 0,
        last: expect.stringContaining("was not asked for"),
      });
      const unasked = await moved([saying({ state: "not-heard" })], "--heard-timeout", "0");
      expect(unasked).toMatchObject({ code: 0, last: expect.stringContaining("was not asked for") });
    });

    test("--json has it too", async () => {
      const { out, code } = await moved([saying({ state: "not-heard" })], "--json");
      expect(code).toBe(4);
      expect(JSON.parse(out)).toMatchObject({ state: "done", heard: { state: "not-heard" } });
    });
  });

  test("--json", async () => {
    const { code, out } = await holdfast(
      fakeWorld({ hosts: moving([progress("done", "ok")]) }),
      "switchover",
      "--json",
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ ...progress("done", "ok"), epoch: 5, tookMs: 310, heard: wellHeard });
  });

  test("what did not happen is exit code 1 with the reason", async () => {
    const { code, out } = await holdfast(
      fakeWorld({ hosts: moving([progress("failed", "host-b fell behind")]) }),
      "switchover",
    );
    expect(code).toBe(1);
    expect(out).toBe("The key did not move: host-b fell behind\n");
  });

  test("a holder that calls the lock alone a success (an older agent): the successor is asked, and who has it in the end", async () => {
    const back: HistoryEntry = { ...entry, epoch: 6, host: "host-a", from: "host-b", kind: "failover" };
    const histories = [[entry].slice(1), [back]];
    const hosts = moving([progress("done", "host-b took over with epoch 5")]);
    hosts["host-b"] = {
      request: ({ path }) =>
        path.startsWith("/history")
          ? histories.length > 1
            ? histories.shift()
            : histories[0]
          : standbyStatus("host-b"),
    };
    const { code, out, err } = await holdfast(fakeWorld({ hosts }), "switchover");
    expect(code).toBe(1);
    expect(err).toContain("host-b has the lock and is not active yet");
    expect(out).toBe("The key did not move: host-a took over again\n");
  });

  test("a successor that never becomes active is no success, whatever the old holder says", async () => {
    const hosts = moving([progress("done", "host-b took over with epoch 5")]);
    hosts["host-b"] = { request: ({ path }) => (path === "/history" ? [] : standbyStatus("host-b")) };
    const { code, out, err } = await holdfast(fakeWorld({ hosts }), "switchover", "--timeout", "5");
    expect(code).toBe(1);
    expect(out).not.toContain("the key has moved");
    expect(err).toContain("did not end within 5 s");
  });

  test("an agent that refuses is quoted with its next step", async () => {
    const hosts = moving([]);
    hosts["host-a"] = {
      request: ({ method }) =>
        method === "GET" ? activeStatus("host-a") : new FakeAnswer(409, { error: "maintenance", next: "Wait for it." }),
    };
    const { code, err } = await holdfast(fakeWorld({ hosts }), "switchover");
    expect(code).toBe(1);
    expect(err).toBe("host-a refused: maintenance\n  next: Wait for it.\n  (HF_REFUSED, see docs/errors.md)\n");
  });

  test("an old holder that falls silent: the successor is asked", async () => {
    const hosts = movingAndGone();
    const statuses = [standbyStatus("host-b")];
    hosts["host-b"] = {
      request({ path }) {
        if (path === "/switchover/s1") return progress("done", "host-b has the key");
        return path.startsWith("/history") ? [entry] : (statuses.shift() ?? activeStatus("host-b"));
      },
    };
    expect(await holdfast(fakeWorld({ hosts }), "switchover")).toMatchObject({ code: 0 });
  });

  test("an old holder that dies in the middle of it: whoever took over by itself has the key", async () => {
    const hosts = movingAndGone();
    const old: HistoryEntry = { ...entry, epoch: 4, host: "host-a" };
    const failover: HistoryEntry = { ...entry, kind: "failover", because: "host-a was not seen renewing for 7 s" };
    const histories = [[old], [old], [old, failover]];
    const statuses = [standbyStatus("host-b")];
    hosts["host-b"] = {
      request({ path }) {
        if (path === "/switchover/s1") return new FakeAnswer(404, { error: "not known" });
        if (!path.startsWith("/history")) return statuses.shift() ?? activeStatus("host-b");
        return histories.length > 1 ? histories.shift() : histories[0];
      },
    };
    const { code, out } = await holdfast(fakeWorld({ hosts }), "switchover");
    expect(code).toBe(0);
    expect(out).toContain("host-a → host-b: the key has moved (epoch 5).");
    expect(histories).toHaveLength(1);
  });

  test("one that does not end says that it is not cancelled", async () => {
    const world = fakeWorld({ hosts: moving([progress("running", "waits")]) });
    const { code, err } = await holdfast(world, "switchover", "--timeout", "5");
    expect(code).toBe(1);
    expect(err).toContain("did not end within 5 s");
    expect(err).toContain("It is not cancelled by this.");
  });

  test("a person is asked, and no means no", async () => {
    const world = fakeWorld({ hosts: moving([]), terminal: { interactive: true }, confirm: false });
    const { code, err } = await holdfast(world, "switchover");
    expect(code).toBe(1);
    expect(world.questions).toEqual(["Move the validator key from host-a to host-b?"]);
    expect(err).toContain("Nothing was changed.");
    expect(world.asked.some((asked) => asked.includes("POST"))).toBe(false);
  });

  test("--yes asks nobody", async () => {
    const hosts = moving([progress("done", "ok")]);
    const world = fakeWorld({ hosts, terminal: { interactive: true } });
    expect(await holdfast(world, "switchover", "--yes")).toMatchObject({ code: 0 });
    expect(world.questions).toEqual([]);
  });

  test("Ctrl-C stops the watching, not the switchover", async () => {
    const hosts = moving([progress("running", "waits")]);
    const { request } = hosts["host-a"];
    hosts["host-a"] = {
      request(asked) {
        if (asked.path === "/switchover/s1") world.interrupt.abort();
        return request?.(asked);
      },
    };
    const world = fakeWorld({ hosts });
    const { code, err } = await holdfast(world, "switchover");
    expect(code).toBe(130);
    expect(err).toContain("The switchover goes on");
  });

  test.each([
    ["host-c", 1, "host-c is an arbiter"],
    ["host-a", 1, "host-a is active already."],
    ["host-x", 2, "Name one of these: host-a, host-b, host-c."],
  ])("--to %s is refused before anything is asked for", async (to, expected, message) => {
    const world = fakeWorld({ hosts: moving([]) });
    const { code, err } = await holdfast(world, "switchover", "--to", to);
    expect(code).toBe(expected);
    expect(err).toContain(message);
    expect(world.asked.some((asked) => asked.includes("POST"))).toBe(false);
  });
});

describe("pause, resume, history", () => {
  test("pause goes through the first neard host that answers and says what it means", async () => {
    const hosts = { "host-b": says({}), "host-c": says({}) };
    const world = fakeWorld({ hosts });
    const { code, out } = await holdfast(world, "pause", "--reason", "moving racks");
    expect(code).toBe(0);
    expect(world.asked).toEqual([
      'host-a POST /pause {"reason":"moving racks"}',
      'host-b POST /pause {"reason":"moving racks"}',
    ]);
    expect(out).toContain("no standby takes over by itself");
    expect(out).toContain("The fence stays");
  });

  test("a host that is off keeps nobody waiting: the next one is asked beside it", async () => {
    const off: FakeHost = { request: () => new Promise(() => {}) };
    const world = fakeWorld({ hosts: { "host-a": off, "host-b": says({}), "host-c": says({}) } });
    const { code } = await holdfast(world, "resume");
    expect(code).toBe(0);
    expect(world.asked).toEqual(["host-a POST /resume {}", "host-b POST /resume {}"]);
  });

  test("resume never goes through an arbiter", async () => {
    const world = fakeWorld({ hosts: { "host-c": says({}) } });
    const { code, err } = await holdfast(world, "resume");
    expect(code).toBe(1);
    expect(err).toContain("host-b cannot be reached.");
    expect(world.asked.map((asked) => asked.split(" ")[0])).toEqual(["host-a", "host-b"]);
  });

  test("history shows the newest entries last", async () => {
    const entries = [3, 4, 5].map((epoch) => ({
      epoch,
      host: "host-a",
      from: null,
      kind: "first",
      because: `reason ${epoch}`,
      at: "2026-01-31T09:00:00.000Z",
      tookMs: 1200,
    }));
    const hosts = { "host-c": says(entries) };
    const { code, out } = await holdfast(fakeWorld({ hosts }), "history", "--limit", "2");
    expect(code).toBe(0);
    expect(out).not.toContain("reason 3");
    expect(out.indexOf("reason 4")).toBeLessThan(out.indexOf("reason 5"));
    expect(out).toContain("2026-01-31 09:00:00 UTC");
    const json = await holdfast(fakeWorld({ hosts }), "history", "--json");
    // Entries of an older agent do not say what came after the key.
    const more = { keyMs: null, firstMs: null, firstBlockMs: null, fenced: null };
    expect(JSON.parse(json.out)).toEqual(entries.map((entry) => ({ ...entry, ...more })));
  });

  test("a long history comes page by page, and an agent that knows no pages gives it at once", async () => {
    const entries = Array.from({ length: 250 }, (_, at) => ({
      epoch: at + 1,
      host: "host-a",
      from: null,
      kind: "first",
      because: "reason",
      at: "2026-01-31T09:00:00.000Z",
      tookMs: 1,
    }));
    const asked: string[] = [];
    const request: FakeHost["request"] = ({ path }) => {
      asked.push(path);
      const { searchParams } = new URL(path, "http://agent");
      const before = Number(searchParams.get("before") ?? Number.POSITIVE_INFINITY);
      return entries.filter(({ epoch }) => epoch < before).slice(-Number(searchParams.get("limit")));
    };
    for (const [behaviour, requests] of [[{ request }, 3] as const, [says(entries), 0] as const]) {
      asked.length = 0;
      const world = fakeWorld({ hosts: { "host-a": behaviour } });
      const { out } = await holdfast(world, "history", "--limit", "220", "--json");
      expect((JSON.parse(out) as { epoch: number }[]).map(({ epoch }) => epoch)).toEqual(
        entries.slice(-220).map(({ epoch }) => epoch),
      );
      expect(asked).toHaveLength(requests);
    }
  });

  test("a history without entries is a sentence", async () => {
    const { out } = await holdfast(fakeWorld({ hosts: { "host-a": says([]) } }), "history");
    expect(out).toBe("No host has taken the key yet.\n");
  });

  test("history, when no host answers, says of each why", async () => {
    const { code, err } = await holdfast(fakeWorld(), "history");
    expect(code).toBe(1);
    expect(err).toContain("No host answers.\n");
    for (const host of ["host-a", "host-b", "host-c"]) expect(err).toMatch(new RegExp(`^ {2}\\* .*${host}`, "m"));
    expect(err).toContain("holdfast ssh HOST");
  });
});

describe("logs", () => {
  const journal = (...lines: string[]): FakeHost => ({
    run: () => ({ code: 0, stdout: lines.map((line) => `${line}\n`).join(""), stderr: "" }),
  });

  test("of several hosts: in order of time, each line with its host; a dead host keeps nothing back", async () => {
    const hosts = {
      "host-a": journal("2026-01-31T09:00:01.000000+00:00 a holdfastd: one", "  more of one"),
      "host-b": journal("2026-01-31T09:00:00.500000+00:00 b holdfastd: zero"),
    };
    const { code, out, err } = await holdfast(fakeWorld({ hosts }), "logs");
    expect(code).toBe(1);
    expect(out.split("\n")).toEqual([
      "host-b | 2026-01-31T09:00:00.500000+00:00 b holdfastd: zero",
      "host-a | 2026-01-31T09:00:01.000000+00:00 a holdfastd: one",
      "host-a |   more of one",
      "",
    ]);
    expect(err).toContain("host-c cannot be reached.");
  });

  test("of neard: only hosts that have one; the unit and the count go to journalctl", async () => {
    const seen: (readonly string[])[] = [];
    const host: FakeHost = {
      run(argv) {
        seen.push(argv);
        return { code: 0, stdout: "", stderr: "" };
      },
    };
    const hosts = { "host-a": host, "host-b": host };
    const world = fakeWorld({ hosts });
    expect(await holdfast(world, "logs", "--unit", "neard", "-n", "5")).toMatchObject({ code: 0 });
    expect(world.stderr.join("")).toContain("host-a has no line of neard.service in its journal.");
    expect(seen).toHaveLength(2);
    expect(seen[0]?.join(" ")).toContain("journalctl --unit neard.service --lines 5");
  });

  test("-f prints whole lines as they come, until Ctrl-C, which is exit code 0", async () => {
    const host: FakeHost = {
      run: (_argv, options: RunOptions) => {
        options.onStdout?.("2026-01-31T09:00:00 one\n2026-01-31T09:0");
        options.onStdout?.("0:01 two\n");
        world.interrupt.abort();
        return { code: null, stdout: "", stderr: "" };
      },
    };
    const world = fakeWorld({ hosts: { "host-a": host } });
    const { code, out } = await holdfast(world, "logs", "host-a", "-f");
    expect(code).toBe(0);
    expect(out).toBe("2026-01-31T09:00:00 one\n2026-01-31T09:00:01 two\n");
  });
});

describe("ssh and check", () => {
  test("ssh gives the words after -- to the host and ends as ssh ends", async () => {
    const world = fakeWorld();
    const { code } = await holdfast(world, "ssh", "host-b", "--", "ls", "-l");
    expect(code).toBe(7);
    expect(world.shells).toEqual([{ host: "host-b", command: ["ls", "-l"] }]);
  });

  test("when ssh itself fails, what it says of files is set right", async () => {
    const world = fakeWorld();
    world.ports.openShell = async () => 255;
    const { code, err } = await holdfast(world, "ssh", "host-b");
    expect(code).toBe(255);
    expect(err).toContain("hostKey of host-b in the stack's configuration");
  });

  test("ssh to a host that the stack does not have", async () => {
    const { code, err } = await holdfast(fakeWorld(), "ssh", "host-z");
    expect(code).toBe(2);
    expect(err).toContain("Name one of these: host-a, host-b, host-c.");
  });

  const report = (host: string, changed: { what: string; why: string }[]) => ({
    run: () => ({
      code: changed.length === 0 ? 0 : 3,
      stdout: `checking …\n${JSON.stringify({ host, concern: "system", changed, tookMs: 5 })}\n`,
      stderr: "",
    }),
  });

  test("check: no drift is 0, drift is 3 and named, a host that cannot be checked is 1", async () => {
    const drift = [{ what: "/etc/holdfast/nftables.conf", why: "content differs" }];
    const same = { "host-a": report("host-a", []), "host-b": report("host-b", []), "host-c": report("host-c", []) };
    expect(await holdfast(fakeWorld({ hosts: same }), "check")).toMatchObject({ code: 0 });

    const drifted = await holdfast(fakeWorld({ hosts: { ...same, "host-b": report("host-b", drift) } }), "check");
    expect(drifted.code).toBe(3);
    expect(drifted.out).toMatch(/host-b\s+system\s+\/etc\/holdfast\/nftables.conf\s+content differs/);

    const { "host-c": _gone, ...two } = same;
    const failed = await holdfast(fakeWorld({ hosts: two }), "check");
    expect(failed.code).toBe(1);
    expect(failed.out).toContain("not checked");
  });

  test("check: what others added on purpose is told, and is no drift", async () => {
    const notes = [{ what: "/etc/systemd/system/neard.service.d/site-memory.conf", why: "changes neard.service" }];
    const stdout = `${JSON.stringify({ host: "host-a", concern: "neard", changed: [], notes, tookMs: 5 })}\n`;
    const same = { "host-b": report("host-b", []), "host-c": report("host-c", []) };
    const world = fakeWorld({ hosts: { ...same, "host-a": { run: () => ({ code: 0, stdout, stderr: "" }) } } });
    const { code, out } = await holdfast(world, "check");
    expect(code).toBe(0);
    expect(out).toMatch(/host-a\s+-\s+as deployed/);
    expect(out).toMatch(/host-a\s+neard\s+\S+site-memory.conf\s+note: changes neard.service/);
  });

  test("check: one that broke off half way does not count as checked", async () => {
    const { stdout } = report("host-a", []).run();
    const half: FakeHost = { run: () => ({ code: 1, stdout, stderr: "the journal\nneard.json is damaged\n" }) };
    const { code, out } = await holdfast(fakeWorld({ hosts: { "host-a": half } }), "check", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)[0].error.message).toContain("host-a could not be checked: neard.json is damaged");
  });

  test("check: a host without holdfastd says so instead of being called fine", async () => {
    const broken: FakeHost = { run: () => ({ code: 127, stdout: "", stderr: "sh: holdfastd: not found\n" }) };
    const { code, out } = await holdfast(fakeWorld({ hosts: { "host-a": broken } }), "check", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)[0].error).toMatchObject({
      code: "HF_APPLY_FAILED",
      message: "host-a could not be checked: sh: holdfastd: not found",
    });
  });
});

describe("key", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "holdfast-key-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("generate --out writes a file only its owner can read, and shows only the public key", async () => {
    const file = join(directory, "validator_key.json");
    const { code, out } = await holdfast(fakeWorld(), "key", "generate", "--account", "pool.near", "--out", file);
    expect(code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { public_key, secret_key } = JSON.parse(readFileSync(file, "utf8"));
    expect(out).toContain(public_key);
    expect(out).not.toContain(secret_key.slice(8));

    const shown = await holdfast(fakeWorld(), "key", "inspect", file, "--json");
    expect(JSON.parse(shown.out)).toEqual({ account: "pool.near", publicKey: public_key });
  });

  test("generate never writes over a file", async () => {
    const file = join(directory, "validator_key.json");
    writeFileSync(file, "mine");
    const { code, err } = await holdfast(fakeWorld(), "key", "generate", "--account", "pool.near", "--out", file);
    expect(code).toBe(1);
    expect(err).toContain("exists already");
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  test("generate without --out is what inspect reads", async () => {
    const { out } = await holdfast(fakeWorld(), "key", "generate", "--account", "pool.near");
    const shown = await holdfast(fakeWorld({ input: out }), "key", "inspect");
    expect(shown.code).toBe(0);
    expect(shown.out).toContain("pool.near");
    expect(shown.out).not.toContain(JSON.parse(out).secret_key.slice(8));
  });

  test("generate refuses what is no account", async () => {
    const { code, err } = await holdfast(fakeWorld(), "key", "generate", "--account", "Not an account");
    expect(code).toBe(2);
    expect(err).toContain("is not a NEAR account id");
  });

  test("inspect finds halves that do not match, and its message holds no secret", async () => {
    const [one, other] = [generateValidatorKey("pool.near"), generateValidatorKey("pool.near")];
    const input = keyFileJson({ ...one, publicKey: other.publicKey });
    const { code, out, err } = await holdfast(fakeWorld({ input }), "key", "inspect");
    expect(code).toBe(1);
    expect(err).toContain("The key has halves that do not match");
    expect(out + err).not.toContain(one.secretKey.slice(8));
  });

  test("inspect of what is no key file speaks of files, not of the stack's setting", async () => {
    const { code, err } = await holdfast(fakeWorld({ input: "none" }), "key", "inspect");
    expect(code).toBe(1);
    expect(err).toContain("The key is not JSON");
    expect(err).toContain("Name a key file");
    expect(err).not.toContain("pulumi config");
  });

  test("inspect of a file that is not there", async () => {
    const { code, err } = await holdfast(fakeWorld(), "key", "inspect", join(directory, "none.json"));
    expect(code).toBe(1);
    expect(err).toContain("none.json could not be read");
  });
});
