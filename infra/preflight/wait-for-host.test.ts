import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createKeyPair, startSshServer, type TestSshServer } from "../../ssh/testing/ssh-server.ts";
import { type HostAtCloud, isAtCloud } from "../config/topology.ts";
import { sampleCloudInput, sampleTopology } from "../testing/sample.ts";
import {
  type BootReport,
  bootFaults,
  bootReportFrom,
  bootScript,
  bootWarnings,
  usualPatience,
  waitForHost,
} from "./wait-for-host.ts";

const [sample] = sampleTopology(sampleCloudInput()).hosts.filter(isAtCloud) as [HostAtCloud];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-boot-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Programs that stand in for a host's; each is a shell script. */
function has(programs: Record<string, string>): void {
  for (const [name, script] of Object.entries(programs))
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function run(seconds = { cloudInit: 5, address: 0 }): BootReport | undefined {
  const script = bootScript("10.233.79.234", seconds)
    .replace("PATH=", `PATH=${folder}:`)
    .replace("/sys/bus/pci/rescan", join(folder, "rescan"));
  return bootReportFrom(
    execFileSync("sh", ["-s"], { input: script, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] }),
  );
}

const addresses = (...all: string[]) => ({
  ip: all.map((address) => `echo "2: enp7s0    inet ${address}/32 brd x scope global enp7s0"`).join("\n") || "true",
  hostname: `echo ${all.join(" ")}`,
});

describe("what a host says when it is asked", () => {
  test("it is ready", () => {
    has({ "cloud-init": "exit 0", ...addresses("203.0.113.7", "10.233.79.234") });
    expect(run()).toEqual({ cloudInit: "done", detail: "", hasAddress: true, addresses: "203.0.113.7 10.233.79.234" });
  });
  test.each([
    [1, "error"],
    [2, "degraded"],
  ])("cloud-init ended with %i", (code, cloudInit) => {
    has({
      "cloud-init": `[ "$2" = --long ] && { echo "status: error"; echo "detail: a module failed"; exit ${code}; }\nexit ${code}`,
      ...addresses(),
    });
    expect(run()).toMatchObject({ cloudInit, detail: expect.stringContaining("a module failed"), hasAddress: false });
  });
  test("cloud-init does not come to an end", () => {
    has({
      "cloud-init": '[ "$2" = --long ] && exec echo "status: running"\nexec sleep 30',
      ...addresses("10.233.79.234"),
    });
    expect(run({ cloudInit: 1, address: 0 })).toMatchObject({ cloudInit: "late", detail: "status: running" });
  });
  test("another address that begins like it is not it", () => {
    has({ "cloud-init": "exit 0", ...addresses("10.233.79.2", "110.233.79.234") });
    expect(run()?.hasAddress).toBe(false);
  });
  test("an address that comes later is waited for", () => {
    has({ "cloud-init": "exit 0", ...addresses("10.233.79.234") });
    const later = join(folder, "later");
    has({ ip: `test -f ${later} && echo "2: e inet 10.233.79.234/32" || touch ${later}` });
    expect(run({ cloudInit: 5, address: 5 })?.hasAddress).toBe(true);
  });
  test("something else answers", () => {
    expect(bootReportFrom("")).toBeUndefined();
    expect(bootReportFrom("This account is currently not available.\n")).toBeUndefined();
    expect(bootReportFrom("cloudInit=done\n")).toBeUndefined();
  });
});

