import { describe, expect, test } from "vitest";
import { type HostSpecInput, hostSpecSchema, type Secrets } from "../contract/wire/host-spec.ts";
import { nothingBefore } from "../contract/wire/identity.ts";
import { emptyInventory, nothingDue } from "../contract/wire/pending.ts";
import type { HostFacts, PathFact, UnitFact } from "./facts.ts";
import { nothingInForce } from "./in-force.ts";
import { credentialPath, inventoryOf } from "./inventory.ts";
import { dueOf, fileText, planSteps, settle, sha256 } from "./plan-steps.ts";
import { disturbances, type Step, subject } from "./steps.ts";
import { runningUnit } from "./testing.ts";

const unitFile = "/etc/systemd/system/svc.service";
const input: HostSpecInput = {
  host: "host-a",
  concern: "consul",
  users: [{ name: "svc", home: "/var/lib/svc", groups: ["readers"] }],
  directories: [{ path: "/var/lib/svc", mode: "0750", owner: "svc", group: "svc" }],
  files: [
    { path: "/etc/svc/a.json", mode: "0644", lines: ["{", "}"] },
    { path: "/etc/svc/b.json", mode: "0644", lines: ["{}"] },
    { path: "/etc/svc/kernel.conf", mode: "0644", lines: ["x = 1"] },
    { path: unitFile, mode: "0644", lines: ["[Service]"] },
  ],
  secretFiles: [{ path: "/etc/svc/secret", mode: "0400", owner: "svc", group: "svc", secret: "text" }],
  credentials: [{ name: "token", secret: "token" }],
  artifacts: [{ name: "svc", upload: "/up/svc.gz", path: "/opt/svc", mode: "0755", sha256: "a".repeat(64) }],
  commands: [{ argv: ["sysctl", "--system"], on: ["/etc/svc/kernel.conf"] }],
  units: [
    {
      name: "svc.service",
      restartOn: ["/etc/svc/a.json", "/opt/svc", "/etc/svc/secret", credentialPath("token")],
      reloadOn: ["/etc/svc/b.json"],
      disturbs: "consul",
    },
  ],
};
const spec = hostSpecSchema.parse(input);
const secrets: Secrets = { text: "secret text", token: "secret token" };

const bare: HostFacts = {
  users: new Map(),
  paths: new Map(),
  credentials: new Map(),
  units: new Map(),
  inForce: nothingInForce,
  stored: null,
  pending: null,
  elsewhere: emptyInventory,
  before: nothingBefore,
};

const file = (mode: string, digest: string, owner = "root"): PathFact => ({
  kind: "file",
  mode,
  owner,
  group: owner,
  sha256: digest,
});

/** The host as it is when all of `spec` was applied. */
const converged: HostFacts = {
  users: new Map([["svc", { home: "/var/lib/svc", groups: ["readers", "another"] }]]),
  paths: new Map<string, PathFact>([
    ["/var/lib/svc", { kind: "directory", mode: "0750", owner: "svc", group: "svc" }],
    ...spec.files.map(({ path, lines }): [string, PathFact] => [path, file("0644", sha256(fileText(lines)))]),
    ["/etc/svc/secret", file("0400", sha256("secret text"), "svc")],
    [credentialPath("token"), file("0600", "sealed")],
    ["/opt/svc", file("0755", "a".repeat(64))],
  ]),
  credentials: new Map([["token", sha256("secret token")]]),
  units: new Map([["svc.service", runningUnit]]),
  inForce: nothingInForce,
  stored: spec,
  pending: null,
  elsewhere: emptyInventory,
  before: nothingBefore,
};

function withPath(path: string, fact: PathFact, facts = converged): HostFacts {
  return { ...facts, paths: new Map([...facts.paths, [path, fact]]) };
}

function withUnit(fact: Partial<UnitFact>, facts = converged): HostFacts {
  return { ...facts, units: new Map([["svc.service", { ...runningUnit, ...fact }]]) };
}

/** `kind subject: why` of each step. */
function plan(facts: HostFacts, given: Secrets | null = secrets, wanted = spec): string[] {
  return planSteps(wanted, given, facts).map(sentence);
}
const sentence = (step: Step) => `${step.kind} ${subject(step)}: ${step.why}`;

test("a converged host needs nothing", () => {
  expect(plan(converged)).toEqual([]);
});

