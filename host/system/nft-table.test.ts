import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hasTable, listTable } from "./nft-table.ts";

const { PATH } = process.env;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-nft-"));
  process.env.PATH = folder;
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(folder, { recursive: true });
});

/** An nft that says these, and ends so. */
function nft(table: { status: number; out: string }, tables: { status: number; out: string }): void {
  const say = ({ status, out }: { status: number; out: string }) =>
    `echo "${out}" >&${status === 0 ? 1 : 2}; exit ${status}`;
  const script = `#!/bin/sh\ncase "$*" in *"list tables"*) ${say(tables)};; *) ${say(table)};; esac\n`;
  writeFileSync(join(folder, "nft"), script);
  chmodSync(join(folder, "nft"), 0o755);
}
const absent = { status: 1, out: "Error: No such file or directory" };
const refused = { status: 1, out: "Error: Could not process rule: Operation not permitted" };

test("a table that is there", async () => {
  nft({ status: 0, out: "table inet ours {}" }, absent);
  expect(await listTable("ours")).toBe("table inet ours {}\n");
  expect(await hasTable("ours")).toBe(true);
});

test("is absent only when nft names the others and not this one", async () => {
  nft(absent, { status: 0, out: "table inet other" });
  expect(await hasTable("ours")).toBe(false);
});

test("one that cannot be looked at is not absent", async () => {
  nft(refused, { status: 0, out: "table inet ours" });
  await expect(hasTable("ours")).rejects.toThrow("Operation not permitted");
  nft(refused, refused);
  await expect(hasTable("ours")).rejects.toThrow("Operation not permitted");
});

test("a host without nft has no table of ours", async () => {
  expect(await hasTable("ours")).toBe(false);
  await expect(listTable("ours")).rejects.toThrow("ENOENT");
});
