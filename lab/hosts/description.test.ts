import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  checkLabName,
  findLab,
  freeAddresses,
  hostOf,
  labPaths,
  loadLab,
  networkAddresses,
  newLab,
  saveLab,
} from "./description.ts";
import { writeAtomic } from "./files.ts";
import { withNeard } from "./lab.ts";
import { releaseIndex, reserveIndex } from "./network.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lab-"));
  vi.stubEnv("HOLDFAST_LAB_ROOT", root);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

const host = (name: string, last: number) =>
  ({ name, address: `10.77.4.${last}`, user: "root", port: 22, hostKey: "ssh-ed25519 AAAA", arch: "x64" }) as const;

test("a lab is found again as it was saved, and only under its name", () => {
  const lab = { ...newLab("test", 4), hosts: [host("host-a", 11)] };
  saveLab(lab);
  expect(loadLab("test")).toEqual(lab);
  expect(findLab("other")).toBeNull();
  expect(() => loadLab("other")).toThrow(
    expect.objectContaining({ code: "HF_LAB", next: expect.stringContaining("up --lab other") }),
  );
});

test("the default lab's stack is localnet, another one's has its name", () => {
  expect(newLab("localnet", 1)).toMatchObject({ stack: "localnet", bridge: "hf-localnet", gateway: "10.77.1.1" });
  expect(newLab("test", 7)).toMatchObject({ stack: "localnet-test", bridge: "hf-test", subnet: "10.77.7.0/24" });
});

test.each(["", "Test", "1st", "ninechars", "a-b", "../x"])("%j cannot name a lab", (name) => {
  expect(() => checkLabName(name)).toThrow(expect.objectContaining({ code: "HF_USAGE" }));
});

test("the longest name makes a bridge that the kernel takes", () => {
  expect(newLab("eightchr", 254).bridge.length).toBeLessThanOrEqual(15);
});

test("new hosts get the lowest addresses that are free", () => {
  const lab = { ...newLab("test", 4), hosts: [host("host-a", 11), host("host-c", 13)] };
  expect(freeAddresses(lab, 2)).toEqual(["10.77.4.12", "10.77.4.14"]);
  expect(() => freeAddresses(lab, 239)).toThrow(expect.objectContaining({ code: "HF_LAB" }));
});

test("an unknown host is answered with those there are", () => {
  const lab = { ...newLab("test", 4), hosts: [host("host-a", 11), host("host-b", 12)] };
  expect(() => hostOf(lab, "host-z")).toThrow(
    expect.objectContaining({ code: "HF_USAGE", next: "Its hosts: host-a, host-b." }),
  );
});

test("two labs never get one index; the same lab keeps its own; a freed one is used again", () => {
  const first = reserveIndex("first");
  const second = reserveIndex("second");
  expect(second).not.toBe(first);
  expect(reserveIndex("first")).toBe(first);
  releaseIndex(newLab("first", first));
  expect(reserveIndex("third")).toBe(first);
  expect(Math.min(first, second)).toBeGreaterThan(1);
});

test("every path of a lab is inside its own directory", () => {
  expect(labPaths("test").host("host-a").disk).toBe(`${root}/test/hosts/host-a/disk.ext4`);
});

test("a lab that was made before there was a choice of neards is read as ever", () => {
  const { neard: _, ...old } = newLab("test", 4);
  writeAtomic(labPaths("test").description, JSON.stringify(old));
  expect(loadLab("test")).toEqual(newLab("test", 4));
});

const neard = { file: "/neard", release: "2.13.4", sha256: "0" };

test("the network's addresses are none that a host could get", () => {
  const lab = { ...newLab("test", 4), neard };
  expect(networkAddresses(newLab("test", 4))).toEqual([]);
  expect(networkAddresses(lab)).toHaveLength(4);
  expect(freeAddresses(lab, 200)).not.toEqual(expect.arrayContaining(networkAddresses(lab)));
});

test("a lab of real neards takes another one and keeps its own; one with the simulated chain takes none", () => {
  const real = { ...newLab("test", 4), neard };
  const newer = { ...neard, release: "2.14.0" };
  expect(withNeard(real, newer)?.neard).toEqual(newer);
  expect(withNeard(real, null)?.neard).toEqual(neard);
  expect(withNeard(null, neard)).toBeNull();
  expect(() => withNeard(newLab("test", 4), neard)).toThrow(expect.objectContaining({ code: "HF_REFUSED" }));
});
