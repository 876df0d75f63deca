/** Every spec of the real plan, fitted to a host whose systemd is too old to unseal. */
import { describe, expect, test } from "vitest";
import { credentials, paths, units } from "../contract/paths.ts";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { nothingBefore } from "../contract/wire/identity.ts";
import { emptyInventory } from "../contract/wire/pending.ts";
import { planDeployment } from "../infra/plan/deployment.ts";
import { sampleArtifactsByArch, sampleTopology } from "../infra/testing/sample.ts";
import { nothingInForce } from "./in-force.ts";
import { inventoryOf, union } from "./inventory.ts";
import { fitToOldSystemd } from "./old-systemd.ts";
import { obsoleteInventory } from "./plan-steps.ts";

const [host] = planDeployment(sampleTopology(), sampleArtifactsByArch).hosts;
if (host?.neard === undefined) throw new Error("the sample's first host has no neard");
const plans = [host.system, host.consul, host.neard, host.agent].map(({ spec }) => hostSpecSchema.parse(spec));
const [system, consul, neard, agent] = plans as [
  (typeof plans)[0],
  (typeof plans)[0],
  (typeof plans)[0],
  (typeof plans)[0],
];

const unit = (spec: typeof system, name: string) =>
  spec.files.find((file) => file.path.endsWith(`/${name}`))?.lines ?? [];

describe("a unit with credentials", () => {
  test.each([
    [consul, units.consul, [credentials.tlsKey, credentials.consulSecrets]],
    [agent, units.agent, [credentials.consulToken, credentials.tlsKey, credentials.validatorKey]],
  ])("$concern loads each from memory, after the unsealing", (spec, name, names) => {
    const lines = unit(fitToOldSystemd(spec), name);
    expect(lines.filter((line) => line.includes("LoadCredential"))).toEqual(
      names.map((credential) => `LoadCredential=${credential}:${paths.unsealed}/${credential}`),
    );
    const head = lines.slice(0, lines.indexOf("[Service]"));
    expect(head).toContain(`After=${units.unseal}`);
    expect(head).toContain(`Wants=${units.unseal}`);
    // Only the credentials' lines are other ones.
    const rest = (all: string[]) =>
      all.filter((line) => !line.includes("LoadCredential") && !line.endsWith(`=${units.unseal}`));
    expect(rest(lines)).toEqual(rest(unit(spec, name)));
  });
  test("is all that differs in its spec, besides the units that unseal", () => {
    const own = [units.unsealedMount, units.unseal];
    const { files, units: unitsOf, ...rest } = fitToOldSystemd(consul);
    const { files: filesBefore, units: unitsBefore, ...restBefore } = consul;
    expect(rest).toEqual(restBefore);
    expect(unitsOf.map(({ name }) => name)).toEqual([...own, units.consul]);
    expect(unitsOf.slice(own.length)).toEqual(unitsBefore);
    const others = (all: typeof files) =>
      all.filter(({ path }) => ![...own, units.consul].some((name) => path.endsWith(`/${name}`)));
    expect(others(files)).toEqual(others(filesBefore));
  });
});

test("a spec without credentials stays as it is", () => expect(fitToOldSystemd(neard)).toEqual(neard));

test("nothing is asked of systemd that came after 249", () => {
  for (const line of plans.flatMap((spec) => fitToOldSystemd(spec).files.flatMap((file) => file.lines)))
    expect(line).not.toMatch(
      /^(LoadCredentialEncrypted|SetCredentialEncrypted|ImportCredential|OpenFile|RestartSteps)=/,
    );
});

test("the memory, and then what fills it, come with the concern system", () => {
  const fitted = fitToOldSystemd(system);
  expect(fitted.units.map(({ name }) => name)).toEqual([units.unsealedMount, units.unseal, units.firewall]);
  expect(units.unsealedMount).toBe(`${paths.unsealed.slice(1).replace("/", "-")}.mount`);
  expect(unit(fitted, units.unsealedMount)).toContain("Type=ramfs");
  expect(unit(fitted, units.unseal)).toContain(`ExecStart=${paths.holdfastd} unseal`);
});

describe("on a host that has got a newer systemd", () => {
  /** What the concern loses, where `others` are still as the old systemd needed them. */
  const lost = (spec: typeof system, ...others: (typeof system)[]) =>
    obsoleteInventory(spec, {
      users: new Map(),
      paths: new Map(),
      credentials: new Map(),
      units: new Map(),
      inForce: nothingInForce,
      stored: fitToOldSystemd(spec),
      pending: null,
      elsewhere: union(...others.map((other) => inventoryOf(fitToOldSystemd(other)))),
      before: nothingBefore,
    });
  const own = [units.unsealedMount, units.unseal];
  test("what unseals stays while another concern needs it", () => {
    expect(lost(system, consul, neard, agent)).toEqual(emptyInventory);
    expect(lost(consul, agent)).toEqual(emptyInventory);
  });
  test("and goes with the last", () =>
    expect(lost(agent, neard)).toEqual({
      ...emptyInventory,
      units: own,
      files: own.map((name) => `/etc/systemd/system/${name}`),
    }));
});
