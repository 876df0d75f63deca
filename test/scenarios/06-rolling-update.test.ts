/** Promise `one-host-at-a-time`: a changed setting reaches the hosts it concerns, and the validator goes on signing. */
import { expect, test, vi } from "vitest";
import type { Report } from "../../lab/chain/report.ts";
import {
  agentStatus,
  agentStatuses,
  expectOneSigner,
  fresh,
  healthy,
  holdfast,
  on,
  pulumi,
  until,
  up,
} from "./cluster.ts";
import { changesOf, keepSettings, setting } from "./settings.ts";

const putBack = keepSettings({ applied: true });

// Each runs pulumi several times, and the machine may be busy.
vi.setConfig({ testTimeout: 400_000 });

/** Of the validator over a whole rolling update, switchover included. */
const longestSilenceSeconds = 3;

async function expectSignedThroughout(): Promise<Report> {
  const report = await expectOneSigner();
  const longest = Math.max(0, ...report.gaps.map((gap) => gap.seconds));
  console.log(`longest silence ${longest.toFixed(1)} s, missed blocks ${report.missed}`);
  expect(longest, JSON.stringify(report.gaps)).toBeLessThanOrEqual(longestSilenceSeconds);
  return report;
}

/** When neard was last started, in ms of the kernel's monotonic clock, which the lab's hosts share. */
async function neardStartedMs(host: string): Promise<number> {
  return Number(await on(host, "systemctl show neard --property=ActiveEnterTimestampMonotonic --value")) / 1000;
}

const consulPid = "systemctl show holdfast-consul --property=MainPID --value";
const pids = "systemctl show holdfast-consul neard --property=MainPID --value";

test("a setting of neard changes neard alone, one host at a time, the active one last", async () => {
  const { active, standby } = await fresh();
  const agents = await agentStatuses();
  const consul = await on(active, consulPid);
  setting("neard", "config", "gc_num_epochs_to_keep")(6);
  const preview = await pulumi("preview", "--json");
  expect(preview.code, preview.stderr).toBe(0);
  expect((JSON.parse(preview.stdout) as { changeSummary: object }).changeSummary).toMatchObject({ update: 2 });
  const outcome = await up();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  expect(changesOf(outcome)).toEqual([`${standby}-neard updated`, `${active}-neard updated`]);
  expect(await healthy()).toEqual({ active: standby, standby: active });
  expect(await neardStartedMs(active)).toBeGreaterThan((await neardStartedMs(standby)) + 3000);
  expect(await on(active, consulPid)).toBe(consul);
  for (const [host, status] of Object.entries(await agentStatuses()))
    expect(status?.uptimeMs, `the agent of ${host} was restarted`).toBeGreaterThan(agents[host]?.uptimeMs ?? 0);
  const report = await expectSignedThroughout();
  expect(Object.keys(report.byHost).toSorted()).toEqual([active, standby].toSorted());
});

test("a setting of the agent restarts agents, and the key does not move", async () => {
  const { active, standby } = await fresh();
  const before = await agentStatus(active);
  const processes = await on(active, pids);
  setting("neard", "hungMs")(11_000);
  const outcome = await up();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  expect(changesOf(outcome)).toEqual([`${standby}-agent updated`, `${active}-agent updated`]);
  expect((await healthy()).active).toBe(active);
  const after = await agentStatus(active);
  expect(after.uptimeMs).toBeLessThan(before.uptimeMs);
  expect(after.epoch).toBe(before.epoch);
  expect(await on(active, pids)).toBe(processes);
  const report = await expectOneSigner();
  expect(report.missed + report.missedEndorsements, `missed heights ${report.missedHeights.join(", ")}`).toBe(0);
});

