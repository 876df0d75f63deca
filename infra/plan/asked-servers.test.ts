import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HostRole } from "../../contract/topology.ts";
import { type Host, hasRole } from "../config/topology.ts";
import { sampleTopology } from "../testing/sample.ts";
import { askedServers } from "./asked-servers.ts";

const [sample] = sampleTopology().hosts as [Host];
const both: HostRole[] = ["consul", "neard"];
const cluster = (...roles: HostRole[][]): Host[] =>
  roles.map((of, i) => ({ ...sample, name: `host-${"abcdefgh"[i]}`, roles: of }));

function named(hosts: Host[], at = 0) {
  const { asked, unasked } = askedServers({ hosts }, hosts[at] as Host);
  const letters = (of: readonly Host[]) => of.map(({ name }) => name.replace("host-", "")).join("");
  return [letters(asked), letters(unasked)];
}

describe("who is asked besides the own Consul (docs/decisions/0023)", () => {
  test("two neard hosts and an arbiter: the other neard host", () =>
    expect(named(cluster(both, both, ["consul"]))).toEqual(["b", "c"]));
  test("three neard hosts and two arbiters: the neard hosts", () =>
    expect(named(cluster(both, ["consul"], both, ["consul"], both))).toEqual(["ce", "bd"]));
  test("one server on a neard host, two on arbiters: the arbiters", () =>
    expect(named(cluster(both, ["consul"], ["consul"], ["neard"]))).toEqual(["bc", ""]));
  test("two on neard hosts, three on arbiters: neard hosts first", () =>
    expect(named(cluster(both, ["consul"], ["consul"], ["consul"], both))).toEqual(["ebcd", ""]));
  test("as many on arbiters as on neard hosts: half of them is no majority", () =>
    expect(named(cluster(both, both, ["consul"], ["consul"]))).toEqual(["b", "cd"]));
  test("a neard host without a server, and arbiters alone", () =>
    expect(named(cluster(["neard"], ["neard"], ["consul"], ["consul"], ["consul"]))).toEqual(["cde", ""]));
  test("an arbiter's own agent asks neard hosts", () =>
    expect(named(cluster(both, both, ["consul"]), 2)).toEqual(["ab", ""]));
});

test("whichever servers are lost, as long as a quorum is left a neard host's agent has a server to ask that lives", () => {
  const roles = fc.constantFrom<HostRole[]>(both, ["consul"], ["neard"]);
  fc.assert(
    fc.property(fc.array(roles, { minLength: 1, maxLength: 7 }), fc.nat(), fc.nat(), (of, which, lost) => {
      const hosts = cluster(...of);
      const servers = hosts.filter(hasRole("consul"));
      const neards = hosts.filter(hasRole("neard"));
      const host = neards[which % neards.length];
      fc.pre(host !== undefined && servers.length > 0);
      const isDown = ({ name }: Host) =>
        name === host.name || ((lost >> hosts.findIndex((one) => one.name === name)) & 1) === 1;
      const living = servers.filter((server) => !isDown(server));
      fc.pre(living.length > servers.length / 2);
      expect(askedServers({ hosts }, host).asked.some((server) => living.includes(server))).toBe(true);
    }),
  );
});
