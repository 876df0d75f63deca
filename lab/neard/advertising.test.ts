import { expect, test } from "vitest";
import { ours } from "../chain/fixtures.ts";
import { Advertising } from "./advertising.ts";

const account = ours.accountId;
const signer = { key: ours, tenure: "t" };
const from = (nodeKey: string, version: number) => ({ type: "accountData" as const, account, nodeKey, version });

test("a node that never had a key says nothing and answers nothing", () => {
  const standby = new Advertising("a");
  expect(standby.heard(from("b", 5), null, 0)).toBe(false);
  expect(standby.messages(null)).toEqual([]);
});

test("a load is newer than all that was heard, also where this host's clock is behind", () => {
  const node = new Advertising("a");
  node.heard(from("b", 5_000), null, 0);
  node.signAgain(ours, 10);
  expect(node.messages(signer)).toEqual([
    { type: "advertise", account, publicKey: ours.publicKey, version: 5001, tenure: "t" },
  ]);
});

test("a process whose key was unloaded takes the route back whenever the new holder's data arrives", () => {
  const old = new Advertising("a");
  old.signAgain(ours, 1000);
  expect(old.heard(from("a", 1001), null, 0)).toBe(false);
  expect(old.heard(from("b", 2000), null, 1500)).toBe(true);
  expect(old.messages(null)).toEqual([
    { type: "advertise", account, publicKey: ours.publicKey, version: 2001, tenure: null },
  ]);
});

test("one that has the key leaves that to its next tick", () => {
  const holder = new Advertising("a");
  holder.signAgain(ours, 1000);
  expect(holder.isElsewhere(account)).toBe(false);
  expect(holder.heard(from("b", 2000), signer, 0)).toBe(false);
  expect(holder.isElsewhere(account)).toBe(true);
});