test("a bare host gets everything, in an order in which each step finds what it needs", () => {
  expect(plan(bare)).toEqual([
    "user user svc: absent",
    "directory /var/lib/svc: absent",
    "artifact /opt/svc: absent",
    "file /etc/svc/a.json: absent",
    "file /etc/svc/b.json: absent",
    "file /etc/svc/kernel.conf: absent",
    `file ${unitFile}: absent`,
    "file /etc/svc/secret: absent",
    `credential ${credentialPath("token")}: absent`,
    "command sysctl --system: /etc/svc/kernel.conf changed",
    "unit svc.service: enable: not enabled",
    `daemon-reload systemd: ${unitFile} changed`,
    "unit svc.service: start: not running",
  ]);
});

test("the first start of a unit disturbs nobody; a restart of a running one does", () => {
  expect(disturbances(planSteps(spec, secrets, bare))).toEqual(new Set());
  const changed = withPath("/opt/svc", file("0755", "b".repeat(64)));
  expect(disturbances(planSteps(spec, secrets, changed))).toEqual(new Set(["consul"]));
  expect(disturbances(planSteps(spec, secrets, withUnit({ state: "down" }, changed)))).toEqual(new Set());
});

describe("one difference, and what follows from it", () => {
  const other = sha256("something else");
  test.each<[string, HostFacts, string[]]>([
    [
      "a user's home and groups",
      { ...converged, users: new Map([["svc", { home: "/", groups: [] }]]) },
      ["user user svc: home, groups"],
    ],
    [
      "a directory's mode",
      withPath("/var/lib/svc", { kind: "directory", mode: "0777", owner: "svc", group: "svc" }),
      ["directory /var/lib/svc: mode"],
    ],
    [
      "a link in a directory's place",
      withPath("/var/lib/svc", { kind: "other" }),
      ["directory /var/lib/svc: is not a directory"],
    ],
    [
      "content that needs a restart",
      withPath("/etc/svc/a.json", file("0644", other)),
      ["file /etc/svc/a.json: content", "unit svc.service: restart: /etc/svc/a.json changed"],
    ],
    [
      "content that needs a reload",
      withPath("/etc/svc/b.json", file("0644", other)),
      ["file /etc/svc/b.json: content", "unit svc.service: reload: /etc/svc/b.json changed"],
    ],
    [
      "a restart makes the reload needless",
      withPath("/etc/svc/a.json", { kind: "absent" }, withPath("/etc/svc/b.json", { kind: "absent" })),
      [
        "file /etc/svc/a.json: absent",
        "file /etc/svc/b.json: absent",
        "unit svc.service: restart: /etc/svc/a.json changed",
      ],
    ],
    [
      "mode and owner alone: the content is not written again",
      withPath("/etc/svc/a.json", file("0600", sha256("{\n}\n"), "svc")),
      ["attributes /etc/svc/a.json: mode, owner, group", "unit svc.service: restart: /etc/svc/a.json changed"],
    ],
    [
      "content and mode",
      withPath("/etc/svc/b.json", file("0666", other)),
      ["file /etc/svc/b.json: content, mode", "unit svc.service: reload: /etc/svc/b.json changed"],
    ],
    [
      "a command's file",
      withPath("/etc/svc/kernel.conf", file("0644", other)),
      ["file /etc/svc/kernel.conf: content", "command sysctl --system: /etc/svc/kernel.conf changed"],
    ],
    [
      "the unit's own file",
      withPath(unitFile, file("0644", other)),
      [
        `file ${unitFile}: content`,
        `daemon-reload systemd: ${unitFile} changed`,
        `unit svc.service: restart: ${unitFile} changed`,
      ],
    ],
    [
      "an artifact of another content",
      withPath("/opt/svc", file("0755", other)),
      ["artifact /opt/svc: content", "unit svc.service: restart: /opt/svc changed"],
    ],
    [
      "an artifact's mode: it is not unpacked again",
      withPath("/opt/svc", file("0700", "a".repeat(64))),
      ["attributes /opt/svc: mode", "unit svc.service: restart: /opt/svc changed"],
    ],
    [
      "a secret file's content",
      withPath("/etc/svc/secret", file("0400", other, "svc")),
      ["file /etc/svc/secret: content", "unit svc.service: restart: /etc/svc/secret changed"],
    ],
    [
      "a credential's content",
      { ...converged, credentials: new Map([["token", other]]) },
      [
        `credential ${credentialPath("token")}: content`,
        `unit svc.service: restart: ${credentialPath("token")} changed`,
      ],
    ],
    [
      "a credential that another host sealed",
      { ...converged, credentials: new Map([["token", null]]) },
      [
        `credential ${credentialPath("token")}: systemd on this host cannot load it`,
        `unit svc.service: restart: ${credentialPath("token")} changed`,
      ],
    ],
    ["a unit that is down", withUnit({ state: "down" }), ["unit svc.service: start: not running"]],
    ["a unit that is starting", withUnit({ state: "starting" }), ["unit svc.service: start: not started yet"]],
    [
      "a unit that is not enabled",
      withUnit({ enabled: false }),
      ["unit svc.service: enable: not enabled", "daemon-reload systemd: svc.service was enabled"],
    ],
    [
      "a unit file that systemd has not read",
      withUnit({ needsDaemonReload: true }),
      ["daemon-reload systemd: the file of svc.service is newer than what systemd has read"],
    ],
  ])("%s", (_what, facts, steps) => {
    expect(plan(facts)).toEqual(steps);
  });
});

