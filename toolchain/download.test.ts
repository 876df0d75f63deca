import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { downloadInto, findChecksum } from "./download.ts";
import { Step } from "./progress.ts";

let directory: string;
let server: Server;
let base: string;
let archive: Buffer;
let step: Step;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "download-"));
  writeFileSync(join(directory, "tool"), "#!/bin/sh\n", { mode: 0o755 });
  execFileSync("tar", ["-czf", "tool.tar.gz", "tool"], { cwd: directory });
  archive = readFileSync(join(directory, "tool.tar.gz"));
  server = createServer((request, response) => {
    if (request.url === "/sums") response.end(`${"0".repeat(64)}  other.tar.gz\n${sha256(archive)}  tool.tar.gz\n`);
    else if (request.url === "/tool.tar.gz") response.end(archive);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  step = new Step("tool", "downloading", undefined);
});

afterEach(() => {
  step.end();
  server.close();
  rmSync(directory, { recursive: true });
});

const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

function target(): string {
  const path = join(directory, "target");
  mkdirSync(path);
  return path;
}

test("an archive with the right checksum is unpacked, and only its content stays", async () => {
  const into = target();
  await downloadInto(into, { url: `${base}/tool.tar.gz`, sha256: sha256(archive) }, step);
  expect(readdirSync(into)).toEqual(["tool"]);
  expect(step.text).toBe("downloading: 0 of 0 MB");
});

test("the checksum may come from the vendor's list", async () => {
  const into = target();
  await downloadInto(into, { url: `${base}/tool.tar.gz`, sha256From: `${base}/sums` }, step);
  expect(readdirSync(into)).toEqual(["tool"]);
});

test("an archive with another checksum is not unpacked", async () => {
  const into = target();
  const download = downloadInto(into, { url: `${base}/tool.tar.gz`, sha256: "0".repeat(64) }, step);
  await expect(download).rejects.toThrow(`has the sha256 ${sha256(archive)} and should have ${"0".repeat(64)}`);
  expect(readdirSync(into)).not.toContain("tool");
});

test("nothing is downloaded without a checksum", async () => {
  await expect(downloadInto(directory, { url: `${base}/tool.tar.gz` }, step)).rejects.toThrow(
    "the lock has no checksum",
  );
});

test("a host that is not there is said to be so, also the second time", async () => {
  const url = "http://nowhere.invalid/tool.tar.gz";
  for (let time = 0; time < 2; time++) {
    await expect(downloadInto(directory, { url, sha256: "" }, step)).rejects.toThrow("nowhere.invalid is not known");
  }
});

test("an answer that is no file is an error of that file alone", async () => {
  await expect(downloadInto(directory, { url: `${base}/absent`, sha256: "" }, step)).rejects.toThrow("answered 404");
  const into = target();
  await downloadInto(into, { url: `${base}/tool.tar.gz`, sha256: sha256(archive) }, step);
});

test("a checksum is found by the whole name, in the usual forms of lists", () => {
  const [a, b] = ["a".repeat(64), "b".repeat(64)];
  expect(findChecksum(`${a}  tool.tar.gz.sig\n${b} *tool.tar.gz\n`, "tool.tar.gz")).toBe(b);
  expect(findChecksum(`${a}  ./tool.zip\n`, "tool.zip")).toBe(a);
  expect(findChecksum("not a list", "tool.zip")).toBeUndefined();
});
