import { createServer } from "node:net";
import { expect, test } from "vitest";
import type { TakeoverAddress } from "../../contract/wire/agent-config.ts";
import { type AddressWorld, answerFor, answerMs, systemAddresses } from "./address.ts";
import { answeredBy, askable, linkOf } from "./neighbours.ts";

const ways: TakeoverAddress[] = [
  { host: "host-a", address: "192.0.2.11", neardPort: 24567, hostAddress: "192.0.2.11", mover: "arp" },
  {
    host: "host-b",
    address: "203.0.113.12",
    neardPort: 24567,
    hostAddress: "192.0.2.12",
    mover: "command",
    command: "/usr/local/bin/move",
  },
];

/** `alive`: the address at which something answers. */
function world(alive: string | null): AddressWorld & { readonly deeds: string[] } {
  const deeds: string[] = [];
  return {
    deeds,
    mover: ({ mover }) => ({
      take: async (address, forMs) => {
        deeds.push(`${mover} ${address} ${forMs}`);
      },
    }),
    endHalfOpen: async (address, port, connections) => {
      deeds.push(`end ${connections.length} of ${address}:${port}`);
    },
    answers: async (address, at) => {
      deeds.push(`knock ${address}:${at}`);
      return address === alive;
    },
  };
}

const noted = async () => [{ port: 40_000, address: "203.0.113.5", peerPort: 24567 }];

test("a dark host is answered for, after a knock, in its own way and for a bounded time", async () => {
  const dark = world(null);
  expect(await answerFor("host-b", ways, dark, noted)).toContain("answers for host-b at 203.0.113.12 for 12 s");
  expect(dark.deeds).toEqual([
    "knock 192.0.2.12:2233,8501,8301",
    "knock 203.0.113.12:24567",
    `command 203.0.113.12 ${answerMs}`,
    "end 1 of 203.0.113.12:24567",
  ]);
});

test("without a word of its connections its address is answered for all the same", async () => {
  const dark = world(null);
  const unknown = async () => {
    throw new Error("Consul does not answer");
  };
  expect(await answerFor("host-a", ways, dark, unknown)).toContain("ended 0 of its connections");
  expect(dark.deeds.slice(2)).toEqual([`arp 192.0.2.11 ${answerMs}`, "end 0 of 192.0.2.11:24567"]);
});

test.for(["192.0.2.12", "203.0.113.12"])("a host that answers at %s keeps its address", async (where) => {
  const alive = world(where);
  expect(await answerFor("host-b", ways, alive, noted)).toContain("host-b answers");
  expect(alive.deeds.filter((deed) => !deed.startsWith("knock"))).toEqual([]);
});

test("nothing is done for a host without the setting", async () => {
  const any = world(null);
  expect(await answerFor("host-c", ways, any, noted)).toBeNull();
  expect(any.deeds).toEqual([]);
});

test("accepted and refused connections are answers; silence is none", async () => {
  const { answers } = systemAddresses(() => {});
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  expect(await answers("127.0.0.1", [port], 500)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
  expect(await answers("127.0.0.1", [port], 500)).toBe(true);
  expect(await answers("127.0.0.1", [], 500)).toBe(false);
});

test("only an address on the link can be announced there", () => {
  expect(linkOf('[{"dst":"10.77.1.11","dev":"host0","prefsrc":"10.77.1.12","flags":[]}]', "10.77.1.11")).toBe("host0");
  expect(() => linkOf('[{"dst":"192.0.2.9","gateway":"10.77.1.1","dev":"host0"}]', "192.0.2.9")).toThrow(
    /behind the router 10.77.1.1/,
  );
  expect(() => linkOf('[{"type":"local","dst":"10.77.1.12","dev":"lo"}]', "10.77.1.12")).toThrow(/own address/);
  expect(() => linkOf("[{}]", "10.77.1.12")).toThrow(/no route/);
});

test("a host that answers on its link is not dark; one whose entry has run out or is being asked for is", () => {
  const listing = (entry: object) => JSON.stringify([{ dst: "10.77.1.11", dev: "host0", ...entry }]);
  expect(answeredBy(listing({ lladdr: "02:00:00:00:00:11", state: ["REACHABLE"] }), "10.77.1.11")).toBe(
    "02:00:00:00:00:11",
  );
  expect(answeredBy(listing({ state: ["INCOMPLETE"] }), "10.77.1.11")).toBeNull();
  expect(answeredBy(listing({ lladdr: "02:00:00:00:00:11", state: ["FAILED"] }), "10.77.1.11")).toBeNull();
  expect(answeredBy("", "10.77.1.11")).toBeNull();
});

test("neighbours are asked by IPv4, never the dark host itself", () => {
  const listing = JSON.stringify([
    { dst: "10.77.1.1" },
    { dst: "10.77.1.11" },
    { dst: "fe80::1" },
    { dst: "2001:db8::1", state: ["REACHABLE"] },
    { dst: "10.77.1.2", state: ["PERMANENT"] },
  ]);
  expect(askable(listing, "10.77.1.11")).toEqual(["10.77.1.1"]);
  expect(askable("", "10.77.1.11")).toEqual([]);
});
