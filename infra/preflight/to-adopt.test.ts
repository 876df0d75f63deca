import { afterEach, expect, test } from "vitest";
import { createKeyPair, startSshServer, type TestSshServer } from "../../ssh/testing/ssh-server.ts";
import type { SettingsInput } from "../config/schema.ts";
import { type HostAtCloud, isAtCloud } from "../config/topology.ts";
import { sampleCloudInput, sampleHostKey, sampleTopology } from "../testing/sample.ts";
import { strangerFaults } from "./to-adopt.ts";

const client = createKeyPair();
const patience = { withinMs: 3000, retryMs: 300 };
let sshd: TestSshServer;
afterEach(async () => await sshd.close());

/** host-b adopts the server 4711, which has our test server's address and port. */
async function ask(hostKey: string | undefined, more: { key?: string; addresses?: [string, string][] } = {}) {
  sshd = await startSshServer("root", client);
  const [a, b, c] = sampleCloudInput().hosts;
  const own = hostKey ?? sshd.hostKey;
  const cloud = { location: "nbg1", adopt: { server: 4711, primaryIp: 815 } };
  const hosts = [a, { ...b, hostKey: own, cloud }, c] as SettingsInput["hosts"];
  const at = sampleTopology(sampleCloudInput({ hosts }))
    .hosts.filter(isAtCloud)
    .map((host): HostAtCloud => ({ ...host, ssh: { ...host.ssh, port: sshd.port } }));
  const login = { privateKey: more.key ?? client.privateKey };
  return await strangerFaults(at, new Map(more.addresses ?? [["host-b", "127.0.0.1"]]), login, patience);
}

test("the server that is meant shows its host key, and lets us in", async () => {
  expect(await ask(undefined)).toEqual([]);
  expect(sshd.taken).toBe(1);
});

test("another one is told, with what to compare", async () =>
  expect(await ask(sampleHostKey("own"))).toEqual([
    {
      code: "HF_HOST_KEY_MISMATCH",
      message: expect.stringMatching(
        /^host-b \(127\.0\.0\.1\) shows another SSH host key than the pinned one: ssh-ed25519 .*; nothing of the server 4711 was changed$/,
      ),
      next: expect.stringMatching(/^Compare cloud\.adopt\.server and hostKey of host-b with the server's id/),
    },
  ]));

test("one that does not let us in would be of no use", async () =>
  expect(await ask(undefined, { key: createKeyPair().privateKey })).toMatchObject([
    { message: "host-b (127.0.0.1) refused the SSH login of root; nothing of the server 4711 was changed" },
  ]));

test("hosts that adopt nothing in this run are not asked", async () => {
  expect(await ask(sampleHostKey("own"), { addresses: [] })).toEqual([]);
  expect(sshd.taken).toBe(0);
});
