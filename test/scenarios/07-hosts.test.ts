/**
 * A host comes and goes by configuration alone, and the validator goes on signing. Several in one run, and one that died:
 * long/hosts.test.ts.
 */
import { expect, test } from "vitest";
import { paths } from "../../contract/paths.ts";
import { removeHost } from "../../lab/hosts/lab.ts";
import { agentStatus, fresh, healthy, holdfast, labName, on, signsAgain, until } from "./cluster.ts";
import {
  addComers,
  applies,
  comer,
  consul,
  dropFromSettings,
  expectClean,
  expectSignedThroughout,
  keepHosts,
  makeUsual,
  processes,
  raftVoters,
  readToken,
  residents,
} from "./comers.ts";
import { changeSettings, changesOf } from "./settings.ts";

keepHosts();

test("a third neard host comes, becomes active, hands over before it loses its neard, and goes; its token goes with it", {
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

  const token = (await on(comer, readToken)).trim();
  expect(await consul("acl token read -self", token)).toContain(`holdfast-${comer}`);
  dropFromSettings(comer);
  await applies();
  expect(await raftVoters()).toEqual(residents);
  // Whoever has a copy of its disk can do nothing with it.
  await expect(consul("acl token read -self", token)).rejects.toThrow(/ACL not found|403/);
  expect(await on(comer, `mountpoint -q ${paths.neardHome} && ls -A ${paths.neardHome}`)).toBe("");
  await on(comer, `umount ${paths.neardHome} && rmdir ${paths.neardHome}`);
  await expectClean(comer);
  await removeHost(labName, comer);
  const after = await healthy();
  expect([active, after.active].every((host) => residents.includes(host))).toBe(true);
  await expectSignedThroughout();
});
