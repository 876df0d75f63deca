/** What is damaged on a host the apply that mends it has at hand: otherwise nobody could ever mend it while it is asked first. */
import { expect, test } from "vitest";
import { credentials, paths } from "../contract/paths.ts";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { planDeployment } from "../infra/plan/deployment.ts";
import { sampleArtifactsByArch, sampleTopology } from "../infra/testing/sample.ts";
import { givenCredential, givenFile } from "./consul-access.ts";

const [host] = planDeployment(sampleTopology(), sampleArtifactsByArch).hosts;
const given = (concern: "consul" | "agent") => {
  const spec = hostSpecSchema.parse(host?.[concern].spec);
  const names = [...spec.secretFiles, ...spec.credentials].map(({ secret }) => secret);
  return { spec, secrets: Object.fromEntries(names.map((name) => [name, `the secret ${name}`])) };
};

test("the concern consul is given all that it takes to ask Consul", () => {
  const all = given("consul");
  for (const name of [credentials.tlsKey, credentials.consulToken]) expect(givenCredential(all, name)).toContain(name);
  for (const path of [paths.caCertificate, paths.hostCertificate]) expect(givenFile(all, path)).toContain("the secret");
});

test("what was not given stands in for nothing", () => {
  expect(givenFile(given("agent"), paths.caCertificate)).toBeUndefined();
  expect(givenCredential({ ...given("consul"), secrets: {} }, credentials.tlsKey)).toBeUndefined();
  expect(givenCredential(null, credentials.tlsKey)).toBeUndefined();
});