test("a unit that is down and whose files changed: a restart, for it may be started on the old ones meanwhile", () => {
  const facts = withUnit({ state: "down" }, withPath("/etc/svc/a.json", { kind: "absent" }));
  expect(planSteps(spec, secrets, facts).at(-1)).toMatchObject({ action: "restart", disturbs: "nothing" });
  expect(planSteps(spec, secrets, withUnit({ state: "down" })).at(-1)).toMatchObject({ action: "start" });
});

describe("without the secrets", () => {
  test("wrong content of what is secret cannot be seen", () => {
    const facts = withPath("/etc/svc/secret", file("0400", sha256("x"), "svc"), {
      ...converged,
      credentials: new Map([["token", sha256("x")]]),
    });
    expect(plan(facts, null)).toEqual([]);
  });
  test("a missing one, a wrong mode, a seal of another host are seen", () => {
    const facts = withPath("/etc/svc/secret", file("0444", sha256("x"), "svc"), {
      ...converged,
      credentials: new Map([["token", null]]),
    });
    expect(plan(facts, null).slice(0, 2)).toEqual([
      "attributes /etc/svc/secret: mode",
      `credential ${credentialPath("token")}: systemd on this host cannot load it`,
    ]);
  });
});

describe("what left the spec", () => {
  const smaller = hostSpecSchema.parse({
    ...input,
    files: (input.files ?? []).filter(({ path }) => path !== "/etc/svc/a.json"),
    units: [{ name: "svc.service", disturbs: "consul" }],
  });
  test("a file goes, and the unit that read it restarts though the new spec does not mention it", () => {
    expect(plan(converged, secrets, smaller)).toEqual([
      "delete-file /etc/svc/a.json: not in the spec any more",
      "unit svc.service: restart: /etc/svc/a.json changed",
    ]);
  });
  test("what another concern has too stays", () => {
    const elsewhere = { ...emptyInventory, files: ["/etc/svc/a.json"] };
    expect(plan({ ...converged, elsewhere }, secrets, smaller)).toEqual([]);
  });
  test("what only a failed apply made goes too", () => {
    const pending = { inventory: { ...emptyInventory, files: ["/etc/svc/stray"] }, due: nothingDue, disturbs: [] };
    const facts = withPath("/etc/svc/stray", file("0644", "0"), { ...converged, pending });
    expect(plan(facts)).toContain("delete-file /etc/svc/stray: not in the spec any more");
  });
  test("nothing wanted: everything goes, units first, users last, inner directories before outer ones", () => {
    const nothing = hostSpecSchema.parse({ host: "host-a", concern: "consul" });
    const stored = hostSpecSchema.parse({
      ...input,
      directories: [
        { path: "/var/lib/svc", mode: "0750" },
        { path: "/var/lib/svc/inner", mode: "0750", owned: false },
      ],
    });
    const facts = withPath(
      "/var/lib/svc/inner",
      { kind: "directory", mode: "0750", owner: "svc", group: "svc" },
      { ...converged, stored },
    );
    const steps = plan(facts, {}, nothing);
    expect(steps[0]).toBe("retire-unit svc.service: not in the spec any more");
    expect(steps.slice(-5)).toEqual([
      `daemon-reload systemd: ${unitFile} changed`,
      "delete-file /etc/holdfast/credentials/token.cred: not in the spec any more",
      "delete-directory /var/lib/svc/inner: not in the spec any more",
      "delete-directory /var/lib/svc: not in the spec any more",
      "delete-user user svc: not in the spec any more",
    ]);
    expect(steps.filter((step) => step.startsWith("delete-file"))).toHaveLength(inventoryOf(stored).files.length);
  });
  test("a second removal finds nothing", () => {
    const nothing = hostSpecSchema.parse({ host: "host-a", concern: "consul" });
    expect(plan({ ...bare, stored: nothing }, {}, nothing)).toEqual([]);
  });
});

