import { expect, test } from "vitest";
import { lateRules } from "./answers.ts";

test("every address and flow has a port of its own, into which its connections are turned", () => {
  const { targets, rules } = lateRules(
    ["127.0.0.1", "10.77.3.12"],
    [
      { port: 8501, uid: 0 },
      { port: 8300, uid: null },
    ],
  );
  expect(new Set(targets.map(({ listen }) => listen)).size).toBe(4);
  for (const { host, port, listen } of targets)
    expect(rules).toContain(`ip daddr ${host} tcp dport ${port} redirect to :${listen}`);
  expect(rules).toContain("meta skuid 0 ip daddr 10.77.3.12 tcp dport 8501");
});

test("what the proxy itself sends is never turned into it, and standing connections end", () => {
  const { rules } = lateRules(["127.0.0.1"], [{ port: 8300, uid: null }]);
  expect(rules).toContain("meta skuid != 65534 ip daddr 127.0.0.1 tcp dport 8300 redirect");
  expect(rules).toContain("meta skuid != 65534 tcp dport 8300 reject with tcp reset");
});
