import { describe, expect, test } from "vitest";
import { Routes } from "./routes.ts";

const account = "validator.localnet";
const tier1 = (peer: string, nodeKey: string) => ({ peer, account, nodeKey, connection: `${peer} to ${nodeKey}` });
const data = (version: number) => ({ type: "advertise" as const, account, publicKey: "k", version, tenure: null });

describe("where a validator sends what is for an account", () => {
  test("nowhere while it knows nothing", () => {
    expect(new Routes<string>().to("p", account)).toBeUndefined();
  });

  test("to the newest account data, whoever came last", () => {
    const routes = new Routes<string>();
    expect(routes.advertise(data(5), "a")).toBe(true);
    expect(routes.advertise(data(6), "b")).toBe(true);
    expect(routes.advertise(data(6), "c")).toBe(false);
    expect(routes.advertise(data(4), "a")).toBe(false);
    expect(routes.to("p", account)).toEqual({ nodeKey: "b" });
  });

  test("to its tier-1 connection as long as that is not known to have ended, whatever is newer", () => {
    const routes = new Routes<string>();
    const old = tier1("p", "a");
    expect(routes.connect(old)).toBe(true);
    routes.advertise(data(9), "b");
    const wanted = tier1("p", "b");
    expect(routes.connect(wanted)).toBe(false);
    expect(routes.to("p", account)).toEqual({ connection: "p to a" });
    expect(routes.to("q", account)).toEqual({ nodeKey: "b" });
    // The end of one that was refused changes nothing.
    routes.disconnect(wanted);
    expect(routes.to("p", account)).toEqual({ connection: "p to a" });
    routes.disconnect(old);
    expect(routes.to("p", account)).toEqual({ nodeKey: "b" });
    expect(routes.connect(tier1("p", "b"))).toBe(true);
  });
});
