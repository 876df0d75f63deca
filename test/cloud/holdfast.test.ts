/**
 * The same half-done things with holdfast's own component and its look at the project beforehand: what the plugin would do wrong is
 * refused in words, or done right. In memory nobody can log in, so what holdfast asks after the resources are made (whether each host
 * is ready, and whether what was doubtful is mended) is not here: it has tests of its own, and `npm run localnet -- --cloud`.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { replaceVariable, serverUrn } from "../../contract/cloud.ts";
import type { SettingsInput } from "../../infra/config/schema.ts";
import { sampleCloudInput, sampleHcloud, sampleHost, sampleHostKey } from "../../infra/testing/sample.ts";
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

const settings = (
  hcloud: Partial<Parameters<typeof sampleHcloud>[0]> = {},
  hosts: SettingsInput["hosts"] = sampleCloudInput().hosts,
) => sampleCloudInput({ hcloud: sampleHcloud({ token, endpoint: cloud.endpoint, ...hcloud }), hosts });

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

describe("a server that runs already", () => {
  /** Somebody's by hand, with the address that came with it. */
  function byHand(): { server: number; primaryIp: number } {
    const made = cloud.ask("POST", "/servers", {
      name: "by-hand",
      server_type: "cx33",
      image: "debian-12",
      location: "fsn1",
    }).json.server;
    return { server: made.id, primaryIp: made.public_net.ipv4.id };
  }
  const [a, ...others] = sampleCloudInput().hosts;
  const adopting = (adopt: { server: number; primaryIp: number }) =>
    settings({}, [
      { ...a, name: "host-a", hostKey: sampleHostKey("own"), cloud: { location: "fsn1", adopt } },
      ...others,
    ]);

  test("is adopted at its address without a restart, kept so, and replaced later at the same address", async () => {
    const adopt = byHand();
    await until(() => cloud.ask("GET", `/servers/${adopt.server}`).json.server.status === "running");
    const { ip } = cloud.ask("GET", `/primary_ips/${adopt.primaryIp}`).json.primary_ip;
    await stack.configure(adopting(adopt));
    done(await untouched(stack.preview()));
    const since = cloud.cloud.state.calls.length;
    done(await stack.up());
    const writes = cloud.cloud.state.calls
      .slice(since)
      .filter(({ method }) => method !== "GET")
      .map(({ method, path }) => `${method} ${path}`);
    expect(writes.filter((call) => /power|unassign|DELETE|reset|shutdown/.test(call))).toEqual([]);
    expect(server("host-a")).toMatchObject({
      id: adopt.server,
      status: "running",
      public_net: { ipv4: { id: adopt.primaryIp, ip } },
      private_net: [{ ip: expect.stringMatching(/^10\.233\./) }],
      labels: { "holdfast-host": "host-a" },
    });
    expect(server("host-a").public_net.firewalls).toHaveLength(2);
    expect(cloud.ask("GET", `/primary_ips/${adopt.primaryIp}`).json.primary_ip).toMatchObject({
      name: "holdfast-localnet-host-a",
      auto_delete: false,
      protection: { delete: true },
      assignee_id: adopt.server,
    });
    expect(cloud.machines.byId.get(adopt.server)?.boots).toBe(1);
    // Or another type would make the disk larger, and there would be no way back.
    expect((await stack.resources()).get("host-a")?.outputs).toMatchObject({ keepDisk: true });
    for (const more of [[], ["--refresh"]]) done(await untouched(stack.up(undefined, ...more)));

    await stack.configure(settings());
    for (const run of [() => stack.preview(), () => stack.up()]) {
      const forgotten = await untouched(run());
      expect(forgotten.exitCode).not.toBe(0);
      expect(forgotten.said).toContain("was adopted, and cloud.adopt does not name it any more");
    }

    await stack.configure(adopting(adopt));
    vi.stubEnv(replaceVariable, "host-a");
    done(await stack.up(undefined, "--replace", serverUrn("test", "holdfast", "host-a")));
    vi.unstubAllEnvs();
    expect(server("host-a").id).not.toBe(adopt.server);
    expect(server("host-a")).toMatchObject({
      status: "running",
      public_net: { ipv4: { id: adopt.primaryIp, ip }, ipv6: null },
    });
    expect(server("host-a").private_net).toHaveLength(1);
    done(await untouched(stack.up()));
    await stack.configure(settings());
    done(await untouched(stack.up()));
    done(await untouched(stack.up(undefined, "--refresh")));
    // Eleven runs of Pulumi.
  }, 600_000);

  test("and is not as the settings have it: all of it is said, and nothing is touched", async () => {
    const adopt = byHand();
    await until(() => cloud.ask("GET", `/servers/${adopt.server}`).json.server.status === "running");
    cloud.ask("POST", `/servers/${adopt.server}/actions/change_protection`, { delete: true, rebuild: true });
    await stack.configure(
      settings({}, [
        {
          ...a,
          name: "host-a",
          hostKey: sampleHostKey("own"),
          cloud: { location: "nbg1", serverType: "cx43", adopt: { ...adopt, primaryIp: adopt.primaryIp + 900 } },
        },
        ...others,
      ]),
    );
    const refused = await untouched(stack.up());
    expect(refused.exitCode).not.toBe(0);
    for (const words of ["is in fsn1", "is of the type cx33", "is protected from deletion", "has no primary IP"])
      expect(refused.said).toContain(words);
  });
});

