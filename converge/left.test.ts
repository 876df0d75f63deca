import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { askToLeave } from "./left.ts";

let child: ChildProcess;
afterEach(() => child.kill("SIGKILL"));

/** A program that says when it is left, under the name of another one. */
async function start(...argv: string[]): Promise<ChildProcess> {
  const script = `import { left, leaveAtSignals } from ${JSON.stringify(join(import.meta.dirname, "left.ts"))};
    leaveAtSignals(); console.log("there");
    setInterval(() => left() && console.log(left()), 20);`;
  child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script, "--", ...argv]);
  await once(child.stdout as NonNullable<typeof child.stdout>, "data");
  return child;
}

const next = async ({ stdout }: ChildProcess) => String((await once(stdout as NonNullable<typeof stdout>, "data"))[0]);

test("an earlier apply leaves when asked, however often, and only it decides when", async () => {
  const earlier = await start("/opt/holdfast/lib/holdfastd.cjs", "apply");
  for (let i = 0; i < 3; i++) await askToLeave(earlier.pid ?? 0);
  expect(await next(earlier)).toContain("a newer apply takes its place");
  expect(earlier.exitCode).toBeNull();
});

test("nobody else is ever asked: the number may be another program's by now", async () => {
  const other = await start("/usr/bin/other", "apply");
  await askToLeave(other.pid ?? 0);
  await askToLeave(process.pid);
  const said = next(other);
  expect(await Promise.race([said, new Promise((resolve) => setTimeout(() => resolve("nothing"), 200))])).toBe(
    "nothing",
  );
});

test("a second signal of an operator's is obeyed at once", async () => {
  const apply = await start("holdfastd", "apply");
  apply.kill("SIGTERM");
  await next(apply);
  apply.kill("SIGTERM");
  expect(await once(apply, "exit")).toEqual([130, null]);
});
