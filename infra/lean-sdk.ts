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

// It notes a stack trace for every promise, for a program that leaves one behind, and one for every resource, for the
// state and the errors of one: there every line of ours is the same few lines of infra/components/.
interface Debuggable {
  debuggablePromise(promise: Promise<unknown>, context: unknown): Promise<unknown>;
}
const debuggable = ofSdk("./runtime/debuggable") as Debuggable;
const { debuggablePromise } = debuggable;
debuggable.debuggablePromise = (promise, context) => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return debuggablePromise(promise, context);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
};
(ofSdk("./resource") as { Resource: { callsites(): unknown[] } }).Resource.callsites = () => [];

// What it does with each resource it tells the engine, message by message, each waiting for the one before: the program ends
// a second after its work at 30 hosts. The engine shows them with `--debug` alone, and what it does itself it shows there too.
(ofSdk("./log") as { debug(): Promise<void> }).debug = async () => {};
