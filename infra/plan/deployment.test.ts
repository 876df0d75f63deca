import { dirname } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bundlePath, paths } from "../../contract/paths.ts";
import { consulKeys } from "../../contract/topology.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import type { SettingsInput } from "../config/schema.ts";
import { sampleArtifactsByArch, sampleHost, sampleInput, sampleTopology } from "../testing/sample.ts";
import { type HostPlan, type Plan, planDeployment } from "./deployment.ts";
import { secretNamesIn } from "./secret-names.ts";
import { credentialPath } from "./spec-parts.ts";

const plan = (more: Partial<SettingsInput> = {}): Plan => planDeployment(sampleTopology(more), sampleArtifactsByArch);

function specsOf(host: HostPlan): HostSpecInput[] {
  return [host.system, host.consul, ...(host.neard === undefined ? [] : [host.neard]), host.agent].map(
    (one) => one.spec,
  );
}

function fileOf(spec: HostSpecInput | undefined, path: string): string {
  const file = spec?.files?.find((one) => one.path === path);
  if (file === undefined) throw new Error(`no ${path}`);
  return file.lines.join("\n");
}

describe("the whole plan of the sample", () => {
  test.each(["host-a", "host-c"])("%s", (name) => {
    const host = plan().hosts.find((one) => one.host.name === name);
    expect(host && specsOf(host)).toMatchSnapshot();
  });
  test("acl", () => expect(plan().acl).toMatchSnapshot());
});

/** Clusters of any shape that the checks let through. */
const clusters = fc
  .array(fc.constantFrom<("consul" | "neard")[]>(["consul"], ["neard"], ["consul", "neard"]), {
    minLength: 5,
    maxLength: 9,
  })
  .filter((all) => all.filter((r) => r.includes("consul")).length >= 3)
  .filter((all) => all.filter((r) => r.includes("neard")).length >= 2)
  .map((all) => all.map((roles, index) => sampleHost(`h${index}`, 10 + index, roles, { priority: index * 7 })));

