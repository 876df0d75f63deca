import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { paths } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import { topologyFrom } from "../config/topology.ts";
import { makeClusterSecrets, makeHostSecrets } from "../secrets/make-secrets.ts";
import { anyHosts, anySettings } from "../testing/arbitrary.ts";
import {
  sampleArtifactsByArch,
  sampleHost,
  sampleInput,
  sampleKey,
  sampleSettings,
  sampleTopology,
} from "../testing/sample.ts";
import { type HostPlan, type Plan, planDeployment } from "./deployment.ts";

const planOf = (hosts: Parameters<typeof sampleTopology>[0]): Plan =>
  planDeployment(sampleTopology(hosts), sampleArtifactsByArch);

const byName = (plan: Plan): Map<string, HostPlan> => new Map(plan.hosts.map((host) => [host.host.name, host]));

function fileOf(spec: HostSpecInput | undefined, path: string): string {
  const file = spec?.files?.find((one) => one.path === path);
  if (file === undefined) throw new Error(`no ${path}`);
  return file.lines.join("\n");
}

/** A newcomer of any shape, at a place of its own in the configuration. */
const newcomer = fc.record({
  roles: fc.constantFrom<("consul" | "neard")[]>(["consul"], ["neard"], ["consul", "neard"]),
  place: fc.nat(9),
});

describe("for every cluster", () => {
  test("one more host changes no other host's secrets, certificates or neard", () => {
    fc.assert(
      fc.property(anyHosts, newcomer, (hosts, { roles, place }) => {
        const before = byName(planOf({ hosts }));
        const after = byName(planOf({ hosts: hosts.toSpliced(place, 0, sampleHost("newcomer", 251, roles)) }));
        for (const [name, old] of before) {
          const now = after.get(name) as HostPlan;
          for (const concern of ["system", "consul", "agent"] as const)
            expect(now[concern].secrets).toEqual(old[concern].secrets);
          expect(now.neard).toEqual(old.neard);
          for (const secret of [...now.consul.secrets, ...now.agent.secrets, ...(now.neard?.secrets ?? [])])
            expect(secret).not.toContain("newcomer");
        }
      }),
    );
  });

  test("the order of the hosts in the configuration means nothing to any of them", () => {
    fc.assert(
      fc.property(
        anyHosts.chain((hosts) =>
          fc.tuple(
            fc.constant(hosts),
            fc.shuffledSubarray(hosts, { minLength: hosts.length, maxLength: hosts.length }),
          ),
        ),
        ([hosts, shuffled]) => {
          const [one, other] = [planOf({ hosts }), planOf({ hosts: shuffled })];
          for (const [name, host] of byName(one)) expect(byName(other).get(name)).toEqual(host);
          expect(other.acl).toEqual(one.acl);
          expect(other.agentWaves).toEqual(one.agentWaves);
        },
      ),
    );
  });

  test("every neard has the same configuration, and every arbiter none", () => {
    fc.assert(
      fc.property(anyHosts, (hosts) => {
        const plan = planOf({ hosts });
        const configs = plan.hosts.flatMap(({ neard }) =>
          neard === undefined ? [] : [fileOf(neard.spec, "/var/lib/neard/config.json")],
        );
        expect(new Set(configs).size).toBe(1);
        expect(configs).toHaveLength(hosts.filter((host) => host.roles?.includes("neard")).length);
      }),
    );
  });

  test("Consul's servers expect each other and nobody else", () => {
    fc.assert(
      fc.property(anyHosts, (hosts) => {
        const servers = hosts.filter((host) => host.roles?.includes("consul"));
        for (const { host, consul } of planOf({ hosts }).hosts) {
          const join = JSON.parse(fileOf(consul.spec, "/etc/holdfast/consul/join.json"));
          expect(join.bootstrap_expect).toBe(host.roles?.includes("consul") ? servers.length : undefined);
        }
      }),
    );
  });

  test("every agent knows the same peers and the same timing", () => {
    fc.assert(
      fc.property(anySettings, (input) => {
        const topology = topologyFrom(sampleSettings(input), sampleKey.publicKey);
        const { hosts } = planDeployment(topology, sampleArtifactsByArch);
        const configs = hosts.map(({ agent }) => JSON.parse(fileOf(agent.spec, paths.agentConfig)));
        for (const { peers, lease } of configs) {
          expect(peers).toEqual(configs[0].peers);
          expect(lease).toEqual(topology.lease);
        }
      }),
    );
  });

  test("no secret stands in it in clear", () => {
    const cluster = makeClusterSecrets();
    const secrets = [
      sampleKey.secretKey,
      sampleInput().ssh.privateKey ?? "",
      cluster.gossipKey,
      makeHostSecrets().nodeKey,
    ];
    fc.assert(
      fc.property(anySettings, (input) => {
        const topology = topologyFrom(sampleSettings(input), sampleKey.publicKey);
        const text = JSON.stringify(planDeployment(topology, sampleArtifactsByArch));
        expect(text).toContain(sampleKey.publicKey);
        for (const secret of secrets) {
          expect(text).not.toContain(secret);
          expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
        }
      }),
    );
  });
});
