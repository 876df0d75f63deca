import { expect, test } from "vitest";
import type { DeployedConfig } from "./deployed-config.ts";
import type { AgentLook } from "./maintenance/decide.ts";
import { type Asking, wayToOthers } from "./way-to-others.ts";

const config = { host: "host-a" } as DeployedConfig;
const servers = [{ url: "https://127.0.0.1:8501" }] as never;
const asking = (agent: AgentLook, change: Partial<Asking> = {}): Asking => ({
  host: "host-a",
  agent: { look: async () => agent },
  readConfig: async () => config,
  readAccess: async () => servers,
  ...change,
});
const absent = { absent: "holdfastd.service does not run" };
const none = { readConfig: async () => null };

test("a host that is set up asks by the way that it was given", async () => {
  expect(await wayToOthers(asking({ role: "standby", active: null }))).toEqual({ config, servers });
});

test("a host that surely has no agent asks nobody", async () => {
  expect(await wayToOthers(asking(absent, none))).toBeNull();
});

test.for<[string, AgentLook]>([
  ["runs", { role: "active", active: "host-a" }],
  ["may run", { unknown: "it answered 200 {}" }],
])("an agent that %s without its settings stops the apply", async ([, seen]) => {
  await expect(wayToOthers(asking(seen, none))).rejects.toMatchObject({
    code: "HF_REFUSED",
    message: expect.stringContaining("Nothing was changed here."),
    next: expect.stringContaining("systemctl stop holdfastd.service"),
  });
});

test("credentials that cannot be unsealed stop the apply, whatever the agent says", async () => {
  const readAccess = async () => {
    throw new Error("The credential tls-key was not sealed by this host, or is damaged.");
  };
  for (const seen of [absent, { role: "standby", active: null } as const])
    await expect(wayToOthers(asking(seen, { readAccess }))).rejects.toMatchObject({
      code: "HF_REFUSED",
      message:
        "host-a cannot be changed now, for the other hosts cannot be asked to spare it: The credential tls-key was not sealed by this host, or is damaged. Nothing was changed here.",
      next: expect.stringContaining("the concern consul"),
    });
});