describe("what is told of it", () => {
  const ready: BootReport = { cloudInit: "done", detail: "", hasAddress: true, addresses: "203.0.113.7" };
  const faults = (more: Partial<BootReport>) =>
    bootFaults(sample, { ...ready, ...more }, usualPatience).map(({ message, next }) => `${message} | ${next}`);
  test.each(["done", "degraded", "none"] as const)("nothing, when cloud-init is %s", (cloudInit) =>
    expect(faults({ cloudInit })).toEqual([]),
  );
  test("cloud-init went on after errors: a warning", () => {
    const warnings = (cloudInit: BootReport["cloudInit"]) => bootWarnings(sample, { ...ready, cloudInit, detail: "x" });
    expect(warnings("degraded")).toEqual([
      "host-a: cloud-init went on after errors (x). See which: holdfast ssh host-a -- cloud-init status --long.",
    ]);
    expect([warnings("done"), warnings("none")]).toEqual([[], []]);
  });
  test("cloud-init failed", () =>
    expect(faults({ cloudInit: "error", detail: "status: error" })).toEqual([
      expect.stringMatching(
        /^host-a was not set up by cloud-init as it should \(status: error\) \| Look at it: holdfast ssh host-a/,
      ),
    ]));
  test("cloud-init goes on", () =>
    expect(faults({ cloudInit: "late" })[0]).toContain("still being set up by cloud-init after 10 min"));
  test("the private interface never came", () =>
    expect(faults({ hasAddress: false })).toEqual([
      expect.stringMatching(
        /^host-a has not got its address 10\.233\.79\.234 in the private network \(it has 203\.0\.113\.7\) \| Restart it/,
      ),
    ]));
});

describe("a server that boots", () => {
  const client = createKeyPair();
  const patience = { withinMs: 20_000, addressMs: 1000 };
  let sshd: TestSshServer | undefined;
  afterEach(async () => await sshd?.close());
  const at = (port: number, hostKey: string): HostAtCloud => ({
    ...sample,
    // It has that for sure.
    address: "127.0.0.1",
    ssh: { host: "127.0.0.1", port, user: "root", hostKey, proxy: null },
  });
  const wait = (host: HostAtCloud, more: Partial<typeof patience> = {}, said: string[] = []) =>
    waitForHost(host, { privateKey: client.privateKey }, (what) => said.push(what), { ...patience, ...more });

  test("is ready when it answers and has what it should", async () => {
    sshd = await startSshServer("root", client);
    const said: string[] = [];
    expect(await wait(at(sshd.port, sshd.hostKey), {}, said)).toEqual({ faults: [], warnings: [] });
    expect(said).toEqual([
      "waiting until it answers over SSH",
      "waiting until cloud-init is done and the private address is there",
    ]);
  });
  test("is tried again while nobody listens, or hangs up", async () => {
    sshd = await startSshServer("root", client, process.env, { patience: 2 });
    expect(await wait(at(sshd.port, sshd.hostKey))).toEqual({ faults: [], warnings: [] });
    expect(sshd.taken).toBe(3);
  });
  test("a mistake of ours is not waited out", async () => {
    sshd = await startSshServer("root", client);
    const say = (what: string) => {
      if (what.includes("cloud-init")) throw new Error("a mistake");
    };
    const host = at(sshd.port, sshd.hostKey);
    await expect(waitForHost(host, { privateKey: client.privateKey }, say, patience)).rejects.toThrow("a mistake");
  });
  test("that never answers is told in words, with what to look at", async () => {
    const [fault, ...others] = (await wait(at(1, createKeyPair().publicKey), { withinMs: 3000 })).faults;
    expect(others).toEqual([]);
    expect(fault).toMatchObject({
      code: "HF_HOST_UNREACHABLE",
      message: expect.stringContaining("host-a cannot be reached"),
      next: expect.stringContaining("Hetzner's console"),
    });
  });
  test("that shows another host key than the one that it was given", async () => {
    sshd = await startSshServer("root", client);
    const [fault] = (await wait(at(sshd.port, createKeyPair().publicKey), { withinMs: 3000 })).faults;
    expect(fault).toMatchObject({
      code: "HF_HOST_KEY_MISMATCH",
      next: expect.stringContaining("It was given its host key as it was made"),
    });
  });
  test("that is without its private address", async () => {
    sshd = await startSshServer("root", client);
    const [fault] = (await wait({ ...at(sshd.port, sshd.hostKey), address: "10.233.79.234" })).faults;
    expect(fault?.message).toContain("has not got its address 10.233.79.234 in the private network");
  });
});
