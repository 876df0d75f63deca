/**
 * The plugin's side of Pulumi's provider protocol: translates its requests into the pure checks, the diff and
 * the steps. On the protocol itself and not on `@pulumi/pulumi/provider`, because that leaves out what the
 * official plugin does: previews of steps, detailed diffs, cancelling (docs/decisions/0002-own-command-plugin.md).
 */
import * as grpc from "@grpc/grpc-js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { describeError, HoldfastError } from "../../contract/errors.ts";
import { isMistake, keepInLog, unforeseen } from "../../contract/unforeseen.ts";
import { checkInputs } from "./check.ts";
import { type ChangeKind, differenceOf } from "./diff.ts";
import { Engine } from "./engine.ts";
import { nameOf, packageSchema, pluginVersion, type ResourceType, resourceTypes, typeOf } from "./schema.ts";
import { create, remove, type StepContext, update } from "./steps.ts";
import type { Properties } from "./values.ts";

const changeKinds: Record<ChangeKind, messages.PropertyDiff.Kind> = {
  add: 0,
  "add-replace": 1,
  delete: 2,
  "delete-replace": 3,
  update: 4,
  "update-replace": 5,
};

type Wire = InstanceType<typeof struct.Struct>;
const fromWire = (wire: Wire | undefined): Properties => (wire?.toJavaScript() ?? {}) as Properties;
const toWire = (properties: Properties): Wire => struct.Struct.fromJavaScript(properties as never);

/** A handler in the protocol's manner from one that returns its answer or throws. */
function answering<Request, Response>(
  handler: (request: Request) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, done) => {
    const fail = (error: Error): void => done({ code: grpc.status.UNKNOWN, details: inWords(error) });
    const answer = async (): Promise<Response> => handler(call.request);
    answer().then((response) => done(null, response), fail);
  };
}

/** Errors of the steps are in the official plugin's words, line for line; only mistakes of our own have a log. */
function inWords(error: Error): string {
  return isMistake(error) ? describeError(unforeseen("the command plugin", error, keepInLog)) : messageOf(error);
}

function messageOf(error: Error): string {
  return error instanceof HoldfastError ? describeError(error) : error.message;
}

function resourceTypeOf(urn: string): ResourceType {
  const type = typeOf(urn);
  const known = resourceTypes.find((candidate) => candidate === type);
  if (known === undefined) throw new Error(`Resource '${type.replace(/^command:/, "")}' not found`);
  return known;
}

interface StepRequest {
  getUrn(): string;
  getTimeout(): number;
  getPreview?(): boolean;
}

export class Provider {
  #engine: Engine | undefined;
  readonly #cancelled = new AbortController();
  #underway = 0;

  constructor(engineAddress: string | undefined) {
    if (engineAddress !== undefined) this.#engine = new Engine(engineAddress);
  }

  /** True while a step runs. */
  get busy(): boolean {
    return this.#underway > 0;
  }

  /** Ends dialling and local commands, now and from now on; a remote command that runs has a short while to end. */
  cancel(): void {
    this.#cancelled.abort(new Error("context canceled"));
  }

