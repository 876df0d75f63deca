import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Fence } from "./fence.ts";

/**
 * Stands in for nft: writes down every line that it is given and echoes it. `slow` keeps the standing
 * one back before it carries out a line; `broken` makes it refuse its first; `stuck` keeps its first in the
 * kernel, where a kill does not reach it, for longer than it is waited for; `flushed`: there is no table, until one is
 * loaded; `deaf`: what is loaded changes nothing; `leaky`: a table that has no rules in it, until one is loaded.
 */
const nft = `#!/bin/sh
cd "$(dirname "$0")"
case "$*" in
  *--interactive*)
    while IFS= read -r line; do
      if [ -e slow ]; then sleep 0.3; fi
      if [ -e stuck ]; then rm stuck; (sleep 1.4; echo "$line" >> log); continue; fi
      if [ -e broken ]; then rm broken; echo "Error: No such file or directory" >&2; continue; fi
      echo "$line" >> log
      echo "$line"
    done ;;
  "-f -") if [ -e deaf ]; then exit 0; fi; cat > new; cat new >> log; grep -q "delete table" new && rm -f flushed leaky; true ;;
  "list tables inet") if [ -e flushed ] || [ ! -s log ]; then exit 0; fi; echo "table inet holdfast" ;;
  *)
    if [ -e flushed ] || [ ! -s log ]; then exit 1; fi
    if [ -e leaky ]; then echo "table inet holdfast {"; echo "}"; exit 0; fi
    awk '/^table inet holdfast \\{/ { text = ""; on = 1; alive = 0 }
      on { text = text $0 "\\n" }
      /^}$/ { on = 0 }
      /add element inet holdfast alive/ { alive = 1 }
      /^flush set inet holdfast alive$/ { alive = 0 }
      END { if (alive) sub(/set alive \\{\\n/, "set alive {\\n elements = { 0x48000007 }\\n", text); printf "%s", text }' log ;;
esac
`;

let directory: string;
const path = process.env.PATH;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-fence-"));
  writeFileSync(join(directory, "nft"), nft);
  chmodSync(join(directory, "nft"), 0o755);
  writeFileSync(join(directory, "log"), "");
  process.env.PATH = `${directory}:${path}`;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(directory, { recursive: true, force: true });
});

const time = { nowMs: 1000 };
const clock = { bootMs: () => time.nowMs, wallMs: () => 1_800_000_000_000 + time.nowMs, sleep: async () => {} };
const epoch = 7;

function fence(): Fence {
  time.nowMs = 1000;
  return new Fence(clock, 4242);
}

/** What nft was told, in order, each by one word. */
function deeds(): string[] {
  const found = readFileSync(join(directory, "log"), "utf8").matchAll(
    /chain deadline \{|(?<=alive \{ 0x\w+ )timeout \d+ms|^flush set inet holdfast alive$/gm,
  );
  return [...found].map(([text]) => (text.startsWith("chain") ? "armed" : text.startsWith("flush") ? "shut" : text));
}

test("what is left of a lease is computed when its turn comes, not when it was asked for", async () => {
  const one = fence();
  const arming = one.arm(epoch);
  const feeding = one.feed(epoch, 6000);
  time.nowMs = 4000;
  await Promise.all([arming, feeding]);
  expect(deeds()).toEqual(["armed", "timeout 2000ms"]);
  expect(readFileSync(join(directory, "log"), "utf8")).toContain("meta time < 1800000006 accept");
});

test("a feed whose turn comes at its deadline is none", async () => {
  const one = fence();
  const arming = one.arm(epoch);
  const feeding = one.feed(epoch, 6000);
  time.nowMs = 5990;
  await Promise.all([arming, feeding]);
  expect(deeds()).toEqual(["armed"]);
});

test("a feed that was asked for before a shut does not come after it", async () => {
  const one = fence();
  await one.arm(epoch);
  writeFileSync(join(directory, "slow"), "");
  await Promise.all([one.feed(epoch, 6000), one.shut(epoch)]);
  expect(deeds()).toEqual(["armed", "timeout 5000ms", "shut"]);
  expect(one.state).toEqual({ armed: true, open: false });
});

test("a fence whose rules were flushed is armed anew, shut, before it is fed", async () => {
  const one = fence();
  await one.arm(epoch);
  writeFileSync(join(directory, "broken"), "");
  await one.feed(epoch, 6000);
  expect(deeds()).toEqual(["armed", "armed", "timeout 5000ms"]);
});

test("a shut whose rules somebody flushed brings the fence back, shut", async () => {
  const one = fence();
  await one.arm(epoch);
  await one.feed(epoch, 6000);
  writeFileSync(join(directory, "flushed"), "");
  await one.shut(epoch);
  expect(deeds()).toEqual(["armed", "timeout 5000ms", "armed"]);
  expect(one.state).toEqual({ armed: true, open: false });
});

test("so does one by an agent that knows nothing of it, and for a host that nobody armed", async () => {
  await fence().arm(epoch);
  writeFileSync(join(directory, "flushed"), "");
  const next = fence();
  await next.shut(epoch);
  expect(await next.armedMark()).toBe(0x48000007);
  writeFileSync(join(directory, "flushed"), "");
  await next.disarm();
  writeFileSync(join(directory, "flushed"), "");
  const stranger = fence();
  await stranger.shut(null);
  expect(await stranger.armedMark()).toBe(0x48000000);
});

test("a table without its rules is no fence: it is made anew", async () => {
  const one = fence();
  await one.arm(epoch);
  writeFileSync(join(directory, "leaky"), "");
  await one.shut(epoch);
  expect(deeds()).toEqual(["armed", "armed"]);
});

test.for(["flushed", "open"])("a shut that the kernel does not show is a failure, not a success (%s)", async (how) => {
  const one = fence();
  await one.arm(epoch);
  await one.feed(epoch, 6000);
  writeFileSync(join(directory, "deaf"), "");
  if (how === "flushed") writeFileSync(join(directory, "flushed"), "");
  await expect(one.shut(epoch)).rejects.toThrow("the fence does not hold neard back");
});

test("what an nft that is given up was carrying out comes before all that is done after it", async () => {
  const one = fence();
  await one.arm(epoch);
  writeFileSync(join(directory, "stuck"), "");
  await Promise.all([one.feed(epoch, 6000), one.shut(epoch)]);
  expect(deeds()).toEqual(["armed", "timeout 5000ms", "armed", "timeout 5000ms", "shut"]);
});

test("it says that it is open for as long as it was fed, and not a tick longer", async () => {
  const one = fence();
  await one.arm(epoch);
  expect(one.state).toEqual({ armed: true, open: false });
  await one.feed(epoch, 6000);
  time.nowMs = 5999;
  expect(one.state.open).toBe(true);
  time.nowMs = 6000;
  expect(one.state.open).toBe(false);
});

test("an agent that starts learns for which epoch the kernel has it armed", async () => {
  await fence().arm(epoch);
  expect(await fence().armedMark()).toBe(0x48000007);
});
