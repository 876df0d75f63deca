/** Promise `agent-is-not-the-key`. */
import { expect, test } from "vitest";
import { agentStatus, bundleOnHost, expectOneSigner, fresh, on, until } from "./cluster.ts";

const ways = {
  "kill -9": "systemctl kill -s KILL --kill-whom=main holdfastd",
  restart: "systemctl restart holdfastd",
  // Another build in the place of the one that runs; how a release is upgraded is test/upgrade's.
  upgrade: `echo '// another build' >> $(${bundleOnHost}) && systemctl restart holdfastd`,
};

test.for(Object.entries(ways))("%s of the active host's agent moves no key and misses no slot", async ([, command]) => {
  const { active } = await fresh();
  const before = await agentStatus(active);
  await on(active, command);
  const after = await until("the new agent to be active", 15_000, async () => {
    const status = await agentStatus(active);
    return status.role === "active" && status.uptimeMs < before.uptimeMs ? status : null;
  });
  expect(after.epoch).toBe(before.epoch);
  // Eight slots: an endorsement of ours falls due in each.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const report = await expectOneSigner();
  expect(Object.keys(report.byHost)).toEqual([active]);
  expect(report.missed + report.missedEndorsements, `missed heights ${report.missedHeights.join(", ")}`).toBe(0);
  expect(report.accepted).toBeGreaterThan(0);
});
