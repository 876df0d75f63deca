/** Promise `clean-hosts`. The last scenario: the cluster is gone afterwards. */
import { expect, test } from "vitest";
import { fresh, lab, on, pulumi } from "./cluster.ts";

test("pulumi destroy leaves clean hosts", { timeout: 300_000 }, async () => {
  await fresh();
  const { code, stdout, stderr } = await pulumi("destroy", "--yes", "--skip-preview");
  expect(code, stdout + stderr).toBe(0);
  for (const { name } of lab().hosts) {
    const left = await on(
      name,
      [
        "ls -d /etc/holdfast /etc/needrestart /opt/holdfast /var/lib/holdfast* /var/lib/neard /run/holdfast* /etc/systemd/system/*holdfast* /etc/systemd/system/neard* /etc/sysctl.d/*holdfast* /etc/tmpfiles.d/*holdfast* /etc/sysusers.d/*holdfast* 2>/dev/null",
        "getent passwd neard holdfast-consul",
        "nft list tables | grep holdfast",
        "systemctl list-units --all --plain --no-legend | grep -E 'holdfast|neard'",
        "ps -eo args | grep -E '/opt/holdfast' | grep -v grep",
        "true",
      ].join("; "),
    );
    expect(left.trim(), name).toBe("");
  }
});
