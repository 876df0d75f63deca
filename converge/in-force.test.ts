/** What a file says and nobody has read: every kind of it is named, and mended by the step that makes it be read. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { nothingBefore } from "../contract/wire/identity.ts";
import { emptyInventory } from "../contract/wire/pending.ts";
import type { HostFacts, PathFact, UnitFact } from "./facts.ts";
import { beyondApply, type InForce, nothingInForce, settingsIn } from "./in-force.ts";
import { droppingChains } from "./other-firewalls.ts";
import { fileText, planSteps, sha256 } from "./plan-steps.ts";
import { readInForce } from "./read-in-force.ts";
import { type Step, subject } from "./steps.ts";
import { runningUnit } from "./testing.ts";

const unitFile = "/etc/systemd/system/svc.service";
const spec = hostSpecSchema.parse({
  host: "host-a",
  concern: "system",
  directories: [{ path: "/run/key", mode: "0750", inMemory: true }],
  files: [
    { path: "/etc/svc.json", mode: "0644", lines: ["{}"] },
    { path: "/etc/join.json", mode: "0644", lines: ["{}"] },
    { path: "/etc/rules.nft", mode: "0644", lines: ["table inet ours {}"] },
    { path: "/etc/sysctl.d/ours.conf", mode: "0644", lines: ["-net.a = 1 2", "-net.kind = bbr"] },
    { path: unitFile, mode: "0644", lines: ["[Service]"] },
  ],
  commands: [
    { argv: ["sysctl"], on: ["/etc/sysctl.d/ours.conf"], settings: "/etc/sysctl.d/ours.conf" },
    { argv: ["other"], on: [] },
  ],
  units: [
    { name: "svc.service", restartOn: ["/etc/svc.json", "/etc/of-another-concern.pem"], disturbs: "consul" },
    { name: "rules.service", nftTable: { table: "inet ours", file: "/etc/rules.nft" } },
  ],
});

const up: UnitFact = { ...runningUnit, mainPid: 1 };
const directory: PathFact = { kind: "directory", mode: "0750", owner: "root", group: "root" };

const startedMs = 1_000_000;
const sound: InForce = {
  processes: new Map([["svc.service", { startedMs, isProgramGone: false }]]),
  modifiedMs: new Map(
    [...spec.files.map(({ path }) => path), "/etc/of-another-concern.pem"].map((path) => [path, 999_000]),
  ),
  tables: new Map([["inet ours", "as-filed"]]),
  settings: new Map([
    ["net.a", { value: "1\t2\n", writable: true, choices: null }],
    ["net.kind", { value: "bbr\n", writable: true, choices: ["bbr", "cubic"] }],
  ]),
  fileSystems: new Map([["/run/key", 0x01021994]]),
  otherFirewalls: [],
};

function plan(change: Partial<InForce>): string[] {
  const facts: HostFacts = {
    users: new Map(),
    paths: new Map<string, PathFact>([
      ["/run/key", directory],
      ...spec.files.map(({ path, lines }): [string, PathFact] => [
        path,
        { kind: "file", mode: "0644", owner: "root", group: "root", sha256: sha256(fileText(lines)) },
      ]),
    ]),
    credentials: new Map(),
    units: new Map([
      ["svc.service", up],
      ["rules.service", { ...up, mainPid: 0 }],
    ]),
    inForce: { ...sound, ...change },
    before: nothingBefore,
    stored: spec,
    pending: null,
    elsewhere: emptyInventory,
  };
  return planSteps(spec, {}, facts).map((step: Step) => `${subject(step)}: ${step.why}`);
}

const modified = (path: string, ms: number) => ({ modifiedMs: new Map([...sound.modifiedMs, [path, ms] as const]) });
const setting = (value: string, more: object = {}) => ({
  settings: new Map([...sound.settings, ["net.a", { value, writable: true, choices: null, ...more }] as const]),
});

test("all in force: nothing to do", () => expect(plan({})).toEqual([]));
test("of a host of which nothing is known, nothing is claimed", () => expect(plan(nothingInForce)).toEqual([]));

test.each<[string, Partial<InForce>, string[]]>([
  [
    "a configuration written after its process began",
    modified("/etc/svc.json", startedMs + 3000),
    ["svc.service: restart: /etc/svc.json is newer than its process"],
  ],
  [
    "the unit's own file",
    modified(unitFile, startedMs + 3000),
    [`svc.service: restart: ${unitFile} is newer than its process`],
  ],
  [
    "a file that another concern has written",
    modified("/etc/of-another-concern.pem", startedMs + 3000),
    ["svc.service: restart: /etc/of-another-concern.pem is newer than its process"],
  ],
  ["a file written in the moment of the start", modified("/etc/svc.json", startedMs + 1000), []],
  ["a file that it need not read again", modified("/etc/join.json", startedMs + 3000), []],
  [
    "a replaced program",
    { processes: new Map([["svc.service", { startedMs, isProgramGone: true }]]) },
    ["svc.service: restart: it runs a program that was replaced since"],
  ],
  [
    "a table that somebody flushed",
    { tables: new Map([["inet ours", "absent"]]) },
    ["rules.service: reload: the kernel has no table inet ours"],
  ],
  [
    "a table with other rules",
    { tables: new Map([["inet ours", "other"]]) },
    ["rules.service: reload: the kernel's table inet ours is not as in /etc/rules.nft"],
  ],
  ["a table that cannot be compared", { tables: new Map([["inet ours", { unknown: "no unshare" }]]) }, []],
  ["a kernel setting", setting("1\t3"), ["sysctl: net.a is 1 3, not 1 2"]],
  ["a kernel setting that is not ours to set", setting("1\t3", { writable: false }), []],
  ["one that this kernel has not", { settings: new Map() }, []],
  [
    "one of several, though the kernel has ours",
    { settings: new Map([["net.kind", { value: "cubic", writable: true, choices: ["bbr", "cubic"] }]]) },
    ["sysctl: net.kind is cubic, not bbr"],
  ],
  [
    "one of several, where the kernel lacks ours",
    { settings: new Map([["net.kind", { value: "cubic", writable: true, choices: ["reno", "cubic"] }]]) },
    [],
  ],
])("%s", (_, change, steps) => expect(plan(change)).toEqual(steps));

test("what no apply mends: a key's place on a disk", () => {
  const { drift } = beyondApply(spec, { ...sound, fileSystems: new Map([["/run/key", 0xef53]]) });
  expect(drift).toEqual([
    { what: "/run/key", why: "is on a disk, not in memory: unmount what is there, and mount a tmpfs at /run" },
  ]);
});

test("what is worth a word: rules that cannot be compared, another firewall", () => {
  const inForce: InForce = {
    ...sound,
    tables: new Map([["inet ours", { unknown: "cannot be listed: no nft" }]]),
    otherFirewalls: ["ufw"],
  };
  expect(beyondApply(spec, inForce)).toEqual({
    drift: [],
    notes: [
      { what: "table inet ours", why: "cannot be listed: no nft" },
      { what: "ufw", why: "manages packet filter rules besides ours" },
    ],
  });
});

test("lines of sysctl.d", () =>
  expect(settingsIn(["# a comment", "-net.core.rmem_max = 8388608", "net.ipv4.tcp_rmem=4096  87380 1", ""])).toEqual([
    { name: "net.core.rmem_max", value: "8388608" },
    { name: "net.ipv4.tcp_rmem", value: "4096 87380 1" },
  ]));

test("chains of others that drop what they do not know", () =>
  expect(
    droppingChains(`table inet holdfast_firewall {
	chain input {
		type filter hook input priority filter; policy drop;
	}
}
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
	chain ufw-before-input {
	}
}
table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
	}
}
`),
  ).toEqual(["table ip filter, whose chain INPUT drops what it does not know"]));

describe("read from this machine", () => {
  test("a process with its start and program, a file's time, a setting, a file system", async () => {
    const folder = mkdtempSync(join(tmpdir(), "in-force-"));
    try {
      const path = join(folder, "a.conf");
      writeFileSync(path, "");
      const asked = hostSpecSchema.parse({
        host: "host-a",
        concern: "neard",
        directories: [{ path: "/proc/self", mode: "0755", inMemory: true }],
        files: [{ path, mode: "0644", lines: ["-net.ipv4.ip_forward = 1", "-net.no.such = 1"] }],
        commands: [{ argv: ["x"], on: [], settings: path }],
        units: [{ name: "svc.service", restartOn: [path, join(folder, "none")] }],
      });
      const found = await readInForce(asked, new Map([["svc.service", { ...up, mainPid: process.pid }]]));
      const started = found.processes.get("svc.service");
      expect(started?.isProgramGone).toBe(false);
      expect(Math.abs((started?.startedMs ?? 0) - (Date.now() - process.uptime() * 1000))).toBeLessThan(2000);
      expect([...found.modifiedMs.keys()]).toEqual([path]);
      expect([...found.settings.keys()]).toEqual(["net.ipv4.ip_forward"]);
      expect(found.fileSystems.get("/proc/self")).toBe(0x9fa0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
