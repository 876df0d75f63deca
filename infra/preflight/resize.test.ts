import { expect, test } from "vitest";
import { activeStatus, arbiterStatus, standbyStatus } from "../../cli/testing/cluster.ts";
import type { AgentStatus } from "../../contract/agent-status.ts";
import type { HostNow } from "../../contract/taking-away.ts";
import { sampleTopology } from "../testing/sample.ts";
import type { HostReport } from "./host-faults.ts";
import { hostsNow, resizeRefusals } from "./resize.ts";

const now = (status: AgentStatus): HostNow => ({ name: status.host, roles: status.roles, status });
const hosts = [now(activeStatus("host-a")), now(standbyStatus("host-b")), now(arbiterStatus("host-c"))];
const silent = (name: string) => hosts.map((host) => (host.name === name ? { ...host, status: null } : host));

test("nothing changes", () => expect(resizeRefusals([], hosts)).toEqual([]));

test.each(["host-b", "host-c"])("%s may be powered off for a minute, though it is the last of its kind", (host) =>
  expect(resizeRefusals([host], hosts)).toEqual([]),
);

test("the active one gives the key away first", () =>
  expect(resizeRefusals(["host-a"], hosts)).toEqual([
    {
      code: "HF_REFUSED",
      message: "a new server type cuts the power of host-a, and it is active",
      next: expect.stringContaining("holdfast switchover"),
    },
  ]));

test("not while another server is missing", () =>
  expect(resizeRefusals(["host-b"], silent("host-c"))).toMatchObject([
    { code: "HF_REFUSED", message: expect.stringContaining("host-c gives no answer") },
  ]));

test("a silent host that others see hold the lock", () =>
  expect(resizeRefusals(["host-a"], silent("host-a"))).toMatchObject([
    { code: "HF_REFUSED", message: expect.stringContaining("it lives and may validate") },
  ]));

test("a cluster that is not there yet, and a host that is no part of it", () => {
  expect(
    resizeRefusals(
      ["host-a"],
      hosts.map((host) => ({ ...host, status: null })),
    ),
  ).toEqual([]);
  expect(resizeRefusals(["host-z"], hosts)).toEqual([]);
});

test("what an agent says, and what is no answer", () => {
  const [host] = sampleTopology().hosts;
  const report = (agent: string) => ({ host, facts: { agent } }) as unknown as HostReport;
  const said = hostsNow([report(JSON.stringify(activeStatus("host-a"))), report(""), report("{}")]);
  expect(said.map(({ status }) => status?.role)).toEqual(["active", undefined, undefined]);
  expect(said[0]).toMatchObject({ name: "host-a", roles: ["consul", "neard"] });
});
