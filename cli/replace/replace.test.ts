/** `holdfast replace` from its command line, over hosts that change as real ones would. */
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import type { AgentStatus } from "../../contract/wire/agent-status.ts";
import type { RunOptions, RunResult } from "../ports.ts";
import { activeStatus, arbiterStatus, standbyStatus, testHost, testOutputs } from "../testing/cluster.ts";
import { type FakeHost, type FakeOptions, fakeWorld, holdfast } from "../testing/fake-ports.ts";

const agoS = (seconds: number) => new Date(Date.parse("2026-01-31T11:05:00Z") - seconds * 1000).toISOString();
const long = agoS(90 * 24 * 3600);
const nowS = Date.parse("2026-01-31T11:05:00Z") / 1000;

/** A machine, and what of holdfast is on it. */
class FakeMachine {
  status: AgentStatus | null;
  since: string | null = long;
  on = true;
  isDrained = false;
  drift: string[] = [];
  readonly ran: string[] = [];
  drainSays = { code: 0, stderr: "" };

  constructor(status: AgentStatus) {
    this.status = status;
  }

  get host(): FakeHost {
    if (!this.on) return {};
    const run = (argv: readonly string[], options: RunOptions) => this.#run(argv, options);
    const { status } = this;
    return status === null ? { run } : { run, request: () => status };
  }

  #run(argv: readonly string[], { onStderr }: RunOptions): RunResult {
    const said = (stdout: string, code = 0, stderr = ""): RunResult => ({ code, stdout, stderr });
    const [program, command] = argv;
    if (program === "sh") return said(this.#facts());
    this.ran.push(argv.slice(1).join(" "));
    if (command === "check") {
      const changed = this.drift.map((what) => ({ what, why: "content" }));
      return said(
        JSON.stringify({ host: "host-b", concern: "neard", changed, notes: [], tookMs: 1 }),
        changed.length === 0 ? 0 : 3,
      );
    }
    if (this.drainSays.code === 0) {
      this.isDrained = true;
      this.status = null;
    }
    onStderr?.(this.drainSays.stderr);
    return said("", this.drainSays.code);
  }

  #facts(): string {
    if (this.since === null) return `identity=\nagent=inactive\nconsul=inactive\nspecs=\nnow=${nowS}\n`;
    const identity = {
      id: "hf-0123456789abcdef",
      stack: "s",
      network: "localnet",
      account: "validator.test",
      host: "host-b",
      since: this.since,
    };
    const units = this.isDrained ? "inactive disabled" : "active enabled";
    return `identity=${Buffer.from(JSON.stringify(identity)).toString("base64")}\nagent=${units}\nconsul=${units}\nspecs=agent.json system.json\nnow=${nowS}\n`;
  }
}

function cluster(more: Partial<FakeOptions> = {}) {
  const machines = {
    "host-a": new FakeMachine(activeStatus("host-a")),
    "host-b": new FakeMachine(standbyStatus("host-b")),
    "host-c": new FakeMachine(arbiterStatus("host-c")),
    "host-d": new FakeMachine(standbyStatus("host-d")),
  };
  const ups: string[][] = [];
  const stackHosts = [testHost("host-a"), testHost("host-b"), testHost("host-c", ["consul"]), testHost("host-d")];
  const options: FakeOptions = {
    readStack: () => testOutputs(stackHosts),
    linkTo: (host) => machines[host.name as keyof typeof machines].host,
    pulumi: async (_stack, arguments_) => {
      ups.push([...arguments_]);
      machines["host-b"].since = agoS(5);
      machines["host-b"].isDrained = false;
      machines["host-b"].status = standbyStatus("host-b");
      return 0;
    },
    ...more,
  };
  return { machines, ups, stackHosts, world: () => fakeWorld(options) };
}

/** The operator has set the machine up anew. */
function reinstall(machine: FakeMachine): void {
  machine.since = null;
  machine.isDrained = false;
  machine.status = null;
  machine.on = true;
}

