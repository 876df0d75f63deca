import { expect, test } from "vitest";
import { defaultTiming } from "../timing.ts";
import { agentConfigSchema } from "./agent-config.ts";

const config = {
  format: 1,
  network: "localnet",
  account: "validator.localnet",
  host: "host-a",
  roles: ["consul"],
  priority: 100,
  lease: defaultTiming,
  peers: [{ host: "host-a", priority: 100 }],
  consul: {
    datacenter: "holdfast",
    urls: ["https://127.0.0.1:8501"],
    unasked: ["192.0.2.13"],
    caFile: "/ca.pem",
    certFile: "/cert.pem",
  },
  http: { address: "127.0.0.1", port: 2233 },
};

test("the agent takes what the plan writes", () => {
  expect(agentConfigSchema.parse(config)).toEqual(config);
});

test("the agent refuses a lease that breaks the timing rule, with the numbers", () => {
  const unsafe = { ...config, lease: { ...defaultTiming, leaseMs: 6501 } };
  const { error } = agentConfigSchema.safeParse(unsafe);
  expect(error?.issues[0]?.message).toContain("leaseMs 6501 + stopMs 0 + skewMs 500 = 7001 is above takeoverMs 7000");
});

test("the agent refuses what it does not know: a switch that nobody reads is no switch", () => {
  expect(agentConfigSchema.safeParse({ ...config, fence: "off" }).success).toBe(false);
});
