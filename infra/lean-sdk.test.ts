import "./lean-sdk.ts";
import { createRequire } from "node:module";
import { Server, ServerCredentials, type UntypedHandleCall } from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import { expect, onTestFinished, test } from "vitest";

const ofSdk = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));

/** What the program tells Pulumi's engine, which waits at `address`. */
async function listeningEngine(): Promise<{ address: string; said: string[] }> {
  const said: string[] = [];
  const { EngineService } = ofSdk("./proto/engine_grpc_pb.js");
  const { Empty } = ofSdk("google-protobuf/google/protobuf/empty_pb.js");
  const log: UntypedHandleCall = (
    call: { request: { getMessage(): string } },
    done: (error: null, answer: object) => void,
  ) => {
    said.push(call.request.getMessage());
    done(null, new Empty());
  };
  const server = new Server();
  server.addService(EngineService, { log });
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { address: `127.0.0.1:${port}`, said };
}

test("a program tells the engine what it has to say, and nothing of what the SDK does", async () => {
  const { address, said } = await listeningEngine();
  pulumi.runtime.resetOptions("holdfast", "sample", 1, address, "", true, "");
  await pulumi.log.debug("Registering resource");
  await pulumi.log.warn("a host is silent");
  expect(said).toEqual(["a host is silent"]);
  pulumi.runtime.disconnectSync();
});

test("our own errors keep their stacks", () => {
  expect(new Error("ours").stack).toContain("lean-sdk.test.ts");
});

test("a promise that a program leaves behind is told, a settled one is not, and a rejected one stays one", async () => {
  const { debuggablePromise, leakedPromises } = ofSdk("./runtime/debuggable") as {
    debuggablePromise<T>(promise: Promise<T>, context: string): Promise<T>;
    leakedPromises(): [ReadonlySet<unknown>, string];
  };
  await debuggablePromise(Promise.resolve(), "the first has the SDK look at the end");
  leakedPromises();
  expect(await debuggablePromise(Promise.resolve("a value"), "kept")).toBe("a value");
  await expect(debuggablePromise(Promise.reject(new Error("refused")), "rejected")).rejects.toThrow("refused");
  const never = new Promise(() => {});
  void debuggablePromise(never, "left behind");
  const [leaked, message] = leakedPromises();
  expect([...leaked]).toEqual([never]);
  expect(message).toContain("1 promise was still active");
});
