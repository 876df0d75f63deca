import { generateKeyPairSync } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { type Dialled, dial, pausesBy } from "./dial.ts";
import { exec } from "./exec.ts";
import { explain, SshFailure } from "./failure.ts";
import { createKeyPair, type Lacks, startSshServer, type TestSshServer } from "./testing/ssh-server.ts";
import type { SshEnd, Way } from "./way.ts";

const client = createKeyPair();
const login = { privateKey: client.privateKey };
const patience = { withinMs: 5000, retryMs: 3000 };
const closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(lacks: Lacks = {}, user = "root"): Promise<TestSshServer & { end: SshEnd }> {
  const started = await startSshServer(user, client, process.env, lacks);
  closing.push(() => started.close());
  return Object.assign(started, { end: { host: "127.0.0.1", port: started.port, user, hostKey: started.hostKey } });
}

const wayTo = (end: SshEnd, proxy: SshEnd | null = null): Way => ({ name: "host-a", ...end, proxy });

async function dialled(way: Way, by = login): Promise<Dialled> {
  const open = await dial(way, by, patience);
  closing.push(() => open.destroy());
  return open;
}

/** What an operator reads. */
async function said(way: Way, by = login): Promise<{ code: string; message: string; next: string }> {
  const failure = await dial(way, by, { withinMs: 3000, retryMs: 300 }).catch((error: unknown) => error);
  if (!(failure instanceof SshFailure)) throw failure;
  return explain(way, failure);
}

describe("a server that is short of patience (MaxStartups)", () => {
  test("is asked again until it has time", async () => {
    const busy = await server({ patience: 3 });
    await dialled(wayTo(busy.end));
    expect(busy.taken).toBe(4);
  });

  test("is named when it never has", async () => {
    const { end } = await server({ patience: 1000 });
    expect(await said(wayTo(end))).toMatchObject({
      code: "HF_HOST_UNREACHABLE",
      message: expect.stringContaining("hangs up before the login"),
      next: expect.stringContaining("MaxStartups"),
    });
  });

  test("a jump host is asked again too", async () => {
    const [{ end: far }, { end: jump }] = [await server({ patience: 1 }), await server({ patience: 2 }, "jump")];
    await dialled(wayTo(far, jump));
  });

  test("what will not be otherwise in a moment is not repeated", async () => {
    const { end, ...rest } = await server();
    const startMs = performance.now();
    expect(await said(wayTo(end), { privateKey: createKeyPair().privateKey })).toMatchObject({
      code: "HF_HOST_UNREACHABLE",
      message: "host-a (127.0.0.1) refused the SSH login of root",
    });
    expect(performance.now() - startMs).toBeLessThan(2000);
    expect(rest.taken).toBeLessThan(2);
  });
});

test("hosts that are asked together do not stay in step: their longest pauses differ", () => {
  expect([0, 0.25, 1].map((chance) => pausesBy(chance).maxTimeout)).toEqual([1000, 1250, 2000]);
  // Else they would: all of them wait for the longest one from the fifth time on.
  expect(pausesBy(0)).toMatchObject({ minTimeout: 100, factor: 2, randomize: true });
});

test("who does not want it any more ends it in the middle of a pause", async () => {
  const abort = new AbortController();
  const startMs = performance.now();
  setTimeout(() => abort.abort(new Error("enough")), 50);
  const way = wayTo({ host: "127.0.0.1", port: 1, user: "root", hostKey: createKeyPair().publicKey });
  await expect(dial(way, login, { ...patience, signal: abort.signal })).rejects.toThrow("enough");
  expect(performance.now() - startMs).toBeLessThan(1000);
});

describe("through a jump host", () => {
  test("a command runs on the host behind it, and both keys are the pinned ones", async () => {
    const [{ end: far }, jump] = [await server({}, "root"), await server({}, "jump")];
    const way = wayTo(far, jump.end);
    const open = await dialled(way);
    expect(await exec(open.client, way, ["echo", "there"])).toMatchObject({ code: 0, stdout: "there\n" });
    jump.cutConnections();
    await expect.poll(() => open.lost).toBe(true);
  });

  test("one that is another than pinned", async () => {
    const [{ end: far }, { end: jump }] = [await server(), await server({}, "jump")];
    const hostKey = createKeyPair().publicKey;
    expect(await said(wayTo(far, { ...jump, hostKey }))).toMatchObject({
      code: "HF_HOST_KEY_MISMATCH",
      message: `The jump host of host-a (127.0.0.1) shows another SSH host key than the pinned one: ${jump.hostKey}`,
    });
    expect(await said(wayTo({ ...far, hostKey }, jump))).toMatchObject({
      code: "HF_HOST_KEY_MISMATCH",
      message: `host-a (127.0.0.1) shows another SSH host key than the pinned one: ${far.hostKey}`,
    });
  });

  test("one that forwards nothing", async () => {
    const [{ end: far }, { end: jump }] = [await server(), await server({ forwarding: true }, "jump")];
    // ssh2's server can refuse without a reason only: sshd says that it is prohibited.
    expect(await said(wayTo(far, jump))).toMatchObject({
      message: expect.stringContaining("the jump host 127.0.0.1 says"),
    });
  });
});

describe("a server with which there is nothing in common", () => {
  test("no key exchange: what it offers, and what would do", async () => {
    const { end } = await server({ algorithms: { kex: ["diffie-hellman-group1-sha1"] } });
    expect(await said(wayTo(end))).toMatchObject({
      code: "HF_HOST_LOGIN",
      message: expect.stringMatching(/offers no key exchange .*: only diffie-hellman-group1-sha1/),
      next: expect.stringContaining("curve25519-sha256 (KexAlgorithms)"),
    });
  });

  test("no cipher", async () => {
    const { end } = await server({ algorithms: { cipher: ["aes256-cbc"] } });
    expect(await said(wayTo(end))).toMatchObject({
      code: "HF_HOST_LOGIN",
      message: expect.stringMatching(/offers no cipher .*: only aes256-cbc/),
    });
  });

  test("no key of the pinned type is another host", async () => {
    const { end } = await server();
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const { x = "", y = "" } = publicKey.export({ format: "jwk" });
    const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
    const field = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
    const blob = Buffer.concat(["ecdsa-sha2-nistp256", "nistp256", point].map((part) => field(Buffer.from(part))));
    const hostKey = `ecdsa-sha2-nistp256 ${blob.toString("base64")}`;
    expect(await said(wayTo({ ...end, hostKey }))).toMatchObject({
      code: "HF_HOST_KEY_MISMATCH",
      message: "host-a (127.0.0.1) has no SSH host key of the pinned type, ecdsa-sha2-nistp256: it has ssh-ed25519",
    });
  });
});

test("a private key that cannot be read", async () => {
  const { end } = await server();
  await expect(dial(wayTo(end), { privateKey: "none" }, patience)).rejects.toMatchObject({ code: "HF_CONFIG_INVALID" });
});
