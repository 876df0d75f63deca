import { describe, expect, test } from "vitest";
import { activeStatus, arbiterStatus, standbyStatus } from "../../cli/testing/cluster.ts";
import type { HostNow } from "../../contract/taking-away.ts";
import type { AgentStatus } from "../../contract/wire/agent-status.ts";
import { replaceFaults, resizeFaults, type TypeChange } from "./resize.ts";

const now = (status: AgentStatus): HostNow => ({ name: status.host, roles: status.roles, status });
const hosts = [now(activeStatus("host-a")), now(standbyStatus("host-b")), now(arbiterStatus("host-c"))];
const silent = (name: string) => hosts.map((host) => (host.name === name ? { ...host, status: null } : host));
const change = (host: string) => ({ host, from: "cx33", to: "cx43" });

test("nothing changes", () => expect(resizeFaults([], hosts)).toEqual([]));

test.each(["host-b", "host-c"])("%s may be powered off for a minute, though it is the last of its kind", (host) =>
  expect(resizeFaults([change(host)], hosts)).toEqual([]),
);

test("the active one gives the key away first", () =>
  expect(resizeFaults([change("host-a")], hosts)).toEqual([
    {
      code: "HF_REFUSED",
      message: "a new server type for host-a (cx33 → cx43) cuts its power, and it is active",
      next: expect.stringContaining("holdfast switchover"),
    },
  ]));

test("several at once: refused with the order in which they may, the active one last", () =>
  expect(resizeFaults(["host-a", "host-b", "host-c"].map(change), hosts)).toEqual([
    {
      code: "HF_CONFIG_INVALID",
      message: expect.stringContaining("host-a (cx33 → cx43), host-b (cx33 → cx43), host-c (cx33 → cx43) change"),
      next: expect.stringContaining("host-c, then host-b, then host-a"),
    },
  ]));

test("several at once in a preview, where no host is asked", () =>
  expect(resizeFaults(["host-a", "host-b"].map(change), [])[0]?.next).toContain(
    "of its own, the active one last; look",
  ));

test("not while another server is missing", () =>
  expect(resizeFaults([change("host-b")], silent("host-c"))).toMatchObject([
    { code: "HF_REFUSED", message: expect.stringContaining("host-c gives no answer") },
  ]));

test("a silent host that others see hold the lock", () =>
  expect(resizeFaults([change("host-a")], silent("host-a"))).toMatchObject([
    { code: "HF_REFUSED", message: expect.stringContaining("it lives and may validate") },
  ]));

test("a host that is no part of the cluster yet", () => expect(resizeFaults([change("host-z")], hosts)).toEqual([]));

type Given = [there: readonly string[], changes: readonly TypeChange[], hosts: readonly HostNow[]];
const asked = (...[there, changes, of]: Given) => replaceFaults({ there, lost: [] }, changes, of);

test("a replacement cuts power as well: of one host, not of the active one, and with no other type beside it", () => {
  const said = (...given: Given) => asked(...given).map(({ message }) => message);
  expect(said([], [], hosts)).toEqual([]);
  expect(said(["host-c"], [], hosts)).toEqual([]);
  expect(said(["host-c"], [change("host-c")], hosts)).toEqual([]);
  expect(said(["host-a"], [], hosts)).toEqual(["host-a is to be replaced, and it is active"]);
  expect(said(["host-a"], [], silent("host-a"))).toEqual([expect.stringContaining("it lives and may validate")]);
  expect(said(["host-c"], [change("host-b")], hosts)).toEqual([
    expect.stringContaining("all of them would lose power"),
  ]);
  expect(said(["host-b", "host-c"], [], silent("host-b"))[0]).toBe("host-b and host-c are to be replaced in one run");
});

describe("a replacement by hand is asked what holdfast replace asks", () => {
  test("the last standby: with the command that may do without it", () =>
    expect(asked(["host-b"], [], hosts)).toEqual([
      {
        code: "HF_REFUSED",
        message:
          "host-b is to be replaced, and not now: host-b is the only standby that is ready: without it no host could take over from host-a",
        next: expect.stringContaining("holdfast replace host-b --without-standby"),
      },
    ]));
  test("the quorum", () =>
    expect(asked(["host-b"], [], silent("host-c"))).toMatchObject([
      {
        code: "HF_REFUSED",
        message: expect.stringMatching(
          /Consul would have no majority without host-b.*; and host-b is the only standby/,
        ),
        // It answers: nobody shall delete it.
        next: "Mend that first; holdfast status shows when it is. Or unset HOLDFAST_REPLACE.",
      },
    ]));
  test("one that is out of service, or dead, has passed it", () =>
    expect(asked(["host-b"], [], silent("host-b"))).toEqual([]));
  test("one of which nobody knows whether it holds the lock; unless its power is off", () => {
    const nobody = hosts.map(
      ({ name }): HostNow => ({ name, roles: name === "host-b" ? ["neard"] : ["consul"], status: null }),
    );
    expect(asked(["host-b"], [], nobody)).toMatchObject([
      { message: expect.stringContaining("it may live and validate") },
    ]);
    const off = nobody.map((host) => (host.name === "host-b" ? { ...host, isOff: true } : host));
    expect(asked(["host-b"], [], off)).toEqual([]);
  });
});

describe("hosts that the state has lost", () => {
  const lost = (names: readonly string[], of: readonly HostNow[], there: readonly string[] = []) =>
    replaceFaults({ there, lost: names }, [], of).map(({ message }) => message);
  /** host-a alone is left, and Consul has no leader. */
  const alone = hosts.map((host) => {
    const { status } = host;
    if (host.name !== "host-a" || status === null) return { ...host, status: null };
    return { ...host, status: { ...status, role: "standby" as const, consul: { ...status.consul, leader: null } } };
  });
  const off = alone.map((host) => ({ ...host, isOff: host.status === null }));
  test("may be made anew together where Hetzner has nothing of them: nothing is taken away", () =>
    expect(lost(["host-b", "host-c"], off)).toEqual([]));
  test("not while one of them may live", () => {
    expect(lost(["host-b", "host-c"], alone)).toEqual([
      expect.stringMatching(
        /^host-b is to be replaced, and not now: host-b gives no answer, .* it may live and validate$/,
      ),
    ]);
    expect(lost(["host-a"], silent("host-a"))).toEqual([expect.stringContaining("it lives and may validate")]);
  });
  test("not together with one whose server is there", () =>
    expect(lost(["host-b"], off, ["host-c"])[0]).toBe("host-c and host-b are to be replaced in one run"));
});