test("a configuration that neard refuses is found before anything is changed, and told in neard's words", async () => {
  const { active, standby } = await fresh();
  const { epoch } = await agentStatus(active);
  const processes = await Promise.all([active, standby].map((host) => on(host, pids)));
  setting("neard", "config", "tx_routing_height_horizon")(1);
  const failed = await up();
  const said = failed.stdout + failed.stderr;
  expect(failed.code).not.toBe(0);
  expect(said).toContain("'config.tx_routing_height_horizon' needs to be at least 2, got 1.");
  expect(said).toContain("HF_NEARD_CONFIG");
  expect(await Promise.all([active, standby].map((host) => on(host, pids)))).toEqual(processes);
  expect(await agentStatus(active)).toMatchObject({ role: "active", epoch });
  const checked = await holdfast("check");
  expect(checked.code, checked.stdout).toBe(0);
  const report = await expectOneSigner();
  expect(report.missed + report.missedEndorsements, `missed heights ${report.missedHeights.join(", ")}`).toBe(0);
});

test("a failed apply stops there, the cluster goes on signing, and the next one finishes it", async () => {
  const { active, standby } = await fresh();
  const { epoch } = await agentStatus(active);
  const processes = await on(active, pids);
  // Well formed, and neard ends itself as soon as it sees that height: only running it shows that.
  setting("neard", "config", "expected_shutdown")(1);
  const failed = await up();
  const said = failed.stdout + failed.stderr;
  expect(failed.code).not.toBe(0);
  expect(said).toContain(`${standby} neard: neard.service ends as soon as it is started`);
  expect(said).toMatch(new RegExp(`While this host was waiting, ${standby} failed`));
  expect(await on(active, pids), "the active host was touched").toBe(processes);
  expect(await agentStatus(active)).toMatchObject({ role: "active", epoch });
  const report = await expectOneSigner();
  expect(report.missed + report.missedEndorsements, `missed heights ${report.missedHeights.join(", ")}`).toBe(0);
  expect((await holdfast("check")).code).toBe(3);
  // Mended by taking the change back, as one would: the host is not what its state in Pulumi says.
  putBack();
  const mended = await up();
  expect(mended.code, mended.stdout + mended.stderr).toBe(0);
  expect(changesOf(mended)).toContain(`${standby}-neard updated`);
  await healthy();
  expect((await holdfast("check")).code).toBe(0);
  await expectSignedThroughout();
});

test("nothing to change is nothing changed; drift is found, and the next up mends it", async () => {
  const { active, standby } = await fresh();
  expect(changesOf(await up("--expect-no-changes"))).toEqual([]);
  const preview = await pulumi("preview", "--expect-no-changes");
  expect(preview.code, preview.stdout + preview.stderr).toBe(0);
  const inSync = await holdfast("check");
  expect(inSync.code, inSync.stdout + inSync.stderr).toBe(0);
  await on(standby, "echo by-hand >> /var/lib/neard/log_config.json");
  const drifted = await holdfast("check");
  expect(drifted.code).toBe(3);
  expect(drifted.stdout).toMatch(new RegExp(`${standby}\\s+neard\\s+.*log_config\\.json`));
  const mended = await up();
  expect(mended.code, mended.stdout + mended.stderr).toBe(0);
  expect(changesOf(mended)).toEqual(expect.arrayContaining([`${standby}-neard updated`]));
  expect(changesOf(mended).join()).not.toContain(`${active}-`);
  expect((await holdfast("check")).code).toBe(0);
  expect(changesOf(await up("--expect-no-changes"))).toEqual([]);
  // What others add to a unit is told, and no reason to do its host over, for no apply takes it away.
  const dropIns = "/run/systemd/system/neard.service.d";
  await on(standby, `mkdir -p ${dropIns} && printf '[Unit]\\nDescription=neard\\n' > ${dropIns}/override.conf`);
  await on(standby, "systemctl daemon-reload");
  const added = await holdfast("check");
  expect(added.code, added.stdout).toBe(3);
  expect(added.stdout).toContain(`${dropIns}/override.conf`);
  expect(changesOf(await up("--expect-no-changes"))).toEqual([]);
  await on(standby, `mv ${dropIns}/override.conf ${dropIns}/site-words.conf && systemctl daemon-reload`);
  const kept = await holdfast("check");
  expect(kept.code, kept.stdout).toBe(0);
  expect(kept.stdout).toContain("site-words.conf");
  await on(standby, `rm -r ${dropIns} && systemctl daemon-reload`);
  expect((await healthy()).active).toBe(active);
  const report = await expectOneSigner();
  expect(report.missed, `missed heights ${report.missedHeights.join(", ")}`).toBe(0);
});

