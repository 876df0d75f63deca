/** Hosts come and go by configuration alone: several in one run, and one that died. One that does it all: ../07-hosts.test.ts. */
import { expect, test } from "vitest";
import { removeHost } from "../../../lab/hosts/lab.ts";
import { agentStatus, fresh, healthy, labName, on, pulumi, until } from "../cluster.ts";
import {
  addComers,
  applies,
  comer,
  consul,
  dropFromSettings,
  expectClean,
  expectSignedThroughout,
  keepHosts,
  neighbour,
  processes,
  raftVoters,
  readToken,
  residents,
} from "../comers.ts";
import { changeSettings, changesOf } from "../settings.ts";

keepHosts();

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
