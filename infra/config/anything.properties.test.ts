/**
 * Whatever stands in the stack's file: no wrong type, null, text for a section, huge number, name or character ends in
 * anything but faults that a person can act on, all before a plan; and what has no fault makes a sound plan.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { errorCodes } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import { planDeployment } from "../plan/deployment.ts";
import {
  asPulumiGives,
  sampleArtifactsByArch,
  sampleHcloud,
  sampleHostKey,
  sampleInput,
  sampleKey,
  sampleToken,
} from "../testing/sample.ts";
import { checkConfiguration } from "./check-configuration.ts";
import { settingsSchema } from "./schema.ts";
import { topologyFrom } from "./topology.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every setting that there is has a value here. */
function fullInput(): { [key: string]: Json } {
  const input = sampleInput();
  const [a, b, c] = input.hosts;
  const more = {
    user: "admin",
    port: 2222,
    arch: "x64",
    priority: 7,
    publicAddrs: ["192.0.2.11:24567"],
    takeoverAddress: { mover: "command", command: "/opt/move", address: "192.0.2.11" },
  };
  const full = settingsSchema.parse({
    ...input,
    hosts: [
      { ...a, ...more },
      b,
      c,
      {
        name: "host-d",
        roles: ["consul", "neard"],
        cloud: { serverType: "cx33", location: "fsn1", image: "debian-13", protect: false },
        ssh: { proxy: { host: "jump.example", hostKey: sampleHostKey("jump") } },
      },
    ],
    hcloud: {
      ...sampleHcloud(),
      name: "sample",
      network: { range: "10.0.0.0/8", subnet: "10.0.0.0/24", zone: "eu-central" },
      labels: { team: "night" },
      endpoint: "http://127.0.0.1:4100/v1",
    },
    gone: ["host-x"],
    ssh: { ...input.ssh, user: "root" },
    consul: { artifact: { source: "consul", sha256: "0".repeat(64) } },
    neard: {
      ...input.neard,
      chainId: "localnet",
      config: { rpc: { limits_config: { json_payload_max_size: 1 } }, network: { tier1: {} }, store: {}, gc: null },
    },
    firewall: { ssh: ["0.0.0.0/0", "::/0"], monitoring: ["192.0.2.0/24"] },
  });
  return structuredClone(full) as unknown as { [key: string]: Json };
}

const planted = "hunter2-of-the-operator";
const secrets = [sampleKey.secretKey.slice(8, 60), planted, sampleToken];

/** Numbers and texts that have broken something before, or might. */
const scalar: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, -1, 0.5, 1e308, 2 ** 53, 2 ** 31, -0, 65_536),
  fc.constantFrom<Json>(
    "",
    " ",
    "null",
    "true",
    "1e9",
    "\u0000",
    "a\nb",
    "\u001b[31m",
    "\u202e",
    "\ud800",
    "𝔫",
    "%{own-node-key}",
  ),
  fc.constantFrom<Json>(
    "HOLDFAST_SPEC",
    "'",
    "$(id)",
    "`id`",
    "../..",
    "-rf",
    "cluster",
    "authority",
    "constructor",
    "::1",
    "host-b",
  ),
  fc.constantFrom<Json>(
    JSON.stringify(sampleKey),
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${planted}\n`,
    sampleKey.secretKey,
    sampleToken,
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: "binary", maxLength: 300 }),
);
const junk: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "source")), scalar, { maxKeys: 3 }),
  },
);

interface Slip {
  readonly how: "replace" | "remove" | "add" | "twice" | "as text";
  readonly at: number;
  readonly value: Json;
  readonly name: string;
}
const slip: fc.Arbitrary<Slip> = fc.record({
  how: fc.constantFrom("replace", "replace", "remove", "add", "twice", "as text"),
  at: fc.nat(10_000),
  value: junk,
  name: fc.oneof(fc.string(), fc.constantFrom("__proto__", "rpc", "network", "address")),
});

/** Every place in `value`, itself not among them. */
function places(value: Json, above: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [];
  const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value);
  return keys.flatMap((key) => {
    const path = [...above, key];
    return [path, ...places((value as Record<string | number, Json>)[key] as Json, path)];
  });
}

/** Does the slip in `input`, and says where. */
function make(input: { [key: string]: Json }, { how, at, value, name }: Slip): string {
  const all = places(input);
  const path = all[at % all.length] ?? ["hosts"];
  let owner = input as Record<string | number, Json>;
  for (const step of path.slice(0, -1)) owner = owner[step] as Record<string | number, Json>;
  const key = path.at(-1) as string | number;
  const here = owner[key] as Json;
  if (how === "remove") Array.isArray(owner) ? owner.splice(Number(key), 1) : delete owner[key];
  else if (how === "twice" && Array.isArray(owner)) owner.push(structuredClone(here));
  else if (how === "as text") owner[key] = JSON.stringify(here);
  else if (how === "add" && typeof here === "object" && here !== null && !Array.isArray(here))
    Object.defineProperty(here, name, { value, enumerable: true, configurable: true, writable: true });
  else owner[key] = value;
  return String(path[0]);
}

/** What a person reads: one line, of a length that can be read, without anything that a terminal obeys. */
const readable = /^\P{Cc}{1,700}$/u;

/** What holds for any configuration; returns whether it is sound. */
function judge(input: { [key: string]: Json }): { faults: readonly { message: string }[] } {
  const { settings, faults } = checkConfiguration(asPulumiGives(input), (name) => name !== "neard");
  for (const { code, message, next } of faults) {
    expect(errorCodes).toContain(code);
    expect(message).toMatch(/^holdfast:|^host-|^a setting under holdfast:/);
    for (const text of [message, next]) {
      expect(text).toMatch(readable);
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
  }
  if (settings === null) return { faults };
  const plan = planDeployment(topologyFrom(settings, sampleKey.publicKey), sampleArtifactsByArch);
  for (const { neard } of plan.hosts) {
    const text = neard?.spec.files?.find(({ path }) => path.endsWith("/config.json"))?.lines.join("\n");
    if (text === undefined) continue;
    expect(JSON.parse(text)).toMatchObject({
      validator_key_file: paths.validatorKey,
      rpc: { addr: `127.0.0.1:${settings.neard.rpcPort}` },
      network: { boot_nodes: settings.neard.bootNodes.join(",") },
      tracked_shards_config: { ShadowValidator: settings.validator.account },
    });
  }
  return { faults };
}

test("the configuration with everything in it is sound", () => expect(judge(fullInput()).faults).toEqual([]));

test("any slip ends in faults that say what and where, or in a sound plan", () => {
  fc.assert(
    fc.property(fc.array(slip, { minLength: 1, maxLength: 4 }), (slips) => {
      const input = fullInput();
      for (const one of slips) make(input, one);
      judge(input);
    }),
    { numRuns: 500 },
  );
});

test("a slip in one setting is told with that setting's name", () => {
  fc.assert(
    fc.property(slip, (one) => {
      const input = fullInput();
      const setting = make(input, one);
      const { faults } = judge(input);
      if (faults.length === 0) return;
      const told = faults.map(({ message }) => message).join("\n");
      // Hosts are told by their names where several of them are concerned.
      expect(told).toMatch(new RegExp(`holdfast:(${setting}|hosts|neard|validatorKey)|host-`));
    }),
    { numRuns: 250 },
  );
});
