import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseValidatorKey } from "../../contract/near-key.ts";
import { genesis } from "../chain/fixtures.ts";
import { parseConfig } from "./config.ts";
import { hardNofileLimit, kernelWarnings, Refused, readGenesis, readText, refuseFewFiles } from "./home.ts";
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
  const file = (name: string) => join(home, name);
  const text = (name: string) => readFileSync(file(name), "utf8");
  const mode = (name: string) => statSync(file(name)).mode & 0o777;

  test("writes a home like the real one: tracking all shards, a validator key, a chain of its own", () => {
    init({ home, chainId: "localnet" });
    expect(parseConfig(text("config.json")).tracked_shards_config).toBe("AllShards");
    const key = parseValidatorKey(text("validator_key.json"), "test.near");
    expect(readGenesis(home, { genesis_file: "genesis.json" })).toMatchObject({
      chain_id: "localnet",
      validators: [{ account_id: "test.near", public_key: key.publicKey }],
    });
    expect(["config.json", "genesis.json", "node_key.json", "validator_key.json"].map(mode)).toEqual([
      0o644, 0o644, 0o600, 0o600,
    ]);
  });

  test("takes the account and the genesis that it is given", () => {
    const given = file("given.json");
    writeFileSync(given, JSON.stringify(genesis));
    init({ home, chainId: "localnet", accountId: "pool.localnet", genesis: given });
    expect(parseValidatorKey(text("validator_key.json"), "pool.localnet").accountId).toBe("pool.localnet");
    expect(readGenesis(home, { genesis_file: "genesis.json" })).toEqual(genesis);
  });

  test("changes nothing that is there, also for another chain, and fails where the genesis is gone", () => {
    const names = ["config.json", "genesis.json", "node_key.json", "validator_key.json"];
    init({ home, chainId: "localnet" });
    const before = names.map(text);
    init({ home, chainId: "othernet", accountId: "pool.localnet" });
    expect(names.map(text)).toEqual(before);
    rmSync(file("genesis.json"));
    expect(() => init({ home, chainId: "localnet" })).toThrow("there is no");
  });
});

describe("what counts as absent", () => {
  test("nothing there, a dangling symlink; not a folder, which is broken", () => {
    symlinkSync(join(home, "nowhere"), join(home, "link"));
    expect([readText(join(home, "nothing")), readText(join(home, "link"))]).toEqual([null, null]);
    expect(() => readText(home)).toThrow("EISDIR");
  });
});

test("too few open files: refused before anything else", () => {
  expect(() => refuseFewFiles(100_000_000)).toThrow(Refused);
  expect(() => refuseFewFiles(1)).not.toThrow();
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
