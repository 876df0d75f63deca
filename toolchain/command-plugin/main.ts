/**
 * The command plugin as a program: serves the provider protocol on a free port of the loopback interface,
 * prints the port, and ends with the CLI that started it. Arguments: the engine's address, among flags.
 */
import "../../contract/first.ts";
import { fstatSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";
import rpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { runEntry } from "../../contract/entry.ts";
import { Provider } from "./provider.ts";

const busyCheckMs = 200;

void runEntry("the command plugin", () => {
  const engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
  const provider = new Provider(engineAddress);
  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1, // a text asset travels inside the message
    "grpc.max_send_message_length": -1,
    "grpc.enable_channelz": 0, // statistics of each call, which nobody asks for
  });
  server.addService(rpc.ResourceProviderService, provider.service());
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    process.stdout.write(`${port}\n`);
  });

  // A CLI that was killed cannot end us, but the pipe that is our stdin closes with it, at whatever moment. Then: stop
  // dialling, give a command that runs its short while, and leave. Somebody who starts us by hand may give us any other stdin.
  const stdin = fstatSync(0);
  if (stdin.isFIFO() || stdin.isSocket()) process.stdin.once("close", () => endWithCli(provider)).resume();
});

function endWithCli(provider: Provider): void {
  provider.cancel();
  setInterval(() => {
    if (!provider.busy) process.exit(0);
  }, busyCheckMs);
}
