import { describe, expect, test } from "vitest";
import { checkInputs, readState } from "./check.ts";
import { resources } from "./schema.ts";
import { type Properties, secret, unknown, type Value } from "./values.ts";

const connection = { host: "h" };
const completed = { user: "root", host: "h", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };
const asset = (fields: { [key: string]: Value }): Value => ({
  "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
  ...fields,
});
const remote = (inputs: Properties) => checkInputs("command:remote:Command", inputs);
const copy = (inputs: Properties) =>
  checkInputs("command:remote:CopyToRemote", { connection, remotePath: "/x", ...inputs });
const reasons = (checked: { failures: { property: string; reason: string }[] }) =>
  checked.failures.map((failure) => `${failure.property}: ${failure.reason}`);

describe("completing", () => {
  test("defaults go into the connection and its proxy, and the whole is one secret", () => {
    const { inputs, failures } = remote({
      connection: secret({ host: "h", proxy: { host: "p", port: 2222 }, password: secret("x") }),
    });
    expect(failures).toEqual([]);
    expect(inputs).toEqual({
      connection: secret({ ...completed, password: "x", proxy: { ...completed, host: "p", port: 2222 } }),
    });
  });
  test("null is absent, limits are whole, the port keeps its fraction", () => {
    const { inputs } = remote({
      create: null,
      connection: { host: "h", user: null, dialErrorLimit: 1.5, port: 4402.7 },
    });
    expect(inputs).toEqual({ connection: secret({ ...completed, dialErrorLimit: 1, port: 4402.7 }) });
  });
  test("a secret input stays secret, an unknown one unknown", () => {
    const { inputs, failures } = remote({
      connection: unknown,
      create: secret("a"),
      stdin: unknown,
      triggers: [unknown],
    });
    expect(failures).toEqual([]);
    expect(inputs).toEqual({ connection: secret(unknown), create: secret("a"), stdin: unknown, triggers: [unknown] });
  });
  test("an unknown part of a connection leaves the rest checked", () => {
    expect(remote({ connection: secret({ host: unknown }) }).inputs).toEqual({
      connection: secret({ ...completed, host: unknown }),
    });
    expect(reasons(remote({ connection: secret({ host: unknown, foo: 1 }) }))).toHaveLength(1);
  });
  test("logging takes any text", () => {
    expect(remote({ connection, logging: "all" }).failures).toEqual([]);
  });
});

describe("faults", () => {
  test.each<[string, Properties, string[]]>([
    ["no connection", {}, ["connection: Missing required field 'connection' on 'remote.CommandInputs'"]],
    [
      "empty connection",
      { connection: {} },
      [
        "connection: An error occurred decoding 'CommandInputs.connection': 1 failures decoding:\n\thost: Missing required field 'host' on 'remote.Connection'",
      ],
    ],
    [
      "wrong kind",
      { connection: { host: "h", port: "22" } },
      [
        "connection: An error occurred decoding 'CommandInputs.connection': 1 failures decoding:\n\tport: Field 'port' on 'remote.Connection' must be a 'float64'; got 'string' instead",
      ],
    ],
    [
      "unknown key",
      { connection: { host: "h", foo: "x" } },
      [
        "connection: An error occurred decoding 'CommandInputs.connection': 1 failures decoding:\n\tfoo: Unrecognized field 'foo' on 'remote.Connection'",
      ],
    ],
    [
      "empty proxy",
      { connection: { host: "h", proxy: {} } },
      [
        "connection: An error occurred decoding 'CommandInputs.connection': 1 failures decoding:\n\tproxy: An error occurred decoding 'Connection.proxy': 1 failures decoding:\n\thost: Missing required field 'host' on 'remote.ProxyConnection'",
      ],
    ],
    [
      "several",
      { connection, create: 5, triggers: "x", environment: ["a"], foo: 1 },
      [
        "triggers: Field 'triggers' on 'remote.CommandInputs' must be a '[]interface {}'; got 'string' instead",
        "create: Field 'create' on 'remote.CommandInputs' must be a 'string'; got 'float64' instead",
        "environment: Field 'environment' on 'remote.CommandInputs' must be a 'map[string]string'; got '[]interface {}' instead",
        "foo: Unrecognized field 'foo' on 'remote.CommandInputs'",
      ],
    ],
    [
      "a value of the environment",
      { connection, environment: { A: 1 } },
      [
        "environment[A] value: Field 'environment[A] value' on 'remote.CommandInputs' must be a 'string'; got 'float64' instead",
      ],
    ],
  ])("%s", (_, inputs, expected) => {
    expect(reasons(remote(inputs))).toEqual(expected);
  });

  test("a connection with a fault is still kept secret", () => {
    expect(remote({ connection: { host: "h", privateKey: "k", foo: 1 } }).inputs.connection).toEqual(
      secret({ host: "h", privateKey: "k", foo: 1 }),
    );
  });
});

describe("the source of a copy", () => {
  test.each<[string, Value | undefined, string[]]>([
    [
      "absent",
      undefined,
      [
        "source: Missing required field 'source' on 'remote.CopyToRemoteInputs'",
        "asset: either asset or archive must be set",
      ],
    ],
    ["a string", "/etc/hosts", ["asset: either asset or archive must be set"]],
    ["unknown", unknown, ["asset: either asset or archive must be set"]],
    [
      "remote",
      asset({ hash: "h", uri: "https://example.org" }),
      ["asset: asset must be a path-based file asset or a text asset"],
    ],
    ["a file", asset({ hash: "h", path: "/etc/hosts" }), []],
    ["an empty text", asset({ hash: "h", text: "" }), []],
    ["a secret text", secret(asset({ hash: "h", text: "x" })), []],
  ])("%s", (_, source, expected) => {
    expect(reasons(copy(source === undefined ? {} : { source }))).toEqual(expected);
  });
  test("an archive made of assets", () => {
    const archive = { "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7", hash: "h", assets: {} };
    expect(reasons(copy({ source: archive }))).toEqual(["archive: archive must be a path to a file or directory"]);
  });
});

test("local.Command says that it collects no files", () => {
  expect(reasons(checkInputs("command:local:Command", { create: "a", assetPaths: ["*"] }))).toEqual([
    "assetPaths: holdfast's own command plugin does not collect files; install the official plugin",
  ]);
});

test("the state of an imported resource is refused as a whole", () => {
  expect(() => readState(resources["command:remote:Command"], {})).toThrow(
    "3 failures decoding:\n\tconnection: Missing required field 'connection' on 'remote.CommandOutputs'\n\tstdout: Missing required field 'stdout' on 'remote.CommandOutputs'\n\tstderr: Missing required field 'stderr' on 'remote.CommandOutputs'",
  );
});
