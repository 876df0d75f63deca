import { afterEach, expect, test } from "vitest";
import type { Claim } from "../../contract/wire/identity.ts";
import { createKeyPair, startSshServer, type TestSshServer } from "../../ssh/testing/ssh-server.ts";
import type { SettingsInput } from "../config/schema.ts";
import { type HostAtCloud, isAtCloud } from "../config/topology.ts";
import { sampleCloudInput, sampleHostKey, sampleTopology } from "../testing/sample.ts";
import { strangerFaults } from "./to-adopt.ts";

const claim: Claim = {
  id: "hf-00000000000000aa",
  stack: "organization/holdfast/ours",
  network: "localnet",
  account: "validator.localnet",
  adopt: "hf-00000000000000bb",
};
/** What a server of the deployment `id` answers. */
const deployedBy = (id: string, host = "host-b") => {
  const identity = { ...claim, id, stack: "organization/holdfast/theirs", host, since: "2026-01-02T03:04:05.000Z" };
  return `identity=${Buffer.from(JSON.stringify(identity)).toString("base64")}`;
};
const answering = (...lines: string[]) =>
  `printf '%s\\n' 'holdfast: begins here' ${lines.map((line) => `'${line}'`).join(" ")} authoritySince=`;

const client = createKeyPair();
const patience = { withinMs: 3000, retryMs: 300 };
let sshd: TestSshServer;
afterEach(async () => await sshd.close());

/** host-b adopts the server 4711, which has our test server's address and port. */
async function ask(
  hostKey: string | undefined,
  more: { key?: string; addresses?: [string, string][]; says?: string; id?: null } = {},
) {
  sshd = await startSshServer("root", client, process.env, { forced: more.says ?? answering() });
  const [a, b, c] = sampleCloudInput().hosts;
  const own = hostKey ?? sshd.hostKey;
  const cloud = { location: "nbg1", adopt: { server: 4711, primaryIp: 815 } };
  const hosts = [a, { ...b, hostKey: own, cloud }, c] as SettingsInput["hosts"];
  const at = sampleTopology(sampleCloudInput({ hosts }))
    .hosts.filter(isAtCloud)
    .map((host): HostAtCloud => ({ ...host, ssh: { ...host.ssh, port: sshd.port } }));
  const login = { privateKey: more.key ?? client.privateKey };
  return await strangerFaults(
    at,
    new Map(more.addresses ?? [["host-b", "127.0.0.1"]]),
    login,
    { ...claim, ...more },
    patience,
  );
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

test("a server of this stack, or of the deployment that is adopted, may be taken", async () => {
  for (const id of [claim.id, claim.adopt ?? ""]) {
    expect(await ask(undefined, { says: answering(deployedBy(id)) }), id).toEqual([]);
    await sshd.close();
  }
});

test("one of a third deployment is refused before anything is changed, with all ids and what to do", async () =>
  expect(await ask(undefined, { says: answering(deployedBy("hf-00000000000000cc")) })).toEqual([
    {
      code: "HF_HOST_FOREIGN",
      message:
        "host-b (127.0.0.1) belongs to the deployment hf-00000000000000cc (stack organization/holdfast/theirs, validator.localnet " +
        "on localnet, since 2026-01-02T03:04:05.000Z), not to the deployment hf-00000000000000aa of this stack, " +
        "organization/holdfast/ours, nor to hf-00000000000000bb, which holdfast:adopt names; nothing of the server 4711 was changed",
      next: expect.stringContaining("pulumi config set holdfast:adopt hf-00000000000000cc"),
    },
  ]));

test("a stack that has deployed nothing yet has no servers of its own", async () => {
  expect(await ask(undefined, { says: answering(deployedBy(claim.adopt ?? "")), id: null })).toEqual([]);
  await sshd.close();
  expect(await ask(undefined, { says: answering(deployedBy(claim.id)), id: null })).toMatchObject([
    {
      code: "HF_HOST_FOREIGN",
      message: expect.stringContaining(
        "not to this stack, organization/holdfast/ours, nor to hf-00000000000000bb, which holdfast:adopt names; nothing of",
      ),
    },
  ]);
});

test("one that is another host of its deployment is refused", async () =>
  expect(await ask(undefined, { says: answering(deployedBy(claim.adopt ?? "", "host-c")) })).toMatchObject([
    {
      code: "HF_HOST_FOREIGN",
      message: "host-b (127.0.0.1) is host-c of its deployment; nothing of the server 4711 was changed",
    },
  ]));

test("one that does not say whose it is, is not taken for nobody's", async () =>
  expect(await ask(undefined, { says: "echo 'Please log in as admin.'" })).toMatchObject([
    { message: expect.stringMatching(/; nothing of the server 4711 was changed$/) },
  ]));
