import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HoldfastError } from "../contract/errors.ts";
import { obtain, type Route } from "./obtain.ts";

const before = process.env.XDG_CACHE_HOME;
beforeEach(() => {
  process.env.XDG_CACHE_HOME = mkdtempSync(join(tmpdir(), "obtain-"));
});
afterEach(() => {
  rmSync(process.env.XDG_CACHE_HOME ?? "", { recursive: true });
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
});

let tried: string[] = [];
beforeEach(() => {
  tried = [];
});
const route = (from: Route["from"], failure?: string): Route => ({
  from,
  title: from,
  fill: async (directory) => {
    tried.push(from);
    if (failure !== undefined) throw new Error(failure);
    await writeFile(join(directory, "consul"), from);
  },
});

test("the first route that works is taken, and nothing is done the next time", async () => {
  const routes = [route("download", "no answer"), route("built")];
  const { directory, from } = await obtain("consul", "", routes);
  expect(from).toBe("built");
  expect(readFileSync(join(directory, "consul"), "utf8")).toBe("built");
  expect(await obtain("consul", "", routes)).toEqual({ directory, from });
  expect(tried).toEqual(["download", "built"]);
});

test("on refresh what was built gives way to a better route, and stays if there is still none", async () => {
  await obtain("consul", "", [route("download", "no answer"), route("built")]);
  tried = [];
  const still = await obtain("consul", "", [route("download", "no answer"), route("built")], { refresh: true });
  expect([still.from, tried]).toEqual(["built", ["download"]]);
  const { from, directory } = await obtain("consul", "", [route("download"), route("built")], { refresh: true });
  expect(from).toBe("download");
  expect(readFileSync(join(directory, "consul"), "utf8")).toBe("download");
});

test("two at once do the work once", async () => {
  const both = await Promise.all([obtain("consul", "", [route("built")]), obtain("consul", "", [route("built")])]);
  expect(both[0]).toEqual(both[1]);
  expect(tried).toEqual(["built"]);
});

test("when no route works, the error has the reason of each and what to do", async () => {
  const failing = obtain("consul", "", [route("download", "no answer"), route("built", "Go is not installed")]);
  const error = (await failing.catch((thrown: unknown) => thrown)) as HoldfastError;
  expect(error.code).toBe("HF_TOOLCHAIN");
  expect(error.message).toBe("consul 1.22.6 could not be obtained. download: no answer; built: Go is not installed.");
  expect(error.next).toContain("Put consul (1.22.0 or later, below 2.0.0) on PATH, or install Go");
});
