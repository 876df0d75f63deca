import { expect, test } from "vitest";
import { runCommand } from "./run-command.ts";

test("stdout as it is, input by pipe", async () => {
  expect(await runCommand(["cat"], { input: "text\n\n" })).toBe("text\n\n");
});

test("a failure carries the exit code and the last words, and never the input", async () => {
  const failing = runCommand(["sh", "-c", "cat >/dev/null; echo out; echo no such thing >&2; exit 3"], {
    input: "hunter2",
  });
  await expect(failing).rejects.toMatchObject({
    code: "HF_APPLY_FAILED",
    message: expect.stringMatching(/failed \(exit code 3\): no such thing\n {2}out$/),
  });
  await expect(failing).rejects.not.toThrow("hunter2");
});

test("a program that is not there", async () => {
  await expect(runCommand(["no-such-program-here"])).rejects.toMatchObject({
    code: "HF_APPLY_FAILED",
    message: expect.stringContaining("no-such-program-here"),
  });
});

test("a program that does not end", async () => {
  await expect(runCommand(["sleep", "30"], { timeoutMs: 50 })).rejects.toMatchObject({ code: "HF_TIMEOUT" });
});
