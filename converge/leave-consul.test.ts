import { expect, test } from "vitest";
import { staysBecause } from "./leave-consul.ts";

test("a host whose agent or neard is still there keeps its token and stays in Consul, whoever took its goodbye off it", () => {
  expect(staysBecause(["system", "consul", "neard", "agent"])).toContain("neard and agent have not been removed");
  expect(staysBecause(["system", "consul", "agent"])).toContain("agent have not been removed");
});

test("one whose agent went first leaves, and so does one that never had one", () => {
  expect(staysBecause(["system", "consul"])).toBeNull();
  expect(staysBecause(["system", "consul", "acl"])).toBeNull();
  expect(staysBecause([])).toBeNull();
});
