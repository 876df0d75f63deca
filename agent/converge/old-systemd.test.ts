/** Every spec of the real plan, fitted to a host whose systemd is too old to unseal. */
import { describe, expect, test } from "vitest";
import { hostSpecSchema } from "../../contract/host-spec.ts";
import { credentials, paths, units } from "../../contract/paths.ts";
import { planDeployment } from "../../infra/plan/deployment.ts";
import { sampleArtifactsByArch, sampleTopology } from "../../infra/testing/sample.ts";
import { nothingDue } from "./facts.ts";
import { emptyInventory, inventoryOf } from "./inventory.ts";
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
  test("is all that differs in its spec", () => {
    const { files, ...rest } = fitToOldSystemd(consul);
    const { files: before, ...restBefore } = consul;
    expect(rest).toEqual(restBefore);
    expect(files.filter(({ path }) => !path.endsWith(units.consul))).toEqual(
      before.filter(({ path }) => !path.endsWith(units.consul)),
    );
  });
});

test("a spec without credentials stays as it is", () => expect(fitToOldSystemd(neard)).toEqual(neard));

test("nothing is asked of systemd that came after 249", () => {
  for (const line of plans.flatMap((spec) => fitToOldSystemd(spec).files.flatMap((file) => file.lines)))
    expect(line).not.toMatch(
      /^(LoadCredentialEncrypted|SetCredentialEncrypted|ImportCredential|OpenFile|RestartSteps)=/,
    );
});

describe("the concern system", () => {
  const fitted = fitToOldSystemd(system);
  test("also has the memory, and then what fills it", () => {
    const added = fitted.units.slice(system.units.length).map(({ name }) => name);
    expect(added).toEqual([units.unsealedMount, units.unseal]);
    for (const name of added) expect(unit(fitted, name).length, name).toBeGreaterThan(0);
    expect(units.unsealedMount).toBe(`${paths.unsealed.slice(1).replace("/", "-")}.mount`);
    expect(unit(fitted, units.unsealedMount)).toContain("Type=ramfs");
  });
  test("loses both when the host has got a newer systemd", () => {
    const facts = {
      users: new Map(),
      paths: new Map(),
      credentials: new Map(),
      units: new Map(),
      stored: fitted,
      pending: { inventory: inventoryOf(fitted), due: nothingDue, disturbs: [] },
      elsewhere: emptyInventory,
    };
    expect(obsoleteInventory(system, facts)).toMatchObject({
      units: [units.unsealedMount, units.unseal],
      files: [units.unsealedMount, units.unseal].map((name) => `/etc/systemd/system/${name}`),
    });
  });
});
