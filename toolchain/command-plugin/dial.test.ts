import { expect, test, vi } from "vitest";
import { describeStatus } from "./copy.ts";
import { retry } from "./dial.ts";
import { describeEnd } from "./session.ts";

const contextOf = (notes: string[], signal = new AbortController().signal) => ({
  note: (line: string) => void notes.push(line),
  signal,
});
const failing = (times: number) => {
  let left = times;
  return async (): Promise<string> => {
    if (left-- > 0) throw new Error("cause");
    return "done";
  };
};

test("pauses grow by half and stop growing at five seconds", async () => {
  vi.useFakeTimers();
  try {
    const triedMs: number[] = [];
    const attempt = async () => {
      triedMs.push(Date.now());
      throw new Error("cause");
    };
    const failed = expect(retry("Dial", 12, attempt, contextOf([]))).rejects.toThrow("after 12 failed attempts: cause");
    await vi.runAllTimersAsync();
    await failed;
    const pauses = triedMs.slice(1).map((atMs, before) => atMs - (triedMs[before] ?? 0));
    expect(pauses).toEqual([100, 150, 225, 338, 506, 759, 1139, 1709, 2563, 3844, 5000, 5000]);
  } finally {
    vi.useRealTimers();
  }
});

test("the limit counts failures after the first, and no limit is -1", async () => {
  const notes: string[] = [];
  await expect(retry("Dial", 1, failing(2), contextOf(notes))).rejects.toThrow("after 1 failed attempts: cause");
  expect(notes).toEqual(["Dial 1/1 failed: retrying"]);
  await expect(retry("Dial", 0, failing(1), contextOf(notes))).rejects.toThrow("after 0 failed attempts: cause");
  expect(await retry("Dial", 2, failing(2), contextOf(notes))).toBe("done");
  notes.length = 0;
  await retry("Dial", -1, failing(1), contextOf(notes));
  await retry("Dial", -2, failing(1), contextOf(notes));
  expect(notes).toEqual(["Dial 1/inf failed: retrying", "Dial 1/-2 failed: retrying"]);
});

test("the reason of a cancelled step is its error", async () => {
  const signal = AbortSignal.abort(new Error("context deadline exceeded"));
  await expect(retry("Dial", -1, failing(9), contextOf([], signal))).rejects.toThrow("context deadline exceeded");
});

test("ends of commands and statuses of files, in the official plugin's words", () => {
  expect(describeEnd({ status: 3 })).toBe("Process exited with status 3");
  expect(describeEnd({ status: null, signal: "SIGKILL" })).toBe("Process exited with status 137 from signal KILL");
  expect(describeStatus(2, "No such file")).toBe("file does not exist");
  expect(describeStatus(3, "Permission denied")).toBe("permission denied");
  expect(describeStatus(4, "Failure")).toBe('sftp: "Failure" (SSH_FX_FAILURE)');
});