test("a host that serves: out of service, then the operator, then a new machine, and done", async () => {
  const { machines, ups, world } = cluster();
  const first = await holdfast(world(), "replace", "--yes", "host-b");
  expect(first.code).toBe(4);
  expect(machines["host-b"].ran).toEqual([`drain --host host-b --account validator.test --network localnet`]);
  expect(first.out).toContain("host-b is out of service");
  expect(first.out).toContain("Call it again, it goes on from there: holdfast replace host-b.");
  expect(first.out).toContain("hostKey of host-b");
  expect(first.out).toContain("To call it off: pulumi up");

  // Called too early, it says the same and does nothing.
  expect((await holdfast(world(), "replace", "--yes", "host-b")).code).toBe(4);
  expect(machines["host-b"].ran).toHaveLength(1);
  expect(ups).toEqual([]);

  reinstall(machines["host-b"]);
  const second = await holdfast(world(), "replace", "--yes", "host-b");
  expect(second).toMatchObject({
    code: 0,
    out: "host-b is replaced: its machine is as deployed, votes in Consul, follows the chain, and stands by for host-a.\n",
  });
  expect(ups).toEqual([["up", "--yes", "--skip-preview"]]);

  // Called once more, it does not replace the new machine.
  expect(await holdfast(world(), "replace", "--yes", "host-b")).toMatchObject({
    code: 0,
    out: "host-b has had its machine for 5.0 s, which is new, and is as deployed: nothing to do. To replace it once more: holdfast replace host-b --anew.\n",
  });
  expect(ups).toHaveLength(1);
  expect(machines["host-b"].ran.filter((line) => line.startsWith("drain"))).toHaveLength(1);
});

test("--json says the same for programs", async () => {
  const { world } = cluster();
  const { code, out, err } = await holdfast(world(), "replace", "--yes", "host-b", "--json");
  expect(code).toBe(4);
  expect(JSON.parse(out)).toEqual({
    host: "host-b",
    state: "machine-needed",
    did: ["drained"],
    next: [expect.stringContaining("Set the machine up anew"), expect.stringContaining("hostKey"), expect.any(String)],
  });
  expect(err).toBe("");
});

test("at three in the morning: a dead host needs no draining", async () => {
  const { machines, ups, world } = cluster();
  machines["host-b"].on = false;
  const { code, out } = await holdfast(world(), "replace", "--yes", "host-b");
  expect(code).toBe(4);
  expect(out).toContain("host-b does not answer. The cluster can do without it");
  expect(out).not.toContain("call it off");
  reinstall(machines["host-b"]);
  expect((await holdfast(world(), "replace", "--yes", "host-b")).code).toBe(0);
  expect(ups).toHaveLength(1);
});

