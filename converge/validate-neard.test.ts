import { describe, expect, test } from "vitest";
import { paths } from "../contract/paths.ts";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import type { Step } from "./steps.ts";
import { concernsNeard, judge, refusalIn, type Verdict, withoutKey } from "./validate-neard.ts";

const spec = hostSpecSchema.parse({ host: "host-a", concern: "neard" });
const file = (path: string): Step => ({
  kind: "file",
  path,
  mode: "0640",
  owner: "neard",
  group: "neard",
  content: { lines: ["{}"] },
  why: "content",
});

describe("is asked", () => {
  test.each(["config.json", "log_config.json", "node_key.json", "genesis.json"])("about a changed %s", (name) =>
    expect(concernsNeard(spec, [file(`${paths.neardHome}/${name}`)])).toBe(true),
  );
  test("about a changed program", () => {
    const artifact = { name: "neard", upload: "/up", path: paths.neard, mode: "0755", sha256: "a".repeat(64) };
    expect(concernsNeard(spec, [{ kind: "artifact", artifact, why: "content" }])).toBe(true);
  });
  test("about nothing else, and in no other concern", () => {
    expect(concernsNeard(spec, [])).toBe(false);
    expect(concernsNeard(spec, [file("/etc/systemd/system/neard.service")])).toBe(false);
    const consul = hostSpecSchema.parse({ host: "host-a", concern: "consul" });
    expect(concernsNeard(consul, [file(`${paths.neardHome}/config.json`)])).toBe(false);
  });
});

test("the validator key is none of its business", () => {
  const text = JSON.stringify({ validator_key_file: paths.validatorKey, rpc: { addr: "127.0.0.1:3030" } });
  expect(JSON.parse(withoutKey(text))).toEqual({
    validator_key_file: "no-validator-key.json",
    rpc: { addr: "127.0.0.1:3030" },
  });
});

describe("neard's words", () => {
  test("are what is left of its output without log and backtrace", () =>
    expect(
      refusalIn(`2026-11-28T21:00:00.123456Z  INFO neard: version="2.13.4" build="x" latest_protocol=86
2026-11-28T21:00:00.200000Z  WARN config: something
Error: 
The following config checks failed:
config.json semantic issue: tx_routing_height_horizon needs to be at least 2, got 1.
Please fix the config json files and validate again!

Stack backtrace:
   0: anyhow::error
   1: main
`),
    ).toBe(
      "The following config checks failed:\n  config.json semantic issue: tx_routing_height_horizon needs to be at least 2, got 1.\n  Please fix the config json files and validate again!",
    ));
  test("may be one line", () =>
    expect(refusalIn("Error: config.json: rpc.addr is wrong\n")).toBe("config.json: rpc.addr is wrong"));
  test("may be none", () => expect(refusalIn("\n")).toBe(""));
});

describe("what counts", () => {
  const yes: Verdict = { is: "yes" };
  const no: Verdict = { is: "no", because: "rpc.addr is wrong" };
  const late: Verdict = { is: "unknown", because: "it took longer" };

  async function judged(fresh: Verdict | null, present: Verdict | null) {
    const said: string[] = [];
    await judge(
      "host-a",
      async (which) => (which === "new" ? fresh : present),
      (line) => said.push(line),
    );
    return said;
  }

  test("a yes, and a question that cannot be put, go on in silence", async () => {
    expect(await judged(yes, no)).toEqual([]);
    expect(await judged(null, no)).toEqual([]);
  });
  test("a no stops the apply with neard's words, where the present files get a yes or are not there", async () => {
    for (const present of [yes, null])
      await expect(judged(no, present)).rejects.toMatchObject({
        code: "HF_NEARD_CONFIG",
        message: expect.stringMatching(/^host-a: neard refuses .* nothing was changed: rpc\.addr is wrong$/),
      });
  });
  test("a no that the present files get too is not about the configuration", async () => {
    for (const present of [no, late]) expect(await judged(no, present)).toEqual([expect.stringContaining("rpc.addr")]);
  });
  test("no answer in time stops nothing", async () =>
    expect(await judged(late, no)).toEqual([expect.stringContaining("it took longer")]));
});
