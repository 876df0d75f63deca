/** The provider as the engine sees it: over the wire, with a real gRPC client. */
import { createRequire } from "node:module";
import * as grpc from "@grpc/grpc-js";
import rpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Provider } from "./provider.ts";
import { type Properties, secret, unknown } from "./values.ts";

const urn = (type: string): string => `urn:pulumi:dev::project::${type}::my::name`;
const localUrn = urn("parent:index:Parent$command:local:Command");
const wire = (properties: Properties) => struct.Struct.fromJavaScript(properties as never);

let server: grpc.Server;
let client: InstanceType<typeof rpc.ResourceProviderClient>;

beforeAll(async () => {
  server = new grpc.Server();
  server.addService(rpc.ResourceProviderService, new Provider(undefined).service());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  client = new rpc.ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
});

afterAll(() => {
  client.close();
  server.forceShutdown();
});

function ask<T>(call: (done: (error: grpc.ServiceError | null, answer: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, answer) => (error === null ? resolve(answer) : reject(new Error(error.details))));
  });
}

function createRequest(properties: Properties): messages.CreateRequest {
  return new messages.CreateRequest().setUrn(localUrn).setProperties(wire(properties));
}
const create = (request: messages.CreateRequest) =>
  ask<messages.CreateResponse>((done) => client.create(request, done));

test("secrets and previews are its own business", async () => {
  const handshake = new messages.ProviderHandshakeRequest();
  expect(
    (await ask<messages.ProviderHandshakeResponse>((done) => client.handshake(handshake, done))).getAcceptSecrets(),
  ).toBe(true);
  const configured = await ask<messages.ConfigureResponse>((done) =>
    client.configure(new messages.ConfigureRequest(), done),
  );
  expect([configured.getAcceptsecrets(), configured.getSupportspreview()]).toEqual([true, true]);
});

test("check answers completed inputs and failures", async () => {
  const request = (news: Properties) =>
    new messages.CheckRequest().setUrn(urn("command:remote:Command")).setNews(wire(news));
  const check = (news: Properties) => ask<messages.CheckResponse>((done) => client.check(request(news), done));
  const checked = await check({ connection: { host: "h" } });
  expect(checked.getInputs()?.toJavaScript()).toEqual({
    connection: secret({ user: "root", host: "h", port: 22, dialErrorLimit: 10, perDialTimeout: 15 }),
  });
  expect((await check({})).getFailuresList().map((failure) => failure.getProperty())).toEqual(["connection"]);
});

test("a type that it does not have is an error", async () => {
  const request = new messages.CheckRequest().setUrn(urn("command:remote:Nope")).setNews(wire({}));
  await expect(ask((done) => client.check(request, done))).rejects.toThrow("Resource 'remote:Nope' not found");
});

test("diff compares with the old inputs, not with the state", async () => {
  const request = new messages.DiffRequest()
    .setUrn(localUrn)
    .setOlds(wire({ create: "state" }))
    .setOldInputs(wire({ create: "a", environment: { A: "1" } }))
    .setNews(wire({ create: "a", environment: { A: "2" }, triggers: ["t"] }));
  const diff = await ask<messages.DiffResponse>((done) => client.diff(request, done));
  expect(diff.getChanges()).toBe(messages.DiffResponse.DiffChanges.DIFF_SOME);
  expect(diff.getDetaileddiffMap().toObject(false, messages.PropertyDiff.toObject)).toEqual([
    ["environment.A", { kind: messages.PropertyDiff.Kind.UPDATE, inputdiff: false }],
    ["triggers", { kind: messages.PropertyDiff.Kind.ADD_REPLACE, inputdiff: false }],
  ]);
  expect([diff.getDiffsList(), diff.getReplacesList()]).toEqual([["environment", "triggers"], ["triggers"]]);
});

test("a previewed create runs nothing; a real one runs, and keeps what is secret secret", async () => {
  const previewed = await create(createRequest({ create: "exit 1" }).setPreview(true));
  expect(previewed.getProperties()?.toJavaScript()).toEqual({ create: "exit 1", stdout: unknown, stderr: unknown });
  const created = await create(createRequest({ create: "cat", stdin: secret("word") }));
  expect(created.getId()).toMatch(/^my::name[0-9a-f]{8}$/);
  expect(created.getProperties()?.toJavaScript()).toEqual({
    create: "cat",
    stdin: secret("word"),
    stdout: "word",
    stderr: "",
  });
});

test("an update runs `update`, else `create`, and knows the last output; without either nothing runs", async () => {
  const update = async (news: Properties): Promise<unknown> => {
    const state = { create: "a", stdout: secret("last"), stderr: "" };
    const request = new messages.UpdateRequest().setUrn(localUrn).setOlds(wire(state)).setNews(wire(news));
    const response = await ask<messages.UpdateResponse>((done) => client.update(request, done));
    return response.getProperties()?.toJavaScript().stdout;
  };
  expect(await update({ create: "echo created", update: "echo after $PULUMI_COMMAND_STDOUT" })).toBe("after last");
  expect(await update({ create: "echo created" })).toBe("created");
  expect(await update({ delete: "true" })).toBe("last");
});

test("a step's time is bounded where the engine says so", async () => {
  const request = createRequest({ create: "exec sleep 20" }).setTimeout(0.2);
  await expect(create(request)).rejects.toThrow('signal: killed: running "exec sleep 20":\n');
});

test("messages and their values come from one copy of google-protobuf: the SDK's", () => {
  const ours = createRequire(import.meta.url);
  const sdks = createRequire(ours.resolve("@pulumi/pulumi/package.json"));
  expect(ours.resolve("google-protobuf")).toBe(sdks.resolve("google-protobuf"));
});
