import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { sampleTopology } from "../testing/sample.ts";
import { accessFault, askHost } from "./ask-host.ts";

const { privateKey } = generateKeyPairSync("ec", {
  namedCurve: "prime256v1",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "sec1", format: "pem" },
});

test("a key that can be read keeps nobody out", () => expect(accessFault(privateKey)).toBeUndefined());

test("a key that was cut short is named once, and not shown", () => {
  const fault = accessFault(privateKey.slice(0, 80));
  expect(fault).toMatchObject({ code: "HF_CONFIG_INVALID" });
  expect(fault?.message).toMatch(/^holdfast:ssh.privateKey cannot be read: /);
  expect(fault?.message).not.toContain(privateKey.slice(40, 60));
});

test("no key and no ssh-agent", () => {
  expect(accessFault(undefined, "/run/agent.sock")).toBeUndefined();
  expect(accessFault(undefined, "")?.message).toContain("no ssh-agent runs here");
});

test("a port where nobody listens is told in words, with the host and what to do", async () => {
  const [host] = sampleTopology().hosts;
  if (host === undefined) throw new Error("the sample has no host");
  const answer = await askHost({ ...host, address: "127.0.0.1", ssh: { ...host.ssh, port: 1 } }, privateKey, {
    peers: [],
    adopt: null,
  });
  expect(answer).toEqual({
    fault: {
      code: "HF_HOST_UNREACHABLE",
      message:
        "host-a cannot be reached at root@127.0.0.1 port 1: the connection was refused: nothing listens there (ECONNREFUSED)",
      next: expect.stringContaining("Check that it has power and network"),
    },
  });
});
