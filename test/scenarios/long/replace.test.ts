/** A host's machine is replaced under its name and address, and the validator goes on signing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { credentials, paths, ports, units } from "../../../contract/paths.ts";
import { injectFault } from "../../../lab/faults/engine.ts";
import { reinstallHost } from "../../../lab/hosts/lab.ts";
import {
  agentStatus,
  expectOneSigner,
  fresh,
  healthy,
  holdfast,
  hostOf,
  lab,
  labName,
  newReport,
  type Outcome,
  on,
  root,
  signsAgain,
  until,
  up,
} from "../cluster.ts";
import { changeSettings } from "../settings.ts";

const residents = ["host-a", "host-b", "host-c"];
const longestSilenceSeconds = 3;

// What was half done would be a host less for all that come after.
afterAll(async () => void (await healthy()));

const replace = async (host: string, ...more: string[]): Promise<Outcome> =>
  await holdfast("replace", host, "--yes", ...more);

/** The lab's machines are all of today. */
const anew = "--anew";

async function replaced(host: string): Promise<void> {
  const { code, stdout, stderr } = await replace(host);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain(`${host} is replaced: its machine is as deployed`);
}

async function outOfService(host: string, ...more: string[]): Promise<Outcome> {
  const outcome = await replace(host, "--json", ...more);
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(4);
  expect(JSON.parse(outcome.stdout)).toMatchObject({ host, state: "machine-needed" });
  return outcome;
}

/** Name and id of Consul's servers that vote, as a host sees them that stays. */
async function voters(through: string): Promise<Record<string, string>> {
  const token = `$(systemd-creds decrypt --name=${credentials.consulToken} ${paths.credentials}/${credentials.consulToken}.cred -)`;
  const rows = await on(
    through,
    `CONSUL_HTTP_TOKEN=${token} ${paths.consul} operator raft list-peers ` +
      `-http-addr=https://127.0.0.1:${ports.consulHttps} -ca-file=${paths.caCertificate} ` +
      `-client-cert=${paths.hostCertificate} -client-key=/run/credentials/${units.consul}/${credentials.tlsKey}`,
  );
  const cells = rows.split("\n").map((row) => row.split(/\s+/));
  return Object.fromEntries(cells.filter((row) => row.includes("true")).map(([name = "", id = ""]) => [name, id]));
}

async function expectSignedThroughout(): Promise<void> {
  const report = await expectOneSigner();
  const longest = Math.max(0, ...report.gaps.map((gap) => gap.seconds));
  console.log(`longest silence ${longest.toFixed(1)} s, missed blocks ${report.missed}`);
  expect(longest, JSON.stringify(report.gaps)).toBeLessThanOrEqual(longestSilenceSeconds);
}

const machineId = (host: string) => on(host, "cat /etc/machine-id");

test("the standby: refused while it is the last one, out of service, a machine with another host key, as before", {
  timeout: 400_000,
}, async () => {
  const { active, standby } = await fresh();
  const { epoch } = await agentStatus(active);
  const before = await voters(active);
  expect(Object.keys(before).toSorted()).toEqual(residents);

  const refused = await replace(standby, anew);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(
    `${standby} is the only standby that is ready: without it no host could take over from ${active}`,
  );

  await outOfService(standby, anew, "--without-standby");
  expect(Object.keys(await voters(active)).toSorted()).toEqual(residents.filter((name) => name !== standby));
  const left = await on(
    standby,
    `systemctl is-enabled ${units.agent} ${units.neard} ${units.consul}; ls ${paths.credentials}; ls ${paths.keyDirectory}; true`,
  );
  expect(left.match(/disabled/g)).toHaveLength(3);
  expect(left).not.toContain(`${credentials.validatorKey}.cred`);

  // Of the two servers that are left, both are needed.
  const second = await replace("host-c", anew);
  expect(second.code, second.stdout).toBe(1);
  expect(second.stderr).toContain("Consul would have no majority without host-c");

  const old = await machineId(standby);
  await reinstallHost(labName, standby, () => {});
  expect(await machineId(standby)).not.toBe(old);
  const unknown = await replace(standby, "--json");
  expect(unknown.code, unknown.stdout + unknown.stderr).toBe(4);
  expect(JSON.parse(unknown.stdout)).toMatchObject({ state: "host-key-needed" });

  changeSettings((file) => {
    const { config } = file.toJS() as { config: Record<string, { name: string }[]> };
    const at = config["holdfast:hosts"]?.findIndex(({ name }) => name === standby) ?? -1;
    file.setIn(["config", "holdfast:hosts", at, "hostKey"], hostOf(standby).hostKey);
  });
  await replaced(standby);
  const after = await voters(active);
  expect(Object.keys(after).toSorted()).toEqual(residents);
  expect(after[standby]).not.toBe(before[standby]);
  expect(await healthy()).toEqual({ active, standby });
  expect(await agentStatus(active)).toMatchObject({ role: "active", epoch });
  await expectSignedThroughout();
  const again = await replace(standby);
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("nothing to do")]);
});

