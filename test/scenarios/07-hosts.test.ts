/** Hosts come and go by configuration alone, and the validator goes on signing. */
import { afterEach, expect, test } from "vitest";
import { credentials, paths, ports, units } from "../../contract/paths.ts";
import type { HostRole } from "../../contract/topology.ts";
import { addHosts, removeHost } from "../../lab/hosts/lab.ts";
import { wayTo } from "../../lab/localnet/settings.ts";
import {
  agentStatus,
  expectOneSigner,
  fresh,
  healthy,
  holdfast,
  hostOf,
  lab,
  labName,
  type Outcome,
  on,
  pulumi,
  signsAgain,
  until,
  up,
} from "./cluster.ts";
import { changeSettings, changesOf, keepSettings } from "./settings.ts";

const comer = "host-d";
/** In the order of names the host after the comer: its keeper, by whom its token would be taken back. */
const neighbour = "host-e";
const residents = ["host-a", "host-b", "host-c"];
const longestSilenceSeconds = 3;

// After the settings are back, for as long as the comer is in the stack `pulumi up` must reach it (vitest's hooks
// of this kind run in reverse order).
afterEach(async () => {
  for (const name of [comer, neighbour])
    if (lab().hosts.some((host) => host.name === name)) await removeHost(labName, name);
});
keepSettings({ applied: true });

/** New machines, and their entries in the settings. */
async function addComers(roles: readonly HostRole[], names = [comer]): Promise<void> {
  await addHosts(labName, names, () => {});
  changeSettings((file) => {
    for (const name of names) {
      const host = hostOf(name);
      const entry = { name, ...wayTo(lab(), host), hostKey: host.hostKey, roles };
      file.addIn(["config", "holdfast:hosts"], file.createNode(entry));
    }
  });
}

function dropFromSettings(name: string): void {
  changeSettings((file) => {
    const { config } = file.toJS() as { config: Record<string, { name: string }[]> };
    const position = config["holdfast:hosts"]?.findIndex((host) => host.name === name) ?? -1;
    expect(position).toBeGreaterThanOrEqual(0);
    file.deleteIn(["config", "holdfast:hosts", position]);
  });
}

/** Whatever restarts Consul or neard on a host that stays changes this. */
async function processes(): Promise<string[]> {
  const command = "systemctl show holdfast-consul neard --property=MainPID --value | tr '\\n' ' '";
  return await Promise.all(residents.map(async (host) => `${host}: ${await on(host, command)}`));
}

const readToken = `systemd-creds decrypt --name=${credentials.consulToken} ${paths.credentials}/${credentials.consulToken}.cred -`;

/** What Consul's own command says, asked on a host that stays, by default with that host's token. */
async function consul(command: string, token = `$(${readToken})`): Promise<string> {
  return await on(
    "host-c",
    `CONSUL_HTTP_TOKEN=${token} ` +
      `${paths.consul} ${command} -http-addr=https://127.0.0.1:${ports.consulHttps} -ca-file=${paths.caCertificate} ` +
      `-client-cert=${paths.hostCertificate} -client-key=/run/credentials/${units.consul}/${credentials.tlsKey}`,
  );
}

/** Names of Consul's servers that vote, by Consul itself. */
async function raftVoters(): Promise<string[]> {
  const rows = (await consul("operator raft list-peers")).split("\n").slice(1).filter(Boolean);
  return rows
    .filter((row) => /\strue\s/.test(row))
    .map((row) => row.split(/\s+/)[0] ?? "")
    .toSorted();
}

async function applies(): Promise<Outcome> {
  const outcome = await up();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  return outcome;
}

/** As many hosts are: neard's data on a file system of its own, and files that root makes for root alone. */
async function makeUsual(host: string): Promise<void> {
  await on(
    host,
    [
      `mkdir -p ${paths.neardHome} && mount -t tmpfs -o size=256m tmpfs ${paths.neardHome}`,
      "mkdir -p /etc/systemd/system/ssh.service.d",
      "printf '[Service]\\nUMask=0077\\n' > /etc/systemd/system/ssh.service.d/umask.conf",
      "systemctl daemon-reload && systemctl restart ssh",
    ].join(" && "),
  );
  expect((await on(host, "umask")).trim()).toMatch(/077$/);
}

/** Nothing of ours is left on the host that left. */
async function expectClean(host: string): Promise<void> {
  const left = await on(
    host,
    [
      "ls -d /etc/holdfast /etc/needrestart /opt/holdfast /var/lib/holdfast* /var/lib/neard /run/holdfast* /etc/systemd/system/*holdfast* /etc/systemd/system/neard* 2>/dev/null",
      "getent passwd neard holdfast-consul",
      "nft list tables | grep holdfast",
      "ps -eo args | grep /opt/holdfast | grep -v grep",
      "true",
    ].join("; "),
  );
  expect(left.trim()).toBe("");
}

async function expectSignedThroughout(): Promise<void> {
  const report = await expectOneSigner();
  const longest = Math.max(0, ...report.gaps.map((gap) => gap.seconds));
  console.log(`longest silence ${longest.toFixed(1)} s, missed blocks ${report.missed}`);
  expect(longest, JSON.stringify(report.gaps)).toBeLessThanOrEqual(longestSilenceSeconds);
}

