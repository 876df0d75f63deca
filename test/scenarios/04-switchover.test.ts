/** Promises `switchover-second`, `heard`, `done-is-active`, `place-for-the-key`. */
import { expect, test } from "vitest";
import { paths } from "../../contract/paths.ts";
import {
  agentStatus,
  expectOneSigner,
  fresh,
  healthy,
  holdfast,
  newReport,
  on,
  signsAgain,
  until,
  witness,
} from "./cluster.ts";
import { expectHeard, heardAndWatched } from "./heard.ts";

/** Endorsements come every 600 ms: a gap of the key of one second shows as up to this between two signatures. */
const gapBoundSeconds = 1 + 2 * 0.6;

/** Ten, with how each was heard: `npm run bench`. */
test("three switchovers in a row, each with a gap of a second at most, the first of them heard", {
  timeout: 500_000,
}, async () => {
  const gaps: number[] = [];
  let roles = await heardAndWatched([0.5, 3]);
  for (let round = 0; round < 3; round++) {
    const { active, standby } = roles;
    const { code, stdout, stderr } = await holdfast("switchover", "--yes", "--heard-timeout", "0", "--to", standby);
    expect(code, stdout + stderr).toBe(0);
    gaps.push(await signsAgain(standby));
    if (round === 0) await expectHeard(roles);
    await expectOneSigner();
    roles = await healthy();
    expect(roles.standby).toBe(active);
    await newReport();
  }
  console.log(`gaps between signatures: ${gaps.map((gap) => gap.toFixed(2)).join(", ")} s`);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(gapBoundSeconds);
});

test("in a maintenance window no block of ours is missed", { timeout: 240_000 }, async () => {
  const { standby } = await fresh();
  const { code, stdout, stderr } = await holdfast("switchover", "--yes", "--window", "--to", standby);
  expect(code, stdout + stderr).toBe(0);
  await signsAgain(standby);
  const report = await expectOneSigner();
  expect(report.missed, `missed heights ${report.missedHeights.join(", ")}`).toBe(0);
});

test("a switchover that cannot be is refused with the reason, and nothing moves", async () => {
  const { active } = await fresh();
  const toSelf = await holdfast("switchover", "--yes", "--to", active);
  expect(toSelf.code).toBe(1);
  expect(toSelf.stderr).toContain("active already");
  const toArbiter = await holdfast("switchover", "--yes", "--to", "host-c");
  expect(toArbiter.code).toBe(1);
  expect(toArbiter.stderr).toMatch(/host-c/);
  const report = await witness();
  expect(Object.keys(report.byHost)).toEqual([active]);
});

test("a host whose key has no place is not chosen and says why; it is mended as far as it can be", {
  timeout: 120_000,
}, async () => {
  const { active, standby } = await fresh();
  const reason = async () => (await agentStatus(standby)).notReadyBecause ?? "";
  const attributes = async () => (await on(standby, `stat -c '%a %U %G' ${paths.keyDirectory}`)).trim();

  await on(standby, `chmod 777 ${paths.keyDirectory} && chown neard ${paths.keyDirectory}`);
  await until("owner and mode as they were", 3000, async () => (await attributes()) === "750 root neard");

  // A file in its place: nobody may take that away unasked.
  await on(standby, `rm -r ${paths.keyDirectory} && touch ${paths.keyDirectory}`);
  await until("a reason", 5000, async () => (await reason()).includes(`${paths.keyDirectory} is no directory`));
  const { code, stdout, stderr } = await holdfast("switchover", "--yes", "--to", standby);
  expect(code, stdout).toBe(1);
  expect(stdout + stderr).toContain(`${paths.keyDirectory} is no directory`);
  expect((await holdfast("status")).stdout).toContain(`On ${standby} the key has no place`);
  expect(Object.keys((await expectOneSigner()).byHost)).toEqual([active]);

  // Gone altogether: its unit makes it anew for another agent.
  await on(standby, `rm ${paths.keyDirectory}`);
  await until(`${standby} to be ready again`, 60_000, async () => (await agentStatus(standby)).ready);
  expect(await attributes()).toBe("750 root neard");
  expect((await holdfast("switchover", "--yes", "--to", standby)).code).toBe(0);
  await signsAgain(standby);
});

test("where the hosts' SSH servers forward nothing, every command works all the same", async () => {
  const { standby } = await fresh();
  const file = "/etc/ssh/sshd_config.d/no-forwarding.conf";
  const hosts = ["host-a", "host-b", "host-c"];
  const all = (command: string) => Promise.all(hosts.map((host) => on(host, `${command}; systemctl reload ssh`)));
  await all(`echo 'DisableForwarding yes' > ${file}`);
  try {
    for (const words of [["status"], ["switchover", "--yes", "--to", standby]]) {
      const { code, stdout, stderr } = await holdfast(...words);
      expect(code, stdout + stderr).toBe(0);
    }
  } finally {
    await all(`rm ${file}`);
  }
  expect((await healthy()).active).toBe(standby);
  await expectOneSigner();
});
