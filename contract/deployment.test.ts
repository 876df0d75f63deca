import { expect, test } from "vitest";
import { authoritiesBut, deploymentId, standingOf } from "./deployment.ts";
import type { Identity } from "./wire/identity.ts";

const certificate = (content: string) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(content).toString("base64")}\n-----END CERTIFICATE-----\n`;
const [one, two] = [certificate("one"), certificate("two")];

test("a deployment is known by the first authority, however its lines are broken", () => {
  expect(deploymentId(one)).toMatch(/^hf-[0-9a-f]{16}$/);
  expect(deploymentId(one + two)).toBe(deploymentId(one));
  expect(deploymentId(`subject=x\n${one.replaceAll("\n", "\r\n")}`)).toBe(deploymentId(one));
  expect(deploymentId(two)).not.toBe(deploymentId(one));
  expect(deploymentId("")).toBeNull();
});

test("the authorities besides one's own", () => {
  expect(authoritiesBut(deploymentId(one) ?? "", one + two)).toEqual([two]);
  expect(authoritiesBut("hf-0000000000000000", one + two)).toEqual([one, two]);
});

const identity = (id: string) => ({ id }) as Identity;
test.each([
  ["fresh", { id: "x" }, null, null],
  ["fresh", null, null, null],
  ["own", { id: "x" }, "x", "x"],
  // What lies there says less than what is noted: somebody may be changing it.
  ["own", { id: "x" }, "x", "y"],
  ["stranger", { id: "x" }, "y", "x"],
  ["unmarked", { id: "x" }, null, "x"],
  ["stranger", { id: "x" }, null, "y"],
  ["adopted", { id: "x", adopt: "y" }, "y", "y"],
  ["adopted", { id: "x", adopt: "y" }, null, "y"],
  ["stranger", { id: "x", adopt: "z" }, "y", "y"],
  // Nobody says for whom: only where no host was ever told.
  ["stranger", null, "y", "y"],
  ["unmarked", null, null, "y"],
] as const)("%s: %j on a host of %s with the authority %s", (standing, claim, whose, authority) =>
  expect(standingOf(claim, { identity: whose === null ? null : identity(whose), authority })).toBe(standing),
);
