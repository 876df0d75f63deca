import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CommandMovers } from "./operators-command.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Writes down what is run; `lasts` is how long a give-back takes. */
function movers(lasts = 0) {
  const deeds: string[] = [];
  const troubles: string[] = [];
  const all = new CommandMovers(
    (what) => troubles.push(what),
    async (command, [verb = "", ...rest]) => {
      deeds.push([command, verb, ...rest].join(" "));
      if (verb !== "give-back") return;
      await new Promise((resolve) => setTimeout(resolve, lasts));
      deeds.push("given back");
    },
  );
  return { deeds, troubles, take: (address: string) => all.of("/bin/move", "host-a").take(address, 12_000) };
}

test("an address is given back when its time is over", async () => {
  const { deeds, take } = movers();
  await take("203.0.113.1");
  await vi.advanceTimersByTimeAsync(11_999);
  expect(deeds).toEqual(["/bin/move take 203.0.113.1 host-a 12"]);
  await vi.advanceTimersByTimeAsync(10);
  expect(deeds.slice(1)).toEqual(["/bin/move give-back 203.0.113.1 host-a", "given back"]);
});

test("one that is taken again meanwhile is given back after the second time, not after the first", async () => {
  const { deeds, take } = movers();
  await take("203.0.113.1");
  await take("203.0.113.2");
  await vi.advanceTimersByTimeAsync(8000);
  await take("203.0.113.1");
  const backs = () => deeds.filter((deed) => deed.includes("give-back"));
  await vi.advanceTimersByTimeAsync(4100);
  expect(backs()).toEqual(["/bin/move give-back 203.0.113.2 host-a"]);
  await vi.advanceTimersByTimeAsync(8000);
  expect(backs()).toHaveLength(2);
});

test("a take waits for a give-back that is under way: it would undo it", async () => {
  const { deeds, take } = movers(3000);
  await take("203.0.113.1");
  await vi.advanceTimersByTimeAsync(12_000);
  const again = take("203.0.113.1");
  await vi.advanceTimersByTimeAsync(2900);
  expect(deeds.at(-1)).toContain("give-back");
  await vi.advanceTimersByTimeAsync(200);
  await again;
  expect(deeds.slice(-2)).toEqual(["given back", "/bin/move take 203.0.113.1 host-a 12"]);
});
