import { expect, test } from "vitest";
import { parseConcern, parseSecrets, parseSpec, requireSecrets, specFrom } from "./spec.ts";

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: "HF_CONFIG_INVALID", message: expect.stringMatching(message) });

test("every fault of a spec in one message", () => {
  const bad = { host: "host-a", concern: "consul", files: [{ path: "/a", mode: "644", lines: "x" }], extra: 1 };
  expect(() => parseSpec(JSON.stringify(bad), "spec.json")).toThrow(
    invalid(
      /^spec.json is not a host spec: files\[0\].mode four octal digits.*; files\[0\].lines .*array.*; .*"extra"/,
    ),
  );
  expect(() => parseSpec("{", "spec.json")).toThrow(invalid(/^spec.json is not JSON/));
});

test("defaults are filled in", () => {
  const spec = parseSpec('{"host":"host-a","concern":"neard","files":[{"path":"/a","mode":"0644","lines":[]}]}', "s");
  expect(spec.files[0]).toEqual({ path: "/a", mode: "0644", owner: "root", group: "root", lines: [] });
  expect(spec.healthyWithinMs).toBe(120_000);
});

test("secrets: nothing is none; what is wrong is never repeated", () => {
  expect(parseSecrets(" \n")).toEqual({});
  expect(parseSecrets('{"a":"b"}')).toEqual({ a: "b" });
  for (const text of ['{"a":"hunter2"', '{"a":["hunter2"]}', '"hunter2"']) {
    expect(() => parseSecrets(text)).toThrow(invalid(/stdin/));
    expect(() => parseSecrets(text)).not.toThrow(/hunter2/);
  }
});

test("a spec may come beside the secrets", () => {
  expect(specFrom({ spec: '{"host":"host-a","concern":"acl"}', a: "b" })).toMatchObject({ concern: "acl" });
  expect(() => specFrom({ a: "b" })).toThrow(invalid(/^stdin has no spec/));
});

test("all missing secrets at once, by name", () => {
  const spec = parseSpec(
    JSON.stringify({
      host: "host-a",
      concern: "acl",
      secretFiles: [{ path: "/a", mode: "0600", secret: "here" }],
      credentials: [{ name: "x", secret: "gone" }],
      acl: {
        managementSecret: "management",
        policies: [],
        tokens: [{ name: "t", accessorSecret: "accessor", secret: "gone", policies: [] }],
        autopilot: {},
      },
    }),
    "s",
  );
  expect(() => requireSecrets(spec, { here: "1" })).toThrow(invalid(/has not: gone, management, accessor\.$/));
  expect(() => requireSecrets(spec, { here: "1", gone: "", management: "m", accessor: "a" })).not.toThrow();
});

test("concerns are known by name", () => {
  expect(parseConcern("neard")).toBe("neard");
  expect(() => parseConcern("nerd")).toThrow("nerd is not a concern; there are system, consul, acl, neard, agent.");
});
