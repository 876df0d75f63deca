import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseValidatorKey } from "../../contract/near-key.ts";
import { genesisSchema } from "./genesis.ts";
import { hostNames } from "./hosts.ts";
import { openDirectory } from "./state.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "chain-state-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("the chain's directory", () => {
  test("is made once: a later start finds the same chain and goes on from the height saved", () => {
    const first = openDirectory(directory, { chainId: "localnet", slotMs: 50 });
    first.save({ ...first.state, lastHeight: 17 });
    const second = openDirectory(directory, {});
    expect(second.genesis).toEqual(first.genesis);
    expect(second.nodeKey).toBe(first.nodeKey);
    expect([first.state.lastHeight, second.state.lastHeight]).toEqual([-1, 17]);
  });

  test("holds our key, for nobody else's eyes, and it is the one at stake", () => {
    const { genesis } = openDirectory(directory, {});
    const path = join(directory, "validator_key.json");
    const key = parseValidatorKey(readFileSync(path, "utf8"), genesis.account);
    expect(genesis.validators[0]).toMatchObject({ account_id: key.accountId, public_key: key.publicKey });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("refuses another slot length than its own", () => {
    openDirectory(directory, { slotMs: 600 });
    expect(() => openDirectory(directory, { slotMs: 500 })).toThrow("was made with --slot-ms 600, not 500");
  });

  test.each(["mainnet", "testnet"])("is never made for %s", (chainId) => {
    expect(() => openDirectory(directory, { chainId })).toThrow("public network");
    const chain = openDirectory(directory, {}).genesis;
    expect(genesisSchema.safeParse({ ...chain, chain_id: chainId }).success).toBe(false);
  });
});

describe("host names", () => {
  test("come from the file, again when it changes; others stand for themselves", () => {
    const path = join(directory, "hosts.json");
    const nameOf = hostNames(path);
    expect(nameOf("10.0.0.1")).toBe("10.0.0.1");
    writeFileSync(path, '{"host-a": "10.0.0.1", "host-b": ["10.0.0.2", "fd00::2"]}');
    expect(["::ffff:10.0.0.1", "fd00::2", "10.0.0.3"].map(nameOf)).toEqual(["host-a", "host-b", "10.0.0.3"]);
  });

  test("survive a file that is half written", () => {
    const path = join(directory, "hosts.json");
    writeFileSync(path, '{"host-a": "10.0.0.1"}');
    const nameOf = hostNames(path);
    expect(nameOf("10.0.0.1")).toBe("host-a");
    writeFileSync(path, '{"host-a": "10.0');
    expect(nameOf("10.0.0.1")).toBe("host-a");
  });
});
