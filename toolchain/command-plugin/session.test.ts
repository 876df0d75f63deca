import { EventEmitter, once } from "node:events";
import ssh2, { type Client } from "ssh2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createKeyPair, startSshServer, type TestSshServer } from "../../ssh/testing/ssh-server.ts";
import { Output } from "./output.ts";
import { execute, type Variable } from "./session.ts";

/** A server so fast that all it has to say about a command is in one packet with the channel's opening. */
function inOnePacket(say: (channel: EventEmitter) => void): Client {
  const client = new EventEmitter();
  const channel = Object.assign(new EventEmitter(), { stderr: new EventEmitter(), end: () => {} });
  return Object.assign(client, {
    exec: (_command: string, _options: object, opened: (error: undefined, channel: unknown) => void) => {
      opened(undefined, channel);
      say(channel);
    },
  }) as unknown as Client;
}

const execution = (output: Output) => ({ command: "true", stdin: "", variables: [], output, refused: () => {} });

test("hears a command that has ended before its channel could be handed on", async () => {
  const heard: string[] = [];
  const output = new Output("stdout", (line) => heard.push(line));
  const client = inOnePacket((channel) => {
    channel.emit("data", Buffer.from("done\n"));
    channel.emit("exit", 0);
    channel.emit("close");
  });
  await execute(client, execution(output));
  expect(heard).toEqual(["done"]);
});

test("a channel that closes without an exit status is a failure", async () => {
  const client = inOnePacket((channel) => channel.emit("close"));
  await expect(execute(client, execution(new Output(undefined, () => {})))).rejects.toThrow("without exit status");
});

describe("variables", () => {
  const keys = createKeyPair();
  let server: TestSshServer;
  let client: Client;
  beforeAll(async () => {
    server = await startSshServer("root", keys, process.env, { acceptEnv: ["TAKEN", "MULTI"] });
    client = new ssh2.Client();
    client.connect({ host: "127.0.0.1", port: server.port, username: "root", privateKey: keys.privateKey });
    await once(client, "ready");
  });
  afterAll(async () => {
    client.end();
    await server.close();
  });

  async function run(command: string, variables: readonly Variable[]) {
    const output = new Output(undefined, () => {});
    const refused: string[] = [];
    const failure = await execute(client, {
      command,
      stdin: "",
      variables,
      output,
      refused: ({ name }) => refused.push(name),
    }).then(
      () => null,
      (error: Error) => error.message,
    );
    return { failure, refused, stdout: output.results().stdout };
  }
  const variable = (name: string, value: string, required = true): Variable => ({ name, value, required });

  test("that the server takes are there", async () => {
    const values = [variable("TAKEN", ""), variable("MULTI", "two\nlines, ü")];
    expect(await run('env | grep -c ^TAKEN=; echo "$MULTI"', values)).toEqual({
      failure: null,
      refused: [],
      stdout: "1\ntwo\nlines, ü",
    });
  });

  test.for([
    ["that the server refuses", "REFUSED"],
    ["that the server refuses, and has by itself", "PATH"],
  ] as const)("%s stop a command that cannot do without", async ([, name]) => {
    expect(await run("echo ran", [variable("TAKEN", "a"), variable(name, "b")])).toEqual({
      failure: `could not set environment variable "${name}": ssh: setenv failed`,
      refused: [name],
      stdout: "",
    });
  });

  test("that the server refuses are told where the command can do without", async () => {
    const values = [variable("REFUSED", "a", false), variable("TAKEN", "b", false)];
    expect(await run('echo "$REFUSED|$TAKEN"', values)).toEqual({ failure: null, refused: ["REFUSED"], stdout: "|b" });
  });
});
