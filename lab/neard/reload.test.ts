import { describe, expect, test } from "vitest";
import { generateValidatorKey, keyFileJson } from "../../contract/near-key.ts";
import { accepted, loadHome, panicsOnLoad, type ReadText, rejected, startState } from "./reload.ts";

const key = generateValidatorKey("pool.near");
const config = { validator_key_file: "/run/key.json", tracked_shards_config: { ShadowValidator: "pool.near" } };

/** A home of these files. */
function files(more: Record<string, string> = {}): ReadText {
  const present: Record<string, string> = { "/home/config.json": JSON.stringify(config), ...more };
  return (path) => present[path] ?? null;
}
const withKey = { "/run/key.json": keyFileJson(key) };
const load = (more?: Record<string, string>) => loadHome(files(more), "/home");

let tenures = 0;
const newTenure = () => `tenure-${++tenures}`;

describe("the key file", () => {
  test("at an absolute path or beside the configuration", () => {
    const beside = { "/home/config.json": "{}", "/home/validator_key.json": keyFileJson(key) };
    expect([load(withKey).key, load(beside).key]).toEqual([key, key]);
  });

  test("absent: no signer", () => expect(load().key).toBeNull());

  test("with private_key for secret_key, and with comments", () => {
    const text = `// ours\n${keyFileJson(key).replace("secret_key", "private_key")}`;
    expect(load({ "/run/key.json": text }).key).toEqual(key);
  });

  test.each([
    ["no JSON", "{"],
    ["halves of two keys", keyFileJson({ ...key, publicKey: generateValidatorKey("x.near").publicKey })],
    ["no account", keyFileJson({ ...key, accountId: "Not An Account" })],
  ])("%s: broken, and the message keeps the secret", (_, text) => {
    let message = "";
    try {
      load({ "/run/key.json": text });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("/run/key.json");
    expect(message).not.toContain(key.secretKey.slice("ed25519:".length, 20));
  });

  test("unreadable: broken", () => {
    const read: ReadText = (path) => {
      if (path === "/run/key.json") throw new Error("EACCES");
      return files()(path);
    };
    expect(() => loadHome(read, "/home")).toThrow("/run/key.json: EACCES");
  });
});

test("every broken file is named", () => {
  const broken = { "/home/log_config.json": "{", "/home/config.json": '{"tracked_shards_config": "All"}' };
  expect(() => load(broken)).toThrow(/log_config.json.*config.json/);
  expect(() => loadHome(() => null, "/home")).toThrow("config.json: there is no such file");
});

describe("a reload", () => {
  const standby = startState(load(), newTenure);
  const holder = startState(load(withKey), newTenure);

  test("a key that is there at start is live at start", () => {
    expect([standby.signer, holder.signer?.key]).toEqual([null, key]);
    expect(holder).toMatchObject({ correct: true, reloads: 1 });
  });

  test("loads a key, and says so in nearcore's words", () => {
    const { state, log } = accepted(standby, load(withKey), newTenure);
    expect(state).toMatchObject({ signer: { key }, correct: true, reloads: 2 });
    expect(log).toEqual(["INFO", "hot loading validator key /run/key.json"]);
  });

  test("without key file unloads it", () => {
    const { state, log } = accepted(holder, load(), newTenure);
    expect(state).toMatchObject({ signer: null, reloads: 2 });
    expect(log).toEqual(["INFO", "no validator key /run/key.json"]);
  });

  test("of the same key goes on under the same tenure; a key that comes back has a new one", () => {
    const { state: again } = accepted(holder, load(withKey), newTenure);
    expect(again.signer?.tenure).toBe(holder.signer?.tenure);
    const { state: gone } = accepted(holder, load(), newTenure);
    const { state: back } = accepted(gone, load(withKey), newTenure);
    expect(back.signer?.tenure).not.toBe(holder.signer?.tenure);
  });

  test("that is rejected keeps the signer and the count; a good one heals it", () => {
    const bad = rejected(holder, "config.json: broken");
    expect(bad).toMatchObject({
      signer: holder.signer,
      correct: false,
      reloads: 1,
      rejectedBecause: "config.json: broken",
    });
    const { state } = accepted(bad, load(), newTenure);
    expect(state).toMatchObject({ signer: null, correct: true, reloads: 2, rejectedBecause: null });
  });

  test("takes expected_shutdown along, and drops it when it is gone", () => {
    const planned = { "/home/config.json": JSON.stringify({ ...config, expected_shutdown: 500 }) };
    const { state } = accepted(standby, load(planned), newTenure);
    expect(state.expectedShutdown).toBe(500);
    expect(accepted(state, load(), newTenure).state.expectedShutdown).toBeNull();
  });
});

test("only a current validator that tracks all shards panics, and only where that is enforced", () => {
  const validators = ["pool.near"];
  expect(panicsOnLoad(key, true, validators, true)).toBe(true);
  expect(panicsOnLoad(key, false, validators, true)).toBe(false);
  expect(panicsOnLoad(key, true, ["other.near"], true)).toBe(false);
  expect(panicsOnLoad(key, true, validators, false)).toBe(false);
  expect(panicsOnLoad(null, true, validators, true)).toBe(false);
});