/** What a flush costs: from its beginning until the host has its firewall again, in milliseconds, by the host's own clock. */
async function backAfter(host: string, flush: string): Promise<number> {
  const script = [
    "now() { date +%s%3N; }",
    `t=$(now); ${flush}`,
    "until nft list table inet holdfast_firewall >/dev/null 2>&1; do [ $(($(now) - t)) -lt 5000 ] || break; sleep 0.02; done",
    "echo $(($(now) - t))",
  ];
  return Number((await on(host, script.join("\n"))).trim().split("\n").at(-1));
}

const rules = "nft --stateless list table inet holdfast_firewall";

test("flushed rules come back within a second; with nobody to bring them back, check says so and up does", async () => {
  const { active } = await fresh();
  const arbiter = "host-c";
  const { epoch } = await agentStatus(active);
  for (const host of [active, arbiter]) {
    const before = await on(host, rules);
    const flushes = [
      "systemctl restart nftables",
      "systemctl reload nftables",
      "systemctl stop nftables",
      "nft flush ruleset",
    ];
    for (const flush of flushes) {
      const tookMs = await backAfter(host, flush);
      console.log(`${host}: ${flush}: back after ${tookMs} ms`);
      expect(tookMs, `${flush} on ${host}`).toBeLessThan(1000);
      expect(await on(host, rules)).toBe(before);
    }
  }
  // The active one's fence too: still armed, and fed, for nothing was missed.
  await until("an armed fence", 3000, async () =>
    (await on(active, "nft list table inet holdfast")).includes("ct mark set"),
  );
  await until("nothing that differs", 5000, async () => (await holdfast("check")).code === 0);

  await on(arbiter, "systemctl stop holdfastd; nft add rule inet holdfast_firewall input tcp dport 8500 accept");
  const opened = await holdfast("check");
  expect(opened.code).toBe(3);
  expect(opened.stdout).toContain("the kernel's table inet holdfast_firewall is not as in /etc/holdfast/firewall.nft");
  await on(arbiter, "nft delete table inet holdfast_firewall");
  expect((await holdfast("check")).stdout).toContain("the kernel has no table inet holdfast_firewall");
  const mended = await up();
  expect(mended.code, mended.stdout + mended.stderr).toBe(0);
  expect(changesOf(mended)).toContain(`${arbiter}-system updated`);
  expect((await holdfast("check")).code).toBe(0);
  await healthy();
  expect(await agentStatus(active)).toMatchObject({ role: "active", epoch });
  const report = await expectOneSigner();
  expect(report.missed, `missed heights ${report.missedHeights.join(", ")}`).toBe(0);
});

/** Consul ends with status 1 when it is told to end: to systemd that is a failure, and to whoever watches failed units. */
test("a Consul that is told to end has not failed; one that is killed has", async () => {
  const { active, standby } = await fresh();
  const [arbiter = ""] = ["host-a", "host-b", "host-c"].filter((host) => host !== active && host !== standby);
  const ended = async () =>
    await on(
      arbiter,
      "systemctl show holdfast-consul --property=ActiveState --property=Result --property=ExecMainStatus",
    );
  await on(arbiter, "systemctl stop holdfast-consul");
  expect((await ended()).trim().split("\n").toSorted()).toEqual([
    "ActiveState=inactive",
    // Without this the check means nothing: the unit need not say so any more.
    "ExecMainStatus=1",
    "Result=success",
  ]);
  expect(await on(arbiter, "systemctl --failed --plain --no-legend")).not.toContain("consul");
  await on(arbiter, "systemctl start holdfast-consul");
  await healthy();
  await on(arbiter, "systemctl kill --signal=KILL holdfast-consul");
  await until("systemd to call that a failure", 10_000, async () =>
    (await on(arbiter, "journalctl -u holdfast-consul --no-pager -n 50")).includes("Failed with result 'signal'"),
  );
  await healthy();
});
