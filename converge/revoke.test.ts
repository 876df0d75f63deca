import { expect, test } from "vitest";
import { type AclFacts, aclSubject, describe as marked } from "./acl.ts";
import { planRevocation, tracesOf } from "./revoke.ts";

const of = (host: string) => ({ name: `holdfast-${host}`, description: marked(`holdfast-${host}`) });
const facts: AclFacts = {
  members: ["host-a"],
  failed: [],
  policies: ["host-a", "host-d"].map((host) => ({ id: `p-${host}`, rules: "", ...of(host) })),
  tokens: ["host-a", "host-d"].map((host) => ({ accessor: `t-${host}`, secret: "s", policies: [], ...of(host) })),
  autopilot: {},
};
const plan = (over: Partial<AclFacts> = {}) =>
  planRevocation("host-d", { ...facts, ...over })?.map((step) => `${step.kind} ${aclSubject(step)}`) ?? null;

test("the token of a host that left goes with its policy, and nobody else's", () => {
  expect(plan()).toEqual(["delete-token consul token holdfast-host-d", "delete-policy consul policy holdfast-host-d"]);
});

test("who was lost without a goodbye is said goodbye for", () => {
  expect(plan({ failed: ["host-d"] })?.[0]).toBe("force-leave consul member host-d");
});

test("a host that still lives in Consul keeps its token", () => {
  expect(plan({ members: ["host-a", "host-d"] })).toBeNull();
});

test("done twice there is nothing left to do", () => {
  const own = facts.policies.slice(0, 1);
  expect(plan({ policies: own, tokens: facts.tokens.slice(0, 1) })).toEqual([]);
});

test("a host that takes back its own does so while it lives in Consul, and touches nobody else's", () => {
  const living = { ...facts, members: ["host-a", "host-d"] };
  expect(tracesOf("host-d", living, "host-d leaves").map((step) => `${step.kind} ${aclSubject(step)}`)).toEqual([
    "delete-token consul token holdfast-host-d",
    "delete-policy consul policy holdfast-host-d",
  ]);
});
