/**
 * The same half-done things with holdfast's own component and its look at the project beforehand: what the plugin would do wrong is
 * refused in words, or done right. In memory nobody can log in, so what holdfast asks after the resources are made (whether each host
 * is ready, and whether what was doubtful is mended) is not here: it has tests of its own, and `npm run localnet -- --cloud`.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { sampleCloudInput, sampleHcloud } from "../../infra/testing/sample.ts";
import { type ListeningCloud, listeningCloud, otherProjectsToken, token, until } from "../../lab/cloud/testing.ts";
import { type Ran, Stack } from "./stack.ts";

let cloud: ListeningCloud;
let stack: Stack;

beforeEach(async () => {
  cloud = await listeningCloud();
  stack = await Stack.make("holdfast");
  await stack.configure(settings());
});

afterEach(async () => {
  stack.remove();
  await cloud.close();
});

const settings = (hcloud: Partial<Parameters<typeof sampleHcloud>[0]> = {}, hosts = sampleCloudInput().hosts) =>
  sampleCloudInput({ hcloud: sampleHcloud({ token, endpoint: cloud.endpoint, ...hcloud }), hosts });

const server = (host: string) => cloud.ask("GET", `/servers?name=holdfast-localnet-${host}`).json.servers[0];
const writes = () => cloud.cloud.state.counts.writes;

/** A run that changes nothing at the API; what it said. */
async function untouched(run: Promise<Ran>): Promise<Ran> {
  const before = writes();
  const ran = await run;
  expect(writes(), ran.said).toBe(before);
  return ran;
}

const done = (ran: Ran) => expect(ran.exitCode, ran.said).toBe(0);

test("three names and locations become three servers; a second up writes nothing", async () => {
  done(await untouched(stack.preview()));
  done(await stack.up());
  for (const host of ["host-a", "host-b", "host-c"])
    expect(server(host)).toMatchObject({
      status: "running",
      private_net: [{ ip: expect.stringMatching(/^10\.233\./) }],
    });
  const placed = cloud.ask("GET", "/primary_ips").json.primary_ips;
  expect(placed.map(({ protection }: { protection: { delete: boolean } }) => protection.delete)).toEqual([
    true,
    true,
    true,
  ]);
  done(await untouched(stack.up()));
  done(await untouched(stack.up(undefined, "--refresh")));
});

test("no room is said before anything is made, with what there is room for", async () => {
  const type = cloud.cloud.state.serverTypes.find(({ name }) => name === "cx33");
  for (const location of type?.locations ?? []) location.available = location.name === "nbg1";
  const refused = await untouched(stack.up());
  expect(refused.exitCode).not.toBe(0);
  expect(refused.said).toContain("host-a: Hetzner has no cx33 to give in fsn1 now");
  expect(refused.said).toContain("nbg1");
  expect(refused.said).toContain("cx43");
});

test("a machine that did not start is no success: every run says so and touches nothing, until somebody has started it", async () => {
  cloud.cloud.inject({
    on: "action",
    command: "start_server",
    server: "holdfast-localnet-host-a",
    outcome: "fail",
    code: "server_error",
    times: 1,
  });
  expect((await stack.up()).exitCode).not.toBe(0);
  for (const more of [[], ["--refresh"]]) {
    const again = await untouched(stack.up(undefined, ...more));
    expect(again.exitCode).not.toBe(0);
    expect(again.said).toContain("has no power");
  }
  cloud.ask("POST", `/servers/${server("host-a").id}/actions/poweron`);
  await until(() => server("host-a").status === "running");
  done(await stack.up());
  expect(server("host-a").private_net).toHaveLength(1);
});

test("an attachment that failed is made by the next up", async () => {
  cloud.cloud.inject({ on: "action", command: "attach_to_network", outcome: "fail", times: 1 });
  expect((await stack.up()).exitCode).not.toBe(0);
  done(await stack.up());
  for (const host of ["host-a", "host-b", "host-c"]) expect(server(host).private_net, host).toHaveLength(1);
});

test("a server that somebody took out of its network: said by up, put back by up --refresh", async () => {
  done(await stack.up());
  const { id, private_net } = server("host-b");
  cloud.ask("POST", `/servers/${id}/actions/detach_from_network`, { network: private_net[0].network });
  await until(() => server("host-b").private_net.length === 0);
  expect((await untouched(stack.up())).said).toContain("Only pulumi up --refresh sees that");
  done(await stack.up(undefined, "--refresh"));
  expect(server("host-b").private_net).toMatchObject([{ ip: private_net[0].ip }]);
});

test("a token of another project is refused, in a preview too: there is no second cluster", async () => {
  done(await stack.up());
  await stack.configure(settings({ token: otherProjectsToken }));
  for (const run of [() => stack.preview(), () => stack.up(), () => stack.up(undefined, "--refresh")]) {
    const refused = await untouched(run());
    expect(refused.exitCode, refused.said).not.toBe(0);
  }
  expect(cloud.cloud.project("second").servers).toEqual([]);
});

test("a killed run: the next one makes no twin and says what to do", async () => {
  cloud.cloud.inject({ on: "action", command: "create_server", outcome: "slow", delayMs: 3000 });
  await stack.upKilled(undefined, () => cloud.cloud.project("first").servers.length === 3);
  cloud.cloud.state.faults.length = 0;
  done(await stack.run(["cancel", "--yes"]));
  await until(() => ["host-a", "host-b", "host-c"].every((host) => server(host).status === "running"));
  const again = await untouched(stack.up());
  expect(again.exitCode).not.toBe(0);
  expect(again.said).toContain("holdfast-localnet-host-a");
  expect(cloud.ask("GET", "/servers").json.servers).toHaveLength(3);
});

test("a server that somebody deleted: said by up, made anew at its address by up --refresh", async () => {
  done(await stack.up());
  const { id, public_net } = server("host-c");
  cloud.ask("DELETE", `/servers/${id}`);
  await until(() => server("host-c") === undefined);
  expect((await untouched(stack.up())).said).toContain("host-c has no server holdfast-localnet-host-c at Hetzner");
  done(await stack.up(undefined, "--refresh"));
  expect(server("host-c")).toMatchObject({ status: "running", public_net: { ipv4: { ip: public_net.ipv4.ip } } });
});

test("a host that leaves under protection changes nothing, in a preview and in an up", async () => {
  done(await stack.up());
  const fewer = settings({}, sampleCloudInput().hosts.slice(0, 2));
  await stack.configure(fewer);
  expect((await untouched(stack.preview())).exitCode).not.toBe(0);
});

test("a limit and a lock are waited out", async () => {
  cloud.cloud.inject({
    on: "request",
    method: "POST",
    path: "^/servers$",
    outcome: "error",
    code: "rate_limit_exceeded",
    times: 1,
  });
  cloud.cloud.inject({
    on: "request",
    method: "POST",
    path: "attach_to_network",
    outcome: "error",
    code: "locked",
    times: 1,
  });
  done(await stack.up());
});
