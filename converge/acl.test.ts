import { expect, test } from "vitest";
import { type AclFacts, type AclSpec, aclSubject, describe as marked, planAcl } from "./acl.ts";
import { planRetirement } from "./retire.ts";

const spec: AclSpec = {
  managementSecret: "management",
  policies: [{ name: "holdfast-host-a", rules: ["one", "two"] }],
  tokens: [{ name: "holdfast-host-a", accessorSecret: "accessor", secret: "token", policies: ["holdfast-host-a"] }],
  gone: [],
  autopilot: { CleanupDeadServers: false, MinQuorum: 3 },
};
const secrets = { management: "m", accessor: "accessor-a", token: "secret-a" };
const converged: AclFacts = {
  members: ["host-a"],
  failed: [],
  policies: [
    { id: "p1", name: "holdfast-host-a", description: marked("holdfast-host-a"), rules: "one\ntwo" },
    { id: "p0", name: "global-management", description: "builtin", rules: "all" },
  ],
  tokens: [
    {
      accessor: "accessor-a",
      secret: "secret-a",
      description: marked("holdfast-host-a"),
      policies: ["holdfast-host-a"],
    },
    { accessor: "anonymous", secret: "anonymous", description: "Anonymous Token", policies: [] },
  ],
  autopilot: { CleanupDeadServers: false, MinQuorum: 3, MaxTrailingLogs: 250 },
};
const bare: AclFacts = {
  members: ["host-a"],
  failed: [],
  policies: [],
  tokens: [],
  autopilot: { CleanupDeadServers: true, MaxTrailingLogs: 250 },
};

const plan = (facts: AclFacts) =>
  planAcl(spec, secrets, facts).map((step) => `${step.kind} ${aclSubject(step)}: ${step.why}`);

test("nothing to do; what an operator made by hand is left alone", () => {
  expect(plan(converged)).toEqual([]);
});

test("from nothing: policies before the tokens that name them", () => {
  expect(plan(bare)).toEqual([
    "autopilot consul autopilot: CleanupDeadServers, MinQuorum",
    "policy consul policy holdfast-host-a: absent",
    "token consul token holdfast-host-a: absent",
  ]);
});

test("autopilot's other settings are kept, for the API replaces them all", () => {
  expect(planAcl(spec, secrets, bare)[0]).toMatchObject({
    settings: { CleanupDeadServers: false, MinQuorum: 3, MaxTrailingLogs: 250 },
  });
});

test("what differs is changed, and says what", () => {
  const [policy, ...policies] = converged.policies;
  const [token, ...tokens] = converged.tokens;
  if (policy === undefined || token === undefined) throw new Error("facts");
  expect(plan({ ...converged, policies: [{ ...policy, rules: "one" }, ...policies] })).toEqual([
    "policy consul policy holdfast-host-a: rules",
  ]);
  expect(plan({ ...converged, tokens: [{ ...token, policies: [], description: "" }, ...tokens] })).toEqual([
    "token consul token holdfast-host-a: policies, description",
  ]);
});

test("another secret is another token, made beside the old one, which hosts still use; that one goes once all have the new one", () => {
  const [token, ...tokens] = converged.tokens;
  if (token === undefined) throw new Error("facts");
  const old = { ...token, secret: "other" };
  const steps = planAcl(spec, secrets, { ...converged, tokens: [old, ...tokens] });
  expect(steps).toEqual([
    expect.objectContaining({ kind: "token", exists: false, accessor: null, secret: "secret-a", why: "secret" }),
  ]);
  const made = { ...token, accessor: "consuls-own" };
  const both = { ...converged, tokens: [old, made, ...tokens] };
  expect(planAcl(spec, secrets, both)).toEqual([]);
  const known = { management: "m", "host-a/consul-token": "secret-a", "host-b/consul-token": "secret-b" };
  expect(planRetirement(known, both)).toEqual([
    { kind: "delete-token", accessor: "accessor-a", name: "holdfast-host-a", why: "another secret" },
  ]);
  expect(planAcl(spec, secrets, { ...converged, tokens: [made, ...tokens] })).toEqual([]);
});

test("of the old tokens none goes whose host's new one Consul does not know, nor one of a host that is not told of, nor people's", () => {
  const named = (accessor: string, secret: string, host: string) => ({
    accessor,
    secret,
    description: marked(`holdfast-${host}`),
    policies: [],
  });
  const byHand = { ...named("p", "people's", "host-a"), description: "holdfast-host-a, for people" };
  const tokens = [named("1", "old-b", "host-b"), named("2", "old-c", "host-c"), named("3", "old-a", "host-a"), byHand];
  const facts = { ...converged, tokens: [...converged.tokens, ...tokens] };
  const known = { management: "m", "host-a/consul-token": "secret-a", "host-b/consul-token": "secret-b" };
  expect(planRetirement(known, facts).map((step) => ("accessor" in step ? step.accessor : step))).toEqual(["3"]);
});

test("a stack that adopted its hosts has their tokens' secrets, not their public ids: nothing is made, changed or deleted", () => {
  const adopted = { ...secrets, accessor: "another" };
  expect(planAcl(spec, adopted, { ...converged, members: [] })).toEqual([]);
  const [token, ...tokens] = converged.tokens;
  if (token === undefined) throw new Error("facts");
  expect(planAcl(spec, adopted, { ...converged, tokens: [{ ...token, policies: [] }, ...tokens] })).toEqual([
    expect.objectContaining({ kind: "token", accessor: "accessor-a", exists: true, why: "policies" }),
  ]);
});

test("a host that left: its token goes, then its policy; not while it still lives", () => {
  const facts = {
    ...converged,
    policies: [
      ...converged.policies,
      { id: "p9", name: "holdfast-host-d", description: marked("holdfast-host-d"), rules: "" },
    ],
    tokens: [
      ...converged.tokens,
      { accessor: "accessor-d", secret: "s", description: marked("holdfast-host-d"), policies: ["holdfast-host-d"] },
    ],
  };
  expect(plan(facts)).toEqual([
    "delete-token consul token holdfast-host-d: not in the spec any more",
    "delete-policy consul policy holdfast-host-d: not in the spec any more",
  ]);
  const alive = { ...facts, members: ["host-a", "host-d"] };
  expect(plan(alive)).toEqual([]);
  expect(planAcl({ ...spec, gone: ["host-d"] }, secrets, alive).map(({ kind }) => kind)).toEqual([
    "delete-token",
    "delete-policy",
  ]);
  // It died before it could say goodbye: that comes first. One that is wanted, or that nobody made, is left alone.
  expect(plan({ ...facts, failed: ["host-d", "host-a", "somebody"] })[0]).toBe(
    "force-leave consul member host-d: failed, and not in the spec any more",
  );
  expect(plan({ ...converged, failed: ["host-a", "somebody"] })).toEqual([]);
});

test("of the tokens that Consul itself made for managing it, the stack's stays, and what is left of a lost stack goes", () => {
  const made = (accessor: string, secret: string, description: string) => ({
    accessor,
    secret,
    description,
    policies: ["global-management"],
  });
  const facts = (...tokens: AclFacts["tokens"]) => ({ ...converged, tokens: [...converged.tokens, ...tokens] });
  const ours = made("o", "m", "Initial Management Token");
  expect(plan(facts(ours, made("p", "people's", "for the people at the console")))).toEqual([]);
  expect(plan(facts(ours, made("q", "lost", "Bootstrap Token (Global Management)")))).toEqual([
    "delete-token consul token management: an earlier one",
  ]);
});