describe("for every cluster", () => {
  test("whatever restarts a unit is made by the same spec, or by the concern before it", () =>
    fc.assert(
      fc.property(clusters, (hosts) => {
        for (const host of plan({ hosts }).hosts) {
          const made = new Set<string>();
          for (const spec of specsOf(host)) {
            for (const { path } of [...(spec.files ?? []), ...(spec.secretFiles ?? []), ...(spec.artifacts ?? [])])
              made.add(path);
            for (const { name } of spec.credentials ?? []) made.add(credentialPath(name));
            for (const unit of spec.units ?? []) {
              expect(made).toContain(`/etc/systemd/system/${unit.name}`);
              for (const path of [...(unit.restartOn ?? []), ...(unit.reloadOn ?? [])]) expect(made).toContain(path);
            }
          }
        }
      }),
    ));

  test("every directory of ours in which a file lies has a mode of its own: no umask decides who may enter", () =>
    fc.assert(
      fc.property(clusters, (hosts) => {
        for (const host of plan({ hosts }).hosts) {
          const specs = specsOf(host);
          const named = new Set(specs.flatMap((spec) => spec.directories ?? []).map(({ path }) => path));
          const files = specs.flatMap((spec) => [
            ...(spec.files ?? []),
            ...(spec.secretFiles ?? []),
            ...(spec.artifacts ?? []),
          ]);
          for (const { path } of files) {
            if (!/^\/(opt|etc)\/holdfast\/|^\/var\/lib\//.test(path)) continue;
            for (let at = dirname(path); !["/opt", "/etc", "/var/lib"].includes(at); at = dirname(at))
              expect(named, path).toContain(at);
          }
        }
      }),
    ));

  test("the validator key goes to neard hosts only, and only as a sealed credential of the agent", () =>
    fc.assert(
      fc.property(clusters, (hosts) => {
        for (const host of plan({ hosts }).hosts)
          for (const spec of specsOf(host)) {
            const wants = secretNamesIn(spec).includes("validator-key");
            expect(wants).toBe(spec.concern === "agent" && host.host.roles.includes("neard"));
            expect(spec.secretFiles?.map((file) => file.secret) ?? []).not.toContain("validator-key");
          }
      }),
    ));

  test("only neard hosts may write the lock, and each may speak for itself alone", () =>
    fc.assert(
      fc.property(clusters, (hosts) => {
        const { acl, topology } = plan({ hosts });
        const { lock, root } = consulKeys("localnet", "validator.localnet");
        for (const host of topology.hosts) {
          const rules = acl.spec.acl?.policies.find((policy) => policy.name === `holdfast-${host.name}`)?.rules ?? [];
          expect(rules.includes(`key "${lock}" { policy = "write" }`)).toBe(host.roles.includes("neard"));
          expect(rules).not.toContain(`key_prefix "${root}" { policy = "write" }`);
          for (const rule of rules.filter((text) => /^(session|node|agent) .*write/.test(text)))
            expect(rule).toContain(`"${host.name}"`);
        }
      }),
    ));

  test("every server joins all others and never itself; all expect the same number", () =>
    fc.assert(
      fc.property(clusters, (hosts) => {
        const { hosts: plans, topology } = plan({ hosts });
        const servers = topology.hosts.filter((host) => host.roles.includes("consul")).map((host) => host.address);
        for (const { host, consul } of plans) {
          const join = JSON.parse(fileOf(consul.spec, "/etc/holdfast/consul/join.json"));
          const others = servers.filter((address) => address !== host.address);
          expect(join.retry_join).toEqual(others.map((address) => `${address}:8301`));
          expect(join.bootstrap_expect).toBe(host.roles.includes("consul") ? servers.length : undefined);
        }
      }),
    ));
});

test("IPv6 addresses are written as each program wants them", () => {
  const hosts = sampleInput().hosts.map((host, index) => ({ ...host, address: `2001:db8::${index + 1}` }));
  const [first] = plan({ hosts }).hosts;
  const consul = first?.consul.spec;
  expect(JSON.parse(fileOf(consul, "/etc/holdfast/consul/join.json")).retry_join).toEqual([
    "[2001:db8::2]:8301",
    "[2001:db8::3]:8301",
  ]);
  expect(JSON.parse(fileOf(consul, "/etc/holdfast/consul/consul.json")).bind_addr).toBe("2001:db8::1");
  expect(JSON.parse(fileOf(first?.neard?.spec, "/var/lib/neard/config.json")).network.addr).toBe("[::]:24567");
  expect(JSON.parse(fileOf(first?.agent.spec, paths.agentConfig)).consul.urls[1]).toBe("https://[2001:db8::2]:8501");
});

describe("one more host", () => {
  const before = plan();
  const after = plan({ hosts: [...sampleInput().hosts, sampleHost("host-d", 14, ["consul"])] });

  test.each(["host-a", "host-b", "host-c"])("leaves %s's neard, certificates and Consul's restart alone", (name) => {
    const [old, now] = [before, after].map((one) => one.hosts.find(({ host }) => host.name === name) as HostPlan);
    expect(now?.neard).toEqual(old?.neard);
    const changed = (now?.consul.spec.files ?? []).filter(
      (file) => fileOf(old?.consul.spec, file.path) !== file.lines.join("\n"),
    );
    expect(changed.map((file) => file.path)).toEqual(["/etc/holdfast/consul/join.json"]);
    expect(now?.consul.spec.units?.[0]?.restartOn).not.toContain("/etc/holdfast/consul/join.json");
    expect(now?.consul.secrets).toEqual(old?.consul.secrets);
  });
});

describe("while the account's key is being changed", () => {
  const before = plan();
  const topology = { ...sampleTopology(), nextPublicKey: "ed25519:next" };
  const during = planDeployment(topology, sampleArtifactsByArch);

  test("the agents of neard hosts get the next key as well, sealed, and know its public half", () => {
    for (const { host, agent } of during.hosts) {
      const validates = host.roles.includes("neard");
      const names = agent.spec.credentials?.map(({ name }) => name) ?? [];
      expect(names.includes("next-validator-key")).toBe(validates);
      expect(agent.secrets.includes("next-validator-key")).toBe(validates);
      if (!validates) continue;
      expect(JSON.parse(fileOf(agent.spec, paths.agentConfig)).neard.nextPublicKey).toBe("ed25519:next");
      expect(fileOf(agent.spec, "/etc/systemd/system/holdfastd.service")).toContain(
        "LoadCredentialEncrypted=next-validator-key:",
      );
      expect(agent.spec.units?.[0]?.restartOn).toContain(credentialPath("next-validator-key"));
    }
  });

  test("nothing but the agent learns of it: no neard is restarted", () => {
    const others = ({ system, consul, neard }: HostPlan) => ({ system, consul, neard });
    expect(during.hosts.map(others)).toEqual(before.hosts.map(others));
    expect(before.hosts.flatMap(({ agent }) => agent.secrets)).not.toContain("next-validator-key");
  });
});

describe("the agent's unit", () => {
  const path = "/etc/systemd/system/holdfastd.service";
  const spec = (more: Parameters<typeof sampleTopology>[0] = {}, artifacts = sampleArtifactsByArch) =>
    planDeployment(sampleTopology(more), artifacts).hosts[0]?.agent.spec;
  const unit = fileOf(spec(), path);

  test("names the bundle and the configuration that belong together, each by its checksum", () => {
    const [, config = ""] = / run --config (\S+)$/m.exec(unit) ?? [];
    expect(config).toMatch(/^\/etc\/holdfast\/agent-[0-9a-f]{16}\.json$/);
    expect(JSON.parse(fileOf(spec(), config))).toEqual(JSON.parse(fileOf(spec(), paths.agentConfig)));
    expect(unit).toContain(` ${bundlePath("2".repeat(64))} run `);
    // What cleans up after it is its own, too.
    expect(unit).toContain(` ${bundlePath("2".repeat(64))} expire`);
    expect(spec()?.units?.[0]?.restartOn).toContain(config);
  });

  test("is another one for a new build, a new Node, another setting, another authority", () => {
    const { x64 } = sampleArtifactsByArch;
    const other = (name: "node" | "holdfastd") =>
      ({ x64: { ...x64, [name]: { name, sha256: "9".repeat(64) } } }) as never;
    const others = [
      spec({}, other("node")),
      spec({}, other("holdfastd")),
      spec({ lease: { renewMs: 900 } }),
      spec({ adopt: "hf-0123456789abcdef" }),
    ].map((one) => fileOf(one, path));
    expect(new Set([unit, ...others]).size).toBe(5);
  });
});

test("agents change arbiters first", () => expect(plan().agentWaves).toEqual([["host-c"], ["host-a", "host-b"]]));

test("a public network's neard writes its own genesis, in a folder of its own", () => {
  const { genesis: _, ...artifacts } = sampleArtifactsByArch.x64 ?? {};
  const { genesis: _file, ...neard } = sampleInput().neard;
  const topology = sampleTopology({ network: "testnet", neard });
  const spec = planDeployment(topology, { x64: artifacts as never }).hosts[0]?.neard?.spec;
  const [init] = spec?.commands ?? [];
  expect(init?.argv.at(-1)).toContain("init --chain-id testnet --download-genesis");
  expect(init?.argv.at(-1)).toContain('--home "$work"');
  expect(spec?.healthyWithinMs).toBeGreaterThan(3_600_000);
});
