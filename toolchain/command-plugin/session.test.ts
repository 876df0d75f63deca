import { EventEmitter } from "node:events";
import type { Client } from "ssh2";
import { expect, test } from "vitest";
import { Output } from "./output.ts";
import { execute } from "./session.ts";

/** A server so fast that all it has to say about a command is in one packet with the channel's opening. */
function inOnePacket(say: (channel: EventEmitter) => void): Client {
  const client = new EventEmitter();
  const channel = Object.assign(new EventEmitter(), { stderr: new EventEmitter(), end: () => {} });
  return Object.assign(client, {
    exec: (_command: string, opened: (error: undefined, channel: unknown) => void) => {
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
