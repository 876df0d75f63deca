/** Hosts that come and go by configuration alone: what the scenarios about it share. */
import { afterEach, expect } from "vitest";
import { credentials, paths, ports, units } from "../../contract/paths.ts";
import type { HostRole } from "../../contract/topology.ts";
import { addHosts, removeHost } from "../../lab/hosts/lab.ts";
import { wayTo } from "../../lab/localnet/settings.ts";
import { expectOneSigner, hostOf, lab, labName, type Outcome, on, up } from "./cluster.ts";
import { changeSettings, keepSettings } from "./settings.ts";

export const comer = "host-d";
/** In the order of names the host after the comer: its keeper, by whom its token would be taken back. */
export const neighbour = "host-e";
export const residents = ["host-a", "host-b", "host-c"];
const longestSilenceSeconds = 3;

/** Every test of the file ends with the hosts and the settings with which the cluster was made. */
export function keepHosts(): void {
  // After the settings are back, for as long as the comer is in the stack `pulumi up` must reach it (vitest's hooks
  // of this kind run in reverse order).
  afterEach(async () => {
    for (const name of [comer, neighbour])
      if (lab().hosts.some((host) => host.name === name)) await removeHost(labName, name);
  });
  keepSettings({ applied: true });
}

/** New machines, and their entries in the settings. */
export async function addComers(roles: readonly HostRole[], names = [comer]): Promise<void> {
  await addHosts(labName, names, () => {});
  changeSettings((file) => {
    for (const name of names) {
      const host = hostOf(name);
      const entry = { name, ...wayTo(lab(), host), hostKey: host.hostKey, roles };
      file.addIn(["config", "holdfast:hosts"], file.createNode(entry));
    }
  });
}

export function dropFromSettings(name: string): void {
  changeSettings((file) => {
    const { config } = file.toJS() as { config: Record<string, { name: string }[]> };
    const position = config["holdfast:hosts"]?.findIndex((host) => host.name === name) ?? -1;
    expect(position).toBeGreaterThanOrEqual(0);
    file.deleteIn(["config", "holdfast:hosts", position]);
  });
}

/** Whatever restarts Consul or neard on a host that stays changes this. */
export async function processes(): Promise<string[]> {
  const command = "systemctl show holdfast-consul neard --property=MainPID --value | tr '\\n' ' '";
  return await Promise.all(residents.map(async (host) => `${host}: ${await on(host, command)}`));
}

export const readToken = `systemd-creds decrypt --name=${credentials.consulToken} ${paths.credentials}/${credentials.consulToken}.cred -`;

/** What Consul's own command says, asked on a host that stays, by default with that host's token. */
export async function consul(command: string, token = `$(${readToken})`): Promise<string> {
  return await on(
    "host-c",
    `CONSUL_HTTP_TOKEN=${token} ` +
      `${paths.consul} ${command} -http-addr=https://127.0.0.1:${ports.consulHttps} -ca-file=${paths.caCertificate} ` +
      `-client-cert=${paths.hostCertificate} -client-key=/run/credentials/${units.consul}/${credentials.tlsKey}`,
  );
}

/** Names of Consul's servers that vote, by Consul itself. */
export async function raftVoters(): Promise<string[]> {
  const rows = (await consul("operator raft list-peers")).split("\n").slice(1).filter(Boolean);
  return rows
    .filter((row) => /\strue\s/.test(row))
    .map((row) => row.split(/\s+/)[0] ?? "")
    .toSorted();
}

export async function applies(): Promise<Outcome> {
  const outcome = await up();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  return outcome;
}

/** As many hosts are: neard's data on a file system of its own, and files that root makes for root alone. */
export async function makeUsual(host: string): Promise<void> {
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
export async function expectClean(host: string): Promise<void> {
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

export async function expectSignedThroughout(): Promise<void> {
  const report = await expectOneSigner();
  const longest = Math.max(0, ...report.gaps.map((gap) => gap.seconds));
  console.log(`longest silence ${longest.toFixed(1)} s, missed blocks ${report.missed}`);
  expect(longest, JSON.stringify(report.gaps)).toBeLessThanOrEqual(longestSilenceSeconds);
}