describe("without a host: which may be replaced now, in which order", () => {
  test("all well, with a third validator: any of them, the active one last", async () => {
    const { code, out } = await holdfast(cluster().world(), "replace", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(
      ["host-c", "host-b", "host-d", "host-a"].map((host) => ({ host, now: "yes", because: [] })),
    );
  });
  test("one down: itself, and nobody else without a word", async () => {
    const { machines, world } = cluster();
    machines["host-d"].on = false;
    const { out } = await holdfast(world(), "replace");
    expect(out).toMatch(/host-c +not now +Consul would have no majority without host-c/);
    expect(out).toMatch(/host-d +now/);
    expect(out).toMatch(/host-b +not now .*; and host-b is the only standby/);
  });
});

describe("refused, with exit code 1, and nothing is changed", () => {
  test("the quorum and the last standby, both named", async () => {
    const { machines, world } = cluster();
    machines["host-c"].on = false;
    machines["host-d"].on = false;
    const { code, err, out } = await holdfast(world(), "replace", "--yes", "host-b", "--without-standby");
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(
      "Consul would have no majority without host-b: 1 of 4 servers would be left, and it takes 3 (host-c gives no answer, host-d gives no answer)",
    );
    const both = await holdfast(world(), "replace", "--yes", "host-b");
    expect(both.err).toContain("; and host-b is the only standby that is ready");
    expect(machines["host-b"].ran).toEqual([]);
  });
  test("a host that is silent here, and renews its lease", async () => {
    const { machines, world } = cluster();
    machines["host-a"].on = false;
    const { code, err } = await holdfast(world(), "replace", "--yes", "host-a");
    expect(code).toBe(1);
    expect(err).toContain("it lives and may validate");
  });
  test("a new machine whose drain breaks off: the words have the flags with which it goes on", async () => {
    const { machines, world } = cluster();
    machines["host-b"].since = agoS(60);
    machines["host-b"].drainSays = { code: 1, stderr: "holdfastd: host-b is busy.\n" };
    const flags = ["--yes", "--anew", "--without-standby"];
    const { err } = await holdfast(world(), "replace", "host-b", ...flags);
    expect(err).toContain("it goes on from there: holdfast replace host-b --without-standby --anew.");
  });
  test("what the host itself says no to, in its own words", async () => {
    const { machines, world } = cluster();
    machines["host-b"].drainSays = {
      code: 1,
      stderr:
        "host-b drain: waiting\nholdfastd: host-b cannot be changed now: it is busy.\n  next: run pulumi up again.\n  (HF_REFUSED, see docs/errors.md)\n",
    };
    const { code, err } = await holdfast(world(), "replace", "--yes", "host-b");
    expect(code).toBe(1);
    expect(err).toContain("host-b cannot be changed now: it is busy.\n  next: Mend that, and call it again");
    expect(err).not.toContain("pulumi up again");
  });
  test("a host that is none", async () => {
    const { code, err } = await holdfast(cluster().world(), "replace", "--yes", "host-x");
    expect(code).toBe(2);
    expect(err).toContain("The stack has no host host-x.");
  });
});

describe("a machine with another SSH host key", () => {
  const otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtherotherotherotherotherotherotherotherothr";
  const settings = (hostKey: string) =>
    `config:\n  holdfast:hosts:\n    - {name: host-b, hostKey: "${hostKey} root@host-b"}\n`;
  const wrongKey = () => {
    throw new HoldfastError("HF_HOST_KEY_MISMATCH", "host-b shows another host key (SHA256:abc).");
  };
  /** What answers at host-b's address has the other key, and the settings have `hostKey`. */
  function withOtherKey(hostKey: string) {
    const one = cluster();
    const { machines, stackHosts } = one;
    reinstall(machines["host-b"]);
    const options: FakeOptions = {
      readStack: () => testOutputs(stackHosts),
      checkout: {
        commitOf: async () => "",
        read: async (commit, path) => (commit === null && path === "Pulumi.localnet.yaml" ? settings(hostKey) : null),
        differing: async () => [],
      },
      linkTo: (host) =>
        host.name === "host-b" && host.ssh.hostKey !== otherKey
          ? { run: wrongKey, request: wrongKey }
          : machines[host.name as keyof typeof machines].host,
      pulumi: async () => {
        one.ups.push(["up"]);
        machines["host-b"].since = agoS(5);
        machines["host-b"].status = standbyStatus("host-b");
        const at = stackHosts.findIndex(({ name }) => name === "host-b");
        stackHosts[at] = { ...testHost("host-b"), ssh: { ...testHost("host-b").ssh, hostKey: otherKey } };
        return 0;
      },
    };
    return { ...one, world: () => fakeWorld(options) };
  }

  test("waits for that key in the settings, and says where it goes", async () => {
    const { ups, stackHosts, world } = withOtherKey("");
    for (const hostKey of ["", stackHosts[1]?.ssh.hostKey ?? ""]) {
      const { code, out } = await holdfast(
        hostKey === "" ? world() : withOtherKey(hostKey).world(),
        "replace",
        "--yes",
        "host-b",
      );
      expect(code).toBe(4);
      expect(out).toContain("host-b shows another host key (SHA256:abc).");
      expect(out).toContain("put it into Pulumi.localnet.yaml as hostKey of host-b");
    }
    expect(ups).toEqual([]);
  });
  test("is deployed to once the settings have it", async () => {
    const { ups, world } = withOtherKey(otherKey);
    expect(await holdfast(world(), "replace", "--yes", "host-b")).toMatchObject({ code: 0 });
    expect(ups).toHaveLength(1);
  });
});

test("where nobody can be asked, nothing is done without --yes", async () => {
  const { machines, ups, world } = cluster();
  const { code, err } = await holdfast(world(), "replace", "host-b");
  expect(code).toBe(2);
  expect(err).toContain("There is nobody to ask whether the machine may go.");
  expect(err).toContain("Give --yes");
  expect([machines["host-b"].ran, ups]).toEqual([[], []]);
});

describe("a person is asked", () => {
  const interactive = { terminal: { interactive: true } };
  test("before anything is changed, and no is no", async () => {
    const { machines, world } = cluster({ ...interactive, confirm: false });
    const asked = world();
    const { code, err } = await holdfast(asked, "replace", "host-a");
    expect(code).toBe(1);
    expect(err).toContain("Nothing was changed.");
    expect(asked.questions).toEqual([
      "Take host-a out of service, for its machine to be replaced? It is active: the key moves first.",
    ]);
    expect(machines["host-a"].ran).toEqual([]);
  });
  test("and Pulumi asks by itself, unless --yes", async () => {
    const { machines, ups, world } = cluster({ ...interactive, confirm: true });
    reinstall(machines["host-b"]);
    await holdfast(world(), "replace", "host-b");
    reinstall(machines["host-b"]);
    await holdfast(world(), "replace", "host-b", "--yes");
    expect(ups).toEqual([["up"], ["up", "--yes", "--skip-preview"]]);
  });
});

describe("a host whose machine a cloud makes", () => {
  const cloud = {
    provider: "hcloud",
    serverName: "holdfast-localnet-host-b",
    serverType: "cx33",
    location: "fsn1",
    image: "debian-13",
    protect: true,
  } as const;
  const server = (more: object = {}) => ({ name: cloud.serverName, status: "running", created: long, ...more });
  /** What Hetzner has, and what every run of Pulumi was given. */
  function atCloud(more: Partial<FakeOptions> = {}) {
    const runs: { arguments_: readonly string[]; variables: object | undefined }[] = [];
    const servers: object[] = [server()];
    const one = cluster({
      readStack: () => ({ ...testOutputs(one.stackHosts), hcloudAccess: { token: "t", endpoint: null } }),
      hcloud: async () => ({ list: async () => servers }) as never,
      checkout: {
        commitOf: async () => "",
        read: async (_, path) => (path === "Pulumi.yaml" ? "name: holdfast\nruntime: nodejs\n" : null),
        differing: async () => [],
      },
      pulumi: async (_stack, arguments_, variables) => {
        runs.push({ arguments_, variables });
        if (arguments_[0] === "preview") return 0;
        const { "host-b": machine } = one.machines;
        machine.on = true;
        machine.isDrained = false;
        machine.since = agoS(5);
        machine.status = standbyStatus("host-b");
        return 0;
      },
      ...more,
    });
    one.stackHosts[1] = { ...testHost("host-b"), cloud };
    return { ...one, runs, servers };
  }
  const replaced = {
    arguments_: [
      "up",
      "--replace",
      "urn:pulumi:localnet::holdfast::holdfast:index:Cloud$hcloud:index/server:Server::host-b",
      "--yes",
      "--skip-preview",
    ],
    variables: { HOLDFAST_REPLACE: "host-b" },
  };

  const previewed = { arguments_: ["preview", ...replaced.arguments_.slice(1, 3)], variables: replaced.variables };

  test("out of service, another server, healthy again: in one call", async () => {
    const { machines, runs, world } = atCloud();
    const { code, out } = await holdfast(world(), "replace", "--yes", "host-b", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ host: "host-b", state: "done", did: ["drained", "machine-made"], next: [] });
    expect(machines["host-b"].ran[0]).toMatch(/^drain /);
    expect(runs).toEqual([previewed, replaced]);
  });
  test("what Pulumi would refuse is told before the host is taken out of service", async () => {
    const { machines, world } = atCloud({ pulumi: async (_, [command]) => (command === "preview" ? 255 : 0) });
    const { code, err } = await holdfast(world(), "replace", "--yes", "--anew", "host-b");
    expect(code).toBe(1);
    expect(err).toContain("pulumi preview of another server for host-b ended with exit code 255; nothing was changed.");
    expect(err).toContain("call it again: holdfast replace host-b --anew.");
    expect(machines["host-b"].ran).toEqual([]);
  });
  test("one that answers and does not let us in is not deleted", async () => {
    const shut = () => {
      throw new HoldfastError("HF_HOST_LOGIN", "host-b gives root no root rights.", { next: "Allow it." });
    };
    const { machines, runs, world } = atCloud({
      linkTo: (host) =>
        host.name === "host-b" ? { run: shut, request: shut } : machines[host.name as keyof typeof machines].host,
    });
    const { code, err } = await holdfast(world(), "replace", "--yes", "host-b");
    expect(code).toBe(1);
    expect(err).toContain(
      "host-b gives root no root rights.\n  next: It may live and validate, and nobody can see what it does. Allow it.",
    );
    expect(runs).toEqual([]);
  });
  test("one that serves: asked with what becomes of its disk", async () => {
    const { world } = atCloud({ terminal: { interactive: true }, confirm: false });
    const asked = world();
    expect((await holdfast(asked, "replace", "host-b")).code).toBe(1);
    expect(asked.questions).toEqual([
      "Take host-b out of service, for its machine to be replaced? Its server is deleted then, with all that is on its disk.",
    ]);
  });
  test("one that is dead: asked, and then made anew without draining", async () => {
    const { machines, runs, world } = atCloud({ terminal: { interactive: true }, confirm: true });
    machines["host-b"].on = false;
    const asked = world();
    expect((await holdfast(asked, "replace", "host-b")).code).toBe(0);
    expect(asked.questions).toEqual([
      "host-b does not answer. Delete its server with all that is on it, and make a new one?",
    ]);
    expect(runs).toEqual([{ ...replaced, arguments_: replaced.arguments_.slice(0, 3) }]);
    expect(machines["host-b"].ran).toEqual(["check --all --json"]);
  });
  test("cut off after the old server was deleted: the next call makes one, and replaces none", async () => {
    const { machines, runs, servers, world } = atCloud();
    machines["host-b"].on = false;
    servers.length = 0;
    expect((await holdfast(world(), "replace", "--yes", "host-b")).code).toBe(0);
    expect(runs).toEqual([{ arguments_: ["up", "--refresh", "--yes", "--skip-preview"], variables: {} }]);
  });
  test("cut off while the new server boots: the next call waits for it", async () => {
    const { machines, runs, servers, world } = atCloud();
    machines["host-b"].on = false;
    servers[0] = server({ created: agoS(60) });
    expect((await holdfast(world(), "replace", "--yes", "host-b")).code).toBe(0);
    expect(runs).toEqual([{ arguments_: ["up", "--yes", "--skip-preview"], variables: {} }]);
  });
  test("nothing is deleted while the others need it", async () => {
    const { machines, runs, world } = atCloud();
    machines["host-b"].on = false;
    machines["host-c"].on = false;
    expect((await holdfast(world(), "replace", "--yes", "host-b")).code).toBe(1);
    expect(runs).toEqual([]);
  });
});

