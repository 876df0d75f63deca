import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseValidatorKey } from "../../contract/near-key.ts";
import { genesis } from "../chain/fixtures.ts";
import { hardNofileLimit, kernelWarnings, Refused, readGenesis } from "./home.ts";
import { init } from "./init.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "neard-home-"));
});
afterEach(() => rmSync(home, { recursive: true }));

describe("the lab's neard is never taken for the real one", () => {
  test.each(["mainnet", "testnet"])("it runs on no genesis of %s, whatever else is in it", (chainId) => {
    writeFileSync(join(home, "genesis.json"), JSON.stringify({ chain_id: chainId, protocol_version: 29 }));
    expect(() => readGenesis(home, { genesis_file: "genesis.json" })).toThrow(Refused);
    expect(() => init({ home, chainId })).toThrow(Refused);
  });
});

describe("init", () => {
  test("writes a home like the real one: tracking all shards, and a validator key only for an account", () => {
    init({ home, chainId: "localnet" });
    expect(JSON.parse(readFileSync(join(home, "config.json"), "utf8")).tracked_shards_config).toBe("AllShards");
    expect(statSync(join(home, "validator_key.json"), { throwIfNoEntry: false })).toBeUndefined();
    init({ home, chainId: "localnet", accountId: "pool.localnet" });
    const path = join(home, "validator_key.json");
    expect(parseValidatorKey(readFileSync(path, "utf8"), "pool.localnet").accountId).toBe("pool.localnet");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("changes nothing that is there", () => {
    init({ home, chainId: "localnet" });
    const before = readFileSync(join(home, "node_key.json"), "utf8");
    init({ home, chainId: "localnet" });
    expect(readFileSync(join(home, "node_key.json"), "utf8")).toBe(before);
  });
});

test("the genesis is the chain's, however it is laid out", () => {
  writeFileSync(join(home, "genesis.json"), `// a comment\n${JSON.stringify(genesis, null, 4)}`);
  expect(readGenesis(home, { genesis_file: "genesis.json" })).toEqual(genesis);
  expect(() => readGenesis(home, { genesis_file: "other.json" })).toThrow("there is no");
});

test("the hard limit of open files decides", () => {
  const line = (hard: string) =>
    `Max processes 1 2\nMax open files            1024                 ${hard}       files\n`;
  expect([line("65535"), line("unlimited")].map(hardNofileLimit)).toEqual([65_535, Number.POSITIVE_INFINITY]);
});

test("every kernel parameter that is off gets its warning", () => {
  const wanted: Record<string, string> = {
    "/proc/sys/net/core/rmem_max": "8388608\n",
    "/proc/sys/net/core/wmem_max": "212992\n",
  };
  expect(kernelWarnings((path) => wanted[path] ?? null)).toEqual(["net.core.wmem_max is 212992, expected 8388608"]);
});
