import { describe, expect, test } from "vitest";
import { sampleHostKey, sampleInput, sampleTopology } from "../testing/sample.ts";
import { connectionTo } from "./connection.ts";

const [first, ...others] = sampleInput().hosts as [ReturnType<typeof sampleInput>["hosts"][0]];
const connection = (more: object, ssh: object = {}) => {
  const topology = sampleTopology({ hosts: [{ ...first, ...more }, ...others], ssh: { ...sampleInput().ssh, ...ssh } });
  const [host] = topology.hosts;
  if (host === undefined) throw new Error("the sample has no host");
  return connectionTo(host, {});
};
const jump = { host: "jump.example", hostKey: `${sampleHostKey("jump")} a comment` };

describe("the way to a host", () => {
  test("is its address, if nothing else is said", () => {
    expect(connection({})).toMatchObject({ host: "192.0.2.11", port: 22, user: "root", hostKey: first.hostKey });
    expect(connection({})).not.toHaveProperty("proxy");
  });

  test("is another one than its cluster's, behind a translated address and port", () =>
    expect(connection({ ssh: { host: "203.0.113.7", port: 2201 }, port: 2222 })).toMatchObject({
      host: "203.0.113.7",
      port: 2201,
    }));

  test("leads over the jump host of all, or its own", () => {
    expect(connection({}, { user: "admin", proxy: jump }).proxy).toMatchObject({
      host: "jump.example",
      port: 22,
      user: "admin",
      hostKey: sampleHostKey("jump"),
      dialErrorLimit: 15,
    });
    const own = { host: "192.0.2.99", port: 2200, user: "jumper", hostKey: sampleHostKey("other") };
    expect(connection({ ssh: { proxy: own } }, { proxy: jump }).proxy).toMatchObject(own);
  });
});
