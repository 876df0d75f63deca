import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { ConsulRefused, ConsulUnknown } from "./errors.ts";
import { saveSnapshot } from "./snapshot.ts";

const whole = gzipSync("lock, sessions, history");
const servers = ["https://own:8501", "https://leader:8501"].map((url) => ({ url, ca: "", cert: "", key: "" }));

/** Consul's answers in turn; an error is thrown. */
function answering(...answers: (Buffer | Error)[]) {
  const asked: string[] = [];
  const ask = async ({ url }: { url: string }) => {
    const answer = answers[asked.push(url) - 1] ?? new ConsulUnknown(`${url}: connection reset by peer`);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { asked, save: saveSnapshot(servers, "token", ask) };
}

test("a whole snapshot of the host's own Consul is taken", async () => {
  const { asked, save } = answering(whole);
  expect(await save).toBe(whole);
  expect(asked).toEqual(["https://own:8501"]);
});

test.for([
  ["whose leader's answer was lost", new ConsulUnknown("failed to decode response: connection reset by peer")],
  ["that comes cut short", Buffer.concat([whole.subarray(0, 20), Buffer.from("failed to stream snapshot")])],
] as const)("one %s is asked for elsewhere", async ([, first]) => {
  const { asked, save } = answering(first, whole);
  expect(await save).toBe(whole);
  expect(asked).toEqual(["https://own:8501", "https://leader:8501"]);
});

test("a token without the right is told at once", async () => {
  const { asked, save } = answering(new ConsulRefused(403, "Permission denied"));
  await expect(save).rejects.toThrow("Permission denied");
  expect(asked).toHaveLength(1);
});

test("when no server gives a whole one, the last one's fault is told", async () => {
  const { asked, save } = answering(whole.subarray(0, 20), whole.subarray(0, 20), whole.subarray(0, 20));
  await expect(save).rejects.toThrow(new ConsulUnknown("https://leader:8501: connection reset by peer"));
  expect(asked).toHaveLength(4);
});
