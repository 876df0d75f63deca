import { describe, expect, test } from "vitest";
import { agentConfig } from "../plan/agent.ts";
import { planDeployment } from "../plan/deployment.ts";
import { unitWord } from "../plan/power-units.ts";
import {
  asPulumiGives,
  sampleArtifactsByArch,
  sampleInput,
  sampleSettings,
  sampleTopology,
} from "../testing/sample.ts";
import { checkConfiguration } from "./check-configuration.ts";
import { crossCheck } from "./cross-checks.ts";
import type { SettingsInput } from "./schema.ts";
import type { IsSecret } from "./secret-checks.ts";

const allSecret: IsSecret = () => true;
const check = (more: Partial<SettingsInput>, isSecret = allSecret) => crossCheck(sampleSettings(more), isSecret);
const messages = (more: Partial<SettingsInput>) => check(more).faults.map(({ message }) => message);

type HostInput = SettingsInput["hosts"][number];
type FenceInput = NonNullable<HostInput["fence"]>;
const token = "k".repeat(64);
const command: FenceInput = { device: "command", command: ["/usr/local/bin/bmc", "--at", "10.0.0.9"] };
const hcloud: FenceInput = { device: "hcloud" };

/** Both validators with this fence, and one more thing each. */
const hosts = (fence: FenceInput | undefined, arbiter?: FenceInput): HostInput[] =>
  sampleInput().hosts.map((host) => {
    const own = host.roles?.includes("neard") ? fence : arbiter;
    return { ...host, ...(own === undefined ? {} : { fence: own }) };
  });

describe("what is sound", () => {
  test.for<[string, Partial<SettingsInput>]>([
    ["no fencing", {}],
    ["by a command", { fencing: "required", hosts: hosts(command) }],
    ["by a command with a secret", { fencing: "bestEffort", hosts: hosts(command), fencingSecret: "hunter2" }],
    ["by Hetzner Cloud", { fencing: "required", hosts: hosts(hcloud), fencingToken: token }],
  ])("%s", ([, more]) => expect(check(more)).toEqual({ faults: [], warnings: [] }));
});

describe("one message for each that is wrong", () => {
  test.for<[Partial<SettingsInput>, string]>([
    [
      { fencing: "required" },
      "holdfast:fencing is required, and host-a, host-b have no fence: nobody could power them off",
    ],
    [
      { fencing: "required", hosts: [...hosts(command).slice(1), sampleInput().hosts[0] as HostInput] },
      "holdfast:fencing is required, and host-a has no fence: nobody could power it off",
    ],
    [
      { fencing: "required", hosts: hosts(hcloud) },
      "holdfast:fencingToken is missing, and hosts have fence device hcloud",
    ],
    [
      { fencing: "required", hosts: hosts(hcloud), fencingToken: "short" },
      "holdfast:fencingToken has 5 characters, where a token of Hetzner Cloud has 64",
    ],
    [
      { hosts: hosts(undefined, command) },
      "holdfast:hosts, host-c, fence: host-c has no neard, so nobody ever takes over from it",
    ],
    [
      { fencingSkipsWait: true },
      "holdfast:fencingSkipsWait is set, and holdfast:fencing is off: no host is ever shown to be off",
    ],
  ])("%#", ([more, message]) => expect(messages(more)).toEqual([message]));

  test.for<[FenceInput, string]>([
    [{ device: "command" }, "device command needs a command"],
    [{ device: "command", command: ["bmc"] }, "the command's first part must be an absolute path (it is bmc)"],
    [{ ...command, server: "x" }, "device command knows no server"],
    [{ device: "hcloud", command: ["/bin/x"] }, "device hcloud runs no command"],
  ])("%#", ([fence, message]) => {
    const found = messages({ fencing: "required", hosts: hosts(fence), fencingToken: token });
    expect(found).toEqual([`holdfast:hosts, host-a, fence: ${message}`, `holdfast:hosts, host-b, fence: ${message}`]);
  });

  test("secrets in clear", () => {
    const more = { fencing: "required", hosts: hosts(hcloud), fencingToken: token, fencingSecret: "hunter2" } as const;
    expect(check(more, () => false).faults.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        "holdfast:fencingToken is in the stack's file in clear",
        "holdfast:fencingSecret is in the stack's file in clear",
      ]),
    );
  });

  test("an unknown mode is no mode, and a secret in it is not shown", () => {
    const wrong = (more: object) => checkConfiguration(asPulumiGives({ ...sampleInput(), ...more }), allSecret);
    expect(wrong({ fencing: "requird" }).faults[0]?.next).toBe("Did you mean required?");
    expect(JSON.stringify(wrong({ fencingToken: "" }).faults)).not.toContain("hunter2");
  });
});