test("a stack that has lost its state takes over all that it had made, and nothing of it is touched", async () => {
  done(await stack.up());
  const all = () => {
    const { servers } = cloud.ask("GET", "/servers").json;
    const { primary_ips } = cloud.ask("GET", "/primary_ips").json;
    return JSON.stringify([servers, primary_ips]);
  };
  const before = all();
  stack.remove();
  stack = await Stack.make("holdfast");
  await stack.configure(settings());
  const refused = await untouched(stack.up());
  expect(refused.exitCode).not.toBe(0);
  for (const words of ["server holdfast-localnet-host-a", "network holdfast-localnet", "docs/operate/lost-state.md"])
    expect(refused.said).toContain(words);

  const hosts = sampleCloudInput().hosts.map((host) => {
    const { id, public_net } = server(host.name);
    const adopt = { server: id, primaryIp: public_net.ipv4.id };
    return { ...host, hostKey: sampleHostKey(host.name), cloud: { ...host.cloud, adopt } };
  }) as SettingsInput["hosts"];
  await stack.configure({ ...settings({}, hosts), adopt: "hf-58c1a90d2be6f374" });
  done(await untouched(stack.preview()));
  const since = cloud.cloud.state.calls.length;
  done(await stack.up());
  const written = cloud.cloud.state.calls.slice(since).filter(({ method }) => method !== "GET");
  // The attachments alone are asked for, which are there.
  expect(written.map(({ path }) => path.replace(/\d+/, "ID"))).toEqual(
    Array(3).fill("/servers/ID/actions/attach_to_network"),
  );
  expect(all()).toBe(before);
  await stack.configure(settings({}, hosts));
  done(await untouched(stack.up()));
  done(await untouched(stack.up(undefined, "--refresh")));
}, 300_000);

test("another location for a host that is there: refused in a plain run, and in one that replaces it", async () => {
  done(await stack.up());
  const [a, ...others] = sampleCloudInput().hosts;
  await stack.configure(settings({}, [{ ...a, name: "host-a", cloud: { location: "hel1" } }, ...others]));
  const replace = ["--replace", serverUrn("test", "holdfast", "host-a")];
  const plain = await untouched(stack.up());
  vi.stubEnv(replaceVariable, "host-a");
  const replacing = await untouched(stack.up(undefined, ...replace));
  vi.unstubAllEnvs();
  for (const { exitCode, said } of [plain, replacing]) {
    expect(exitCode).not.toBe(0);
    expect(said).toContain("is in fsn1, but its cloud.location is hel1");
  }
});

test("settings without the section, or of a host that exists now: nothing is deleted", async () => {
  done(await stack.up());
  const existing = (name: string, i: number) => sampleHost(name, i, ["neard", "consul"]);
  const { hcloud: _, ...without } = settings({}, ["host-a", "host-b", "host-c"].map(existing));
  await stack.configure(without);
  const refused = await untouched(stack.up());
  expect(refused.exitCode).not.toBe(0);
  expect(refused.said).toContain("holdfast:hcloud is missing, but the stack has things of its hosts at Hetzner");
  expect(cloud.ask("GET", "/servers").json.servers).toHaveLength(3);
});

test("a firewall that somebody took off a server: said by up, put back by up --refresh", async () => {
  done(await stack.up());
  const { id, public_net } = server("host-b");
  const [firewall] = public_net.firewalls;
  cloud.ask("POST", `/firewalls/${firewall.id}/actions/remove_from_resources`, {
    remove_from: [{ type: "server", server: { id } }],
  });
  await until(() => server("host-b").public_net.firewalls.length === 1);
  expect((await untouched(stack.up())).said).toContain("has not all of its firewalls before it");
  done(await stack.up(undefined, "--refresh"));
  expect(server("host-b").public_net.firewalls).toHaveLength(2);
});

test("a firewall that somebody put before a server is left there by up, and taken off by up --refresh", async () => {
  done(await stack.up());
  const foreign = cloud.ask("POST", "/firewalls", { name: "foreign" }).json.firewall.id;
  const { id } = server("host-b");
  const ids = () => server("host-b").public_net.firewalls.map((one: { id: number }) => one.id);
  cloud.ask("POST", `/firewalls/${foreign}/actions/apply_to_resources`, {
    apply_to: [{ type: "server", server: { id } }],
  });
  await until(() => ids().includes(foreign));
  done(await untouched(stack.up()));
  expect(ids()).toContain(foreign);
  done(await stack.up(undefined, "--refresh"));
  expect(ids()).toHaveLength(2);
  expect(ids()).not.toContain(foreign);
});

test("other labels leave the firewalls' rules as they are", async () => {
  done(await stack.up());
  const rules = () =>
    cloud.ask("GET", "/firewalls").json.firewalls.map((one: { rules: unknown[] }) => one.rules.length);
  const before = rules();
  await stack.configure(settings({ labels: { team: "validators" } }));
  done(await stack.up());
  expect(rules()).toEqual(before);
  expect(server("host-a").labels).toMatchObject({ team: "validators" });
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
