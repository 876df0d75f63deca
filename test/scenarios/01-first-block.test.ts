import { expect, test } from "vitest";
import { paths, ports } from "../../contract/paths.ts";
import { agentStatuses, expectOneSigner, fresh, holdfast, lab, on, witness } from "./cluster.ts";

test("exactly one host is active, its neard shows our key, the others' show none", async () => {
  const { active } = await fresh();
  const report = await witness();
  const ours = Object.keys(report.byKey);
  expect(ours).toHaveLength(1);
  for (const host of ["host-a", "host-b"]) {
    const status = JSON.parse(
      await on(
        host,
        `exec 3<>/dev/tcp/127.0.0.1/${ports.neardRpc}; printf 'GET /status HTTP/1.0\\r\\n\\r\\n' >&3; sed '1,/^\\r$/d' <&3`,
      ),
    );
    expect(status.validator_public_key, host).toBe(host === active ? ours[0] : null);
  }
  expect(report.current?.host).toBe(active);
  await expectOneSigner();
});

test("the key file is on the holder's tmpfs alone", async () => {
  const { active, standby } = await fresh();
  const look = `stat -c '%a %U %G' ${paths.validatorKey} 2>&1; stat -f -c %T ${paths.keyDirectory}`;
  expect(await on(active, look)).toMatch(/^400 neard neard\s+tmpfs/);
  expect(await on(standby, look)).toContain("No such file");
});

test("holdfast status --json says what issue 3 asks for", async () => {
  const { active } = await fresh();
  const { code, stdout } = await holdfast("status", "--json");
  const view = JSON.parse(stdout);
  expect(code).toBe(0);
  expect(view).toMatchObject({ network: "localnet", account: lab().chain?.account, active, paused: false });
  expect(view.epoch).toBeGreaterThan(0);
  expect(view.lease).toBeGreaterThan(0);
  expect(view.hosts.map((host: { name: string }) => host.name)).toEqual(["host-a", "host-b", "host-c"]);
});

test("the health endpoints answer 200 and 503 as roles demand", async () => {
  const { active, standby } = await fresh();
  const code = async (host: string, path: string) =>
    (
      await on(
        host,
        `exec 3<>/dev/tcp/$(hostname -I | cut -d' ' -f1)/${ports.agentHttp}; printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3`,
      )
    ).split(" ")[1];
  expect(await code(active, "/active")).toBe("200");
  expect(await code(active, "/standby")).toBe("503");
  expect(await code(standby, "/active")).toBe("503");
  expect(await code(standby, "/standby")).toBe("200");
  expect(await code("host-c", "/ready")).toBe("200");
  expect(await code(active, "/nonsense")).toBe("404");
});

/**
 * The budget is 1 % (issue 3), which `npm run bench` measures on a machine that has nothing else to do, of agents that
 * have settled. Here they are a minute old and still compile themselves, what was asked of them just before
 * included, and three hosts, the chain and the tests share two cores: 1.0 to 1.3 % were seen on the holder, and where the
 * cores were busy with other work as well, 2.5 to 4.5 % of this agent and of an earlier release's beside it. On a virtual
 * machine where a program that merely wakes up thirty times a second takes 5 to 7 %, both took 5 to 10 %. So this notices a
 * loop that does not rest, and no more.
 */
const busyCpuPercent = 25;
const watchedS = 12;

test("the agent takes at most 90 MB, and little of a core, when nothing happens", { timeout: 120_000 }, async () => {
  const { active, standby } = await fresh();
  const hosts = [active, standby];
  // Of the unit's whole control group: what the agent starts counts too.
  const script = "cut -d' ' -f1 /proc/uptime; systemctl show -p CPUUsageNSec --value holdfastd";
  const usages = async () =>
    await Promise.all(hosts.map(async (host) => (await on(host, script)).trim().split("\n").map(Number)));
  const before = await usages();
  await new Promise((resolve) => setTimeout(resolve, watchedS * 1000));
  const after = await usages();
  for (const [i, host] of hosts.entries()) {
    const [fromS = 0, fromNs = 0] = before[i] ?? [];
    const [toS = 0, toNs = 0] = after[i] ?? [];
    const percent = (toNs - fromNs) / 1e7 / (toS - fromS);
    const rssKb = Number(
      await on(host, "awk '/VmRSS/{print $2}' /proc/$(systemctl show -p MainPID --value holdfastd)/status"),
    );
    console.log(`${host}: ${(rssKb / 1024).toFixed(0)} MB, ${percent.toFixed(2)} % of a core`);
    expect(rssKb / 1024, `memory on ${host}`).toBeLessThanOrEqual(90);
    expect(toS - fromS, `seconds watched on ${host}`).toBeGreaterThanOrEqual(watchedS);
    expect(percent, `CPU on ${host}`).toBeGreaterThan(0);
    expect(percent, `CPU on ${host}`).toBeLessThanOrEqual(busyCpuPercent);
  }
});

test("systemd rates the agent's unit at 4.0 or better on every host", async () => {
  for (const host of Object.keys(await agentStatuses())) {
    const rating = await on(host, "systemd-analyze security holdfastd --no-pager | tail -1");
    expect(Number(/: ([\d.]+)/.exec(rating)?.[1]), rating).toBeLessThanOrEqual(4);
  }
});