test("a fence that is never used, and a wait that is skipped, are worth a word", () => {
  expect(check({ hosts: hosts(command) }).warnings).toEqual([
    "holdfast:fencing is off, so the fence of host-a, host-b is never used",
  ]);
  expect(check({ fencing: "required", fencingSkipsWait: true, hosts: hosts(command) }).warnings.join()).toContain(
    "lets two hosts sign at once",
  );
});

describe("in the plan", () => {
  const plan = (more: Partial<SettingsInput>) => planDeployment(sampleTopology(more), sampleArtifactsByArch);
  const specOf = (more: Partial<SettingsInput>, name: string) =>
    plan(more).hosts.find(({ host }) => host.name === name)?.agent;

  test("the token is on neard hosts alone, sealed; an arbiter has neither it nor a unit", () => {
    const more = { fencing: "required", hosts: hosts(hcloud), fencingToken: token } as const;
    expect(specOf(more, "host-a")?.secrets).toContain("fencing-token");
    expect(specOf(more, "host-c")?.secrets).not.toContain("fencing-token");
    expect(specOf({ ...more, fencing: "off" }, "host-a")?.secrets).not.toContain("fencing-token");
    expect(JSON.stringify(plan(more))).not.toContain(token);
  });

  test("a command gets a unit of its own for each other host, with its secret and nothing else", () => {
    const more = { fencing: "required", hosts: hosts(command), fencingSecret: "hunter2" } as const;
    const files = specOf(more, "host-a")?.spec.files ?? [];
    const unit = files.filter(({ path }) => path.includes("holdfast-power-"));
    expect(unit.map(({ path }) => path)).toEqual(["/etc/systemd/system/holdfast-power-host-b@.service"]);
    expect(unit[0]?.lines).toEqual(
      expect.arrayContaining([
        'ExecStart="/usr/local/bin/bmc" "--at" "10.0.0.9" %i host-b',
        "DynamicUser=yes",
        "CapabilityBoundingSet=",
        "NoNewPrivileges=yes",
        "TimeoutStartSec=30000ms",
        "LoadCredentialEncrypted=fencing-secret:/etc/holdfast/credentials/fencing-secret.cred",
        "StandardOutput=truncate:/run/holdfast/power-host-b-%i.out",
      ]),
    );
    const agentUnit = files.find(({ path }) => path.endsWith("/holdfastd.service"));
    expect(agentUnit?.lines.join("\n")).not.toContain("fencing-secret");
    expect((specOf(more, "host-c")?.spec.files ?? []).some(({ path }) => path.includes("holdfast-power-"))).toBe(false);
  });

  test("the agent knows by what to tell the right machine", () => {
    const more = { fencing: "required", hosts: hosts(hcloud), fencingToken: token } as const;
    const topology = sampleTopology(more);
    const [own] = topology.hosts;
    if (own === undefined) throw new Error("no host");
    expect(agentConfig(topology, own).neard?.fencing).toEqual({
      mode: "required",
      skipWait: false,
      devices: [
        { host: "host-a", device: "hcloud", server: "host-a", addresses: ["192.0.2.11"], timeoutMs: 30_000 },
        { host: "host-b", device: "hcloud", server: "host-b", addresses: ["192.0.2.12"], timeoutMs: 30_000 },
      ],
    });
  });

  test("words of a command are systemd's words", () => {
    expect(unitWord('a "b" $c %d \\e')).toBe('"a \\"b\\" $$c %%d \\\\e"');
  });
});