test("two arbiters come, and leave in one run: they vote, nobody else is restarted but agents, no token outlives them", {
  timeout: 300_000,
}, async () => {
  const { active } = await fresh();
  const { epoch } = await agentStatus(active);
  const before = await processes();
  const comers = [comer, neighbour];
  await addComers(["consul"], comers);
  const added = await applies();
  // Who joins whom, who may connect, whom agents ask: that follows the hosts. neard does not.
  expect(changesOf(added).filter((change) => /neard/.test(change))).toEqual([]);
  await until("five voters", 30_000, async () => (await raftVoters()).length === 5);
  await healthy();
  expect(await processes()).toEqual(before);

  const tokens = await Promise.all(comers.map(async (name) => (await on(name, readToken)).trim()));
  for (const [i, token] of tokens.entries())
    expect(await consul("acl token read -self", token)).toContain(`holdfast-${comers[i]}`);

  for (const name of comers) dropFromSettings(name);
  const removed = await applies();
  expect(changesOf(removed)).toEqual(expect.arrayContaining(comers.map((name) => `${name}-consul deleted`)));
  expect(await raftVoters()).toEqual(residents);
  for (const name of comers) await expectClean(name);
  // Whoever has a copy of their disks can do nothing with it.
  for (const token of tokens) await expect(consul("acl token read -self", token)).rejects.toThrow(/ACL not found|403/);
  expect(await processes()).toEqual(before);
  expect(await agentStatus(active)).toMatchObject({ role: "active", epoch });
  await expectSignedThroughout();
});

test("a third neard host comes, becomes active, hands over before it loses its neard, and goes", {
  timeout: 300_000,
}, async () => {
  const { active } = await fresh();
  const before = await processes();
  await addComers(["consul", "neard"]);
  await makeUsual(comer);
  await applies();
  await healthy();
  expect(await processes()).toEqual(before);
  await until(`${comer} to be ready`, 30_000, async () => (await agentStatus(comer)).ready);
  const moved = await holdfast("switchover", "--yes", "--heard-timeout", "0", "--to", comer);
  expect(moved.code, moved.stdout + moved.stderr).toBe(0);
  await signsAgain(comer);
  // The one who was active starts its neard anew, and must be ready to take the key back.
  await healthy();

  // An arbiter from here on: the key is given away while this host may still release the lock.
  changeSettings((file) => file.setIn(["config", "holdfast:hosts", residents.length, "roles"], ["consul"]));
  const demoted = await applies();
  expect(changesOf(demoted)).toContain(`${comer}-neard deleted`);
  expect(await agentStatus(comer)).toMatchObject({ role: "arbiter" });
  expect(await on(comer, "ls /run/holdfast-key 2>/dev/null; id neard 2>/dev/null; nft list tables; true")).toBe(
    "table inet holdfast_firewall",
  );
  expect((await healthy()).active).not.toBe(comer);

  dropFromSettings(comer);
  await applies();
  expect(await raftVoters()).toEqual(residents);
  expect(await on(comer, `mountpoint -q ${paths.neardHome} && ls -A ${paths.neardHome}`)).toBe("");
  await on(comer, `umount ${paths.neardHome} && rmdir ${paths.neardHome}`);
  await expectClean(comer);
  await removeHost(labName, comer);
  const after = await healthy();
  expect([active, after.active].every((host) => residents.includes(host))).toBe(true);
  await expectSignedThroughout();
});

test("an arbiter that died for good leaves by configuration alone, and nobody waits for it", {
  timeout: 300_000,
}, async () => {
  const { active } = await fresh();
  const { epoch } = await agentStatus(active);
  const before = await processes();
  await addComers(["consul"]);
  const added = await applies();
  expect(added.stdout + added.stderr).toContain(
    "holdfast:hosts has 4 hosts with the role consul (host-a, host-b, host-c, host-d): an even number survives no more losses (1) than 3 would.",
  );
  await until("four voters", 30_000, async () => (await raftVoters()).length === 4);
  await healthy();
  await removeHost(labName, comer);
  await until(`Consul to miss ${comer}`, 60_000, async () =>
    new RegExp(`^${comer}\\s.*failed`, "m").test(await consul("members")),
  );

  dropFromSettings(comer);
  changeSettings((file) => file.setIn(["config", "holdfast:gone"], [comer]));
  const dropped = await applies();
  expect(changesOf(dropped)).not.toContain(`${comer}-consul deleted`);
  await until("three voters", 30_000, async () => (await raftVoters()).length === 3);
  expect(await raftVoters()).toEqual(residents);
  await healthy();

  // What is left of it in the state goes with its name, and runs nothing either.
  changeSettings((file) => file.deleteIn(["config", "holdfast:gone"]));
  await applies();
  expect((await pulumi("stack", "export")).stdout).not.toContain(`::${comer}-`);
  expect(await processes()).toEqual(before);
  expect(await agentStatus(active)).toMatchObject({ role: "active", epoch });
  await expectSignedThroughout();
});