test("the active host hands over first, and comes back with its old host key", { timeout: 400_000 }, async () => {
  const { active, standby } = await fresh();
  await outOfService(active, anew, "--without-standby");
  await signsAgain(standby);
  await reinstallHost(labName, active, () => {}, true);
  await replaced(active);
  expect(await healthy()).toEqual({ active: standby, standby: active });
  await expectSignedThroughout();
});

test("an arbiter that died in the night: its old vote ends before the new machine has one", {
  timeout: 400_000,
}, async () => {
  const { active } = await fresh();
  const before = await voters(active);
  await injectFault(lab(), "poweroff", "host-c", {});
  await newReport();
  const dead = await outOfService("host-c");
  expect(JSON.parse(dead.stdout)).toMatchObject({ did: [] });
  expect(Object.keys(await voters(active)).toSorted()).toEqual(residents);

  await reinstallHost(labName, "host-c", () => {}, true);
  const { code, stdout, stderr } = await replace("host-c");
  expect(code, stdout + stderr).toBe(0);
  const after = await until("three voters", 30_000, async () => {
    const now = await voters(active);
    return Object.keys(now).length === 3 ? now : null;
  });
  expect(after["host-c"]).not.toBe(before["host-c"]);
  await healthy();
  await expectSignedThroughout();
});

/** What the page tells to type on the server that is left. */
function recovery(): string {
  const page = readFileSync(join(root, "docs/operate/replace-a-host.md"), "utf8");
  const [, section = ""] = page.split("## Most Consul servers are gone for good\n");
  const lines = section.split("\n## ")[0]?.match(/^ {7}\S.*$/gm) ?? [];
  expect(lines.length).toBeGreaterThan(4);
  return lines.map((line) => line.trim()).join("\n");
}

test("two of three servers are gone for good: the one that is left is told so, and both are made anew in one run", {
  timeout: 400_000,
}, async () => {
  const { active, standby } = await fresh();
  const before = await voters(active);
  const gone = [standby, "host-c"];
  for (const host of gone) await reinstallHost(labName, host, () => {}, true);
  await until("nobody to be active", 60_000, async () =>
    (await agentStatus(active)).role === "active" ? null : "demoted",
  );
  // A server that has forgotten everything is not started beside one that counts on it.
  const early = await up();
  expect(early.code).not.toBe(0);
  expect(early.stdout + early.stderr).toContain("Most Consul servers are gone for good");

  await on(active, `set -e\n${recovery()}`);
  await signsAgain(active, 60_000);
  expect(Object.keys(await voters(active))).toEqual([active]);
  const { code, stdout, stderr } = await up();
  expect(code, stdout + stderr).toBe(0);
  const after = await until("three voters", 60_000, async () => {
    const now = await voters(active);
    return Object.keys(now).length === 3 ? now : null;
  });
  for (const host of gone) expect(after[host]).not.toBe(before[host]);
  expect(after[active]).toBe(before[active]);
  await healthy();
  await expectOneSigner();
});