test("pulumi up that fails is told, and the next call goes on", async () => {
  let isFailing = true;
  const { machines, world } = cluster({
    pulumi: async () => {
      if (isFailing) return 255;
      machines["host-b"].since = agoS(5);
      machines["host-b"].status = standbyStatus("host-b");
      return 0;
    },
  });
  reinstall(machines["host-b"]);
  const failed = await holdfast(world(), "replace", "--yes", "host-b");
  expect(failed.code).toBe(1);
  expect(failed.err).toContain("pulumi up ended with exit code 255; host-b is not done.");
  isFailing = false;
  expect((await holdfast(world(), "replace", "--yes", "host-b")).code).toBe(0);
});

test("a new machine that never comes in sync ends with a bound", async () => {
  const { machines, world } = cluster({ pulumi: async () => 0 });
  machines["host-b"].since = agoS(60);
  machines["host-b"].status = standbyStatus("host-b", {
    neard: { ...(standbyStatus("host-b").neard as NonNullable<AgentStatus["neard"]>), synced: false, height: 7 },
  });
  const { code, err } = await holdfast(world(), "replace", "--yes", "host-b", "--timeout", "0.01");
  expect(code).toBe(1);
  expect(err).toContain("host-b is not healthy yet: neard on host-b is not in sync yet (height 7).");
});

test("done is said only of a host that is as it was deployed", async () => {
  const { machines, world } = cluster();
  machines["host-b"].since = agoS(60);
  machines["host-b"].drift = [paths.agentConfig];
  const { code, err } = await holdfast(world(), "replace", "--yes", "host-b");
  expect(code).toBe(1);
  expect(err).toContain(`host-b is healthy, but not as it was deployed: ${paths.agentConfig} (content)`);
});

test("pulumi up that goes through and leaves the machine empty does not go round for ever", async () => {
  const { machines, ups, world } = cluster({
    pulumi: async (_, arguments_) => {
      ups.push([...arguments_]);
      return 0;
    },
  });
  reinstall(machines["host-b"]);
  const { code, err } = await holdfast(world(), "replace", "--yes", "host-b");
  expect(code).toBe(1);
  expect(err).toContain("pulumi up went through, and host-b has nothing of it.");
  expect(ups).toHaveLength(1);
});
