/** Promise `restore-silently`: a snapshot of Consul is restored with nobody signing meanwhile. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { agentStatus, expectOneSigner, fresh, healthy, holdfast, witness } from "./cluster.ts";

test("a snapshot with an old lock in it: all let go, then one host signs again", { timeout: 180_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-snapshot-"));
  const file = join(directory, "consul.snap");
  try {
    const { active, standby } = await fresh();
    const saved = await holdfast("snapshot", "save", file, "--json");
    expect(saved.code, saved.stderr).toBe(0);
    // The snapshot has the lock in the hands of a host that has given it away since.
    const moved = await holdfast("switchover", "--yes", "--heard-timeout", "0", "--to", standby);
    expect(moved.code, moved.stderr).toBe(0);
    const restored = await holdfast("snapshot", "restore", file, "--yes", "--json");
    expect(restored.code, restored.stderr).toBe(0);
    const { active: now, tookMs } = JSON.parse(restored.stdout) as { active: string; tookMs: number };
    expect([active, standby]).toContain(now);
    expect(tookMs).toBeLessThan(40_000);
    await healthy();
    const { gaps } = await expectOneSigner();
    console.log(`silent for ${Math.max(...gaps.map((gap) => gap.seconds)).toFixed(1)} s`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a snapshot that Consul refuses: all go on as before", { timeout: 180_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-snapshot-"));
  const file = join(directory, "broken.snap");
  try {
    const { active, standby } = await fresh();
    writeFileSync(file, gzipSync("an archive, but not one of Consul's"));
    const { code, stderr } = await holdfast("snapshot", "restore", file, "--yes");
    expect(code).toBe(1);
    expect(stderr).toContain("Consul said no");
    await healthy();
    for (const host of [active, standby]) expect((await agentStatus(host)).standDown).toBeNull();
    await expectOneSigner();
    expect((await witness()).current?.host).toBeDefined();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