describe("what was there before the first deployment", () => {
  const attributes = { mode: "0755", uid: 1000, gid: 1000 };
  const home = { path: "/var/lib/svc", used: true, ...attributes };
  const before = { users: ["svc"], files: ["/etc/svc/a.json", "/opt/svc"], directories: [home] };
  const there = (facts: HostFacts): HostFacts => ({
    ...facts,
    before,
    users: new Map([["svc", { home: "/home/svc", groups: ["readers"] }]]),
  });

  test("a user is taken as it is; files in the place of ours are set aside first, even if they are the same", () => {
    const same = withPath(
      "/opt/svc",
      file("0755", "a".repeat(64)),
      withPath("/etc/svc/a.json", file("0644", "x"), bare),
    );
    expect(plan(there(same)).slice(0, 5)).toEqual([
      "directory /var/lib/svc: absent",
      "set-aside /opt/svc: was there before holdfast",
      "set-aside /etc/svc/a.json: was there before holdfast",
      "artifact /opt/svc: absent",
      "file /etc/svc/a.json: absent",
    ]);
  });

  test("set aside once, ours are ours", () =>
    expect(plan({ ...there(converged), before: { ...before, files: [] } })).toEqual([]));

  test("a removal gives back the directory, and leaves the user", () => {
    const nothing = hostSpecSchema.parse({ host: "host-a", concern: "consul" });
    const steps = planSteps(nothing, {}, { ...there(converged), before: { ...before, files: [] } });
    expect(steps.map(({ kind }) => kind)).not.toContain("delete-user");
    expect(steps.filter(({ kind }) => kind.endsWith("-directory"))).toEqual([
      { kind: "give-back-directory", directory: home, why: "was there before holdfast" },
    ]);
  });
});

describe("what an apply owes", () => {
  test("is all restarts, starts, reloads and commands, before the first step", () => {
    expect(dueOf(planSteps(spec, secrets, bare))).toEqual({
      restart: ["svc.service"],
      reload: [],
      commands: ['["sysctl","--system"]'],
    });
  });
  test("is done by the next one, though all files are right by then", () => {
    const due = { restart: ["svc.service"], reload: [], commands: ['["sysctl","--system"]'] };
    expect(plan({ ...converged, pending: { inventory: emptyInventory, due, disturbs: [] } })).toEqual([
      "command sysctl --system: an earlier apply was cut short",
      "daemon-reload systemd: an earlier apply was cut short",
      "unit svc.service: restart: an earlier apply was cut short",
    ]);
  });
  test("a reload too, unless a restart is owed", () => {
    const due = { restart: [], reload: ["svc.service"], commands: [] };
    expect(plan({ ...converged, pending: { inventory: emptyInventory, due, disturbs: [] } })).toContain(
      "unit svc.service: reload: an earlier apply was cut short",
    );
  });
  test("shrinks with each step that pays it back, and with no other", () => {
    const steps = planSteps(spec, secrets, bare);
    let due = dueOf(steps);
    const left = steps.map((step) => {
      due = settle(due, step);
      return due.restart.length + due.commands.length;
    });
    // user, directory, artifact, 5 files, credential | command | enable, daemon-reload | start
    expect(left).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 0]);
  });
  test("a reload does not pay back a restart", () => {
    const due = { restart: ["svc.service"], reload: ["svc.service"], commands: [] };
    const reload: Step = { kind: "unit", unit: "svc.service", action: "reload", disturbs: "nothing", why: "" };
    expect(settle(due, reload)).toEqual({ restart: ["svc.service"], reload: [], commands: [] });
  });
});