  /** The protocol's methods; those that are left out answer "unimplemented". */
  service(): grpc.UntypedServiceImplementation {
    return {
      handshake: answering((request: messages.ProviderHandshakeRequest) => {
        if (request.getEngineAddress() !== "") this.#engine = new Engine(request.getEngineAddress());
        return new messages.ProviderHandshakeResponse().setAcceptSecrets(true).setAcceptResources(true);
      }),
      attach: answering((request: pluginMessages.PluginAttach) => {
        this.#engine = new Engine(request.getAddress());
        return new empty.Empty();
      }),
      getPluginInfo: answering(() => new pluginMessages.PluginInfo().setVersion(pluginVersion)),
      getSchema: answering(() => new messages.GetSchemaResponse().setSchema(packageSchema())),
      checkConfig: answering((request: messages.CheckRequest) =>
        new messages.CheckResponse().setInputs(request.getNews()),
      ),
      diffConfig: answering(() => new messages.DiffResponse().setChanges(messages.DiffResponse.DiffChanges.DIFF_NONE)),
      configure: answering(() =>
        new messages.ConfigureResponse().setAcceptsecrets(true).setAcceptresources(true).setSupportspreview(true),
      ),
      check: answering(check),
      diff: answering(diff),
      create: answering((request: messages.CreateRequest) => this.#create(request)),
      read: answering((request: messages.ReadRequest) =>
        new messages.ReadResponse()
          .setId(request.getId())
          .setProperties(request.getProperties())
          .setInputs(request.getInputs()),
      ),
      update: answering((request: messages.UpdateRequest) => this.#update(request)),
      delete: answering((request: messages.DeleteRequest) => this.#delete(request)),
      cancel: answering(() => {
        this.cancel();
        return new empty.Empty();
      }),
    };
  }

  async #create(request: messages.CreateRequest): Promise<messages.CreateResponse> {
    const made = await this.#step(request, (context) => create(fromWire(request.getProperties()), context));
    return new messages.CreateResponse().setId(made.id).setProperties(toWire(made.outputs));
  }

  async #update(request: messages.UpdateRequest): Promise<messages.UpdateResponse> {
    const [olds, news] = [fromWire(request.getOlds()), fromWire(request.getNews())];
    const outputs = await this.#step(request, (context) => update(olds, news, context));
    return new messages.UpdateResponse().setProperties(toWire(outputs));
  }

  async #delete(request: messages.DeleteRequest): Promise<InstanceType<typeof empty.Empty>> {
    await this.#step(request, (context) => remove(fromWire(request.getProperties()), context));
    return new empty.Empty();
  }

  async #step<T>(request: StepRequest, run: (context: StepContext) => Promise<T>): Promise<T> {
    const urn = request.getUrn();
    const engine = this.#engine;
    const timeout = new AbortController();
    const timeoutMs = request.getTimeout() * 1000;
    const timer =
      timeoutMs > 0 ? setTimeout(() => timeout.abort(new Error("context deadline exceeded")), timeoutMs) : undefined;
    this.#underway++;
    try {
      return await run({
        urn,
        step: nameOf(urn),
        type: resourceTypeOf(urn),
        preview: request.getPreview?.() ?? false,
        signal: AbortSignal.any([this.#cancelled.signal, timeout.signal]),
        note: (message) => engine?.log("info", urn, message, true),
        warn: (message) => engine?.log("warning", urn, message),
        fail: (message) => engine?.log("error", urn, message),
        debug: (message) => engine?.log("debug", urn, message),
      });
    } finally {
      clearTimeout(timer);
      await engine?.flush();
      this.#underway--;
    }
  }
}

function check(request: messages.CheckRequest): messages.CheckResponse {
  const { inputs, failures } = checkInputs(resourceTypeOf(request.getUrn()), fromWire(request.getNews()));
  return new messages.CheckResponse()
    .setInputs(toWire(inputs))
    .setFailuresList(
      failures.map(({ property, reason }) => new messages.CheckFailure().setProperty(property).setReason(reason)),
    );
}

function diff(request: messages.DiffRequest): messages.DiffResponse {
  const { changes, replaces } = differenceOf(fromWire(request.getOldInputs()), fromWire(request.getNews()));
  const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
  const response = new messages.DiffResponse()
    .setChanges(changes.size > 0 ? DIFF_SOME : DIFF_NONE)
    .setReplacesList([...replaces])
    .setDiffsList([...new Set([...changes.keys()].map((path) => /^[^.[]+/.exec(path)?.[0] ?? path))])
    .setHasdetaileddiff(true);
  for (const [path, kind] of changes) {
    response.getDetaileddiffMap().set(path, new messages.PropertyDiff().setKind(changeKinds[kind]));
  }
  return response;
}
