/**
 * Import this first: what Pulumi's SDK does on every run and holdfast never needs. A preview and an update with
 * nothing to do take 1.7 s of processor time less without it (measured: 45 resources).
 */
import { createRequire } from "node:module";

// The SDK notes a stack trace for every promise, and translates each through source maps. Our sources run as they are
// written: there is nothing to translate.
Reflect.deleteProperty(Error, "prepareStackTrace");

// It loads what turns a program's functions into cloud functions (with TypeScript, and npm's own dependency resolver),
// and what drives the CLI from a program.
const ofSdk = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
for (const name of ["./runtime/closure/serializeClosure", "./runtime/closure/codePaths", "./automation"]) {
  const id = ofSdk.resolve(name);
  ofSdk.cache[id] = Object.assign(Object.create(null), { id, filename: id, loaded: true, exports: {} });
}

// It notes a stack trace for every promise and wraps it twice, to say at the end which ones a program has left behind. That it
// has left some it has to say on: they may be resources that were never registered. Where they came from, it need not.
interface Debuggable {
  debuggablePromise<T>(promise: Promise<T>, context: unknown): Promise<T>;
}
const debuggable = ofSdk("./runtime/debuggable") as Debuggable;
const { getStore } = ofSdk("./runtime/state") as { getStore(): { leakCandidates: Set<Promise<unknown>> } };
const { debuggablePromise } = debuggable;
let isScheduled = false;
debuggable.debuggablePromise = (promise, context) => {
  // The first one has the SDK look at the end.
  if (!isScheduled) {
    isScheduled = true;
    return debuggablePromise(promise, context);
  }
  const { leakCandidates } = getStore();
  leakCandidates.add(promise);
  // The chain is what is returned: where nobody takes it, a rejection is one that nobody handles, and ends the program.
  return promise.then(
    (value) => {
      leakCandidates.delete(promise);
      return value;
    },
    (error) => {
      leakCandidates.delete(promise);
      throw error;
    },
  );
};
// One for every resource, for the state and the errors of it: there every line of ours is the same few lines of infra/components/.
(ofSdk("./resource") as { Resource: { callsites(): unknown[] } }).Resource.callsites = () => [];

// What it does with each resource it tells the engine, message by message, each waiting for the one before: the program ends
// a second after its work at 30 hosts. The engine shows them with `--debug` alone, and what it does itself it shows there too.
(ofSdk("./log") as { debug(): Promise<void> }).debug = async () => {};
// Yet it makes their texts, with every message from the engine in full.
const { Message } = ofSdk("google-protobuf") as { Message: { prototype: object } };
Message.prototype.toString = () => "a message";
