#!/usr/bin/env bash
# npm @pulumi/pulumi 3.270.0 (Node.js SDK): what a program tells Pulumi's engine of each resource.
#
# Expected: the SDK knows whether anybody asked for debug output, or sends its messages without waiting for them.
# Seen: for 100 resources without a property it makes 300 calls of severity DEBUG, never two at once: each waits until the
# engine has answered the one before. So they are still under way when the last resource has long been registered, and the
# program does not end before them. With an engine that takes 2 ms for each, 0.6 s and more; in a real preview of 543
# resources it was 1.1 s of 7. The engine shows them with --debug alone.
# Fails when that changes. Needs node and npm; engine and monitor are a few lines of gRPC on loopback.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent --ignore-scripts @pulumi/pulumi@3.270.0
cat >engine.js <<'JS'
// An engine and its monitor, as small as the SDK lets them be.
const grpc = require("@grpc/grpc-js");
const { EngineService } = require("@pulumi/pulumi/proto/engine_grpc_pb.js");
const engine = require("@pulumi/pulumi/proto/engine_pb.js");
const { ResourceMonitorService } = require("@pulumi/pulumi/proto/resource_grpc_pb.js");
const resource = require("@pulumi/pulumi/proto/resource_pb.js");
const { Empty } = require("google-protobuf/google/protobuf/empty_pb.js");
const { Struct } = require("google-protobuf/google/protobuf/struct_pb.js");

const seen = { debug: 0, other: 0, atOnce: 0, most: 0, registered: 0, lastResourceMs: 0 };
const server = new grpc.Server();
server.addService(EngineService, {
  log: ({ request }, done) => {
    seen[request.getSeverity() === engine.LogSeverity.DEBUG ? "debug" : "other"] += 1;
    seen.most = Math.max(seen.most, ++seen.atOnce);
    setTimeout(() => {
      seen.atOnce -= 1;
      done(null, new Empty());
    }, 2);
  },
  getRootResource: (_call, done) => done(null, new engine.GetRootResourceResponse()),
  setRootResource: (_call, done) => done(null, new engine.SetRootResourceResponse()),
});
server.addService(ResourceMonitorService, {
  supportsFeature: (_call, done) => done(null, new resource.SupportsFeatureResponse()),
  registerResource: ({ request }, done) => {
    const answer = new resource.RegisterResourceResponse();
    answer.setUrn(`urn:pulumi:s::p::${request.getType()}::${request.getName()}`);
    answer.setId(request.getName());
    answer.setObject(Struct.fromJavaScript({}));
    seen.registered += 1;
    seen.lastResourceMs = Date.now();
    done(null, answer);
  },
  registerResourceOutputs: (_call, done) => done(null, new Empty()),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  const { spawn } = require("node:child_process");
  const program = spawn(process.execPath, ["program.js", `127.0.0.1:${port}`], { stdio: ["ignore", "inherit", "inherit"] });
  program.on("exit", (code) => {
    const laterMs = Date.now() - seen.lastResourceMs;
    console.log(JSON.stringify({ ...seen, lastResourceMs: undefined, atOnce: undefined, laterMs, code }));
    const isAsSeen = code === 0 && seen.registered === 100 && seen.debug === 300 && seen.other === 0 && seen.most === 1;
    if (isAsSeen && laterMs > 500) process.exit(0);
    console.error("it changed");
    process.exit(1);
  });
});
JS
cat >program.js <<'JS'
const pulumi = require("@pulumi/pulumi");
const address = process.argv[2];
pulumi.runtime.resetOptions("p", "s", 16, address, address, false, "o");
class Nothing extends pulumi.CustomResource {
  constructor(name) {
    super("test:index:Nothing", name, {});
  }
}
for (let i = 0; i < 100; i++) new Nothing(`n${i}`);
pulumi.runtime.waitForRPCs().then(() => pulumi.runtime.disconnectSync());
JS
node engine.js
