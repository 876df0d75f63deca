#!/usr/bin/env bash
# @grpc/grpc-js 1.14.7: a channel to a server on 127.0.0.1 while https_proxy is set.
#
# Expected: loopback is never sent through a proxy (as Go's net/http has it), or at least only for TLS; and the
# upper-case HTTPS_PROXY, which most tools take too, does the same as the lower-case one.
# Seen: with `https_proxy` (or `http_proxy`) in lower case a plaintext channel to 127.0.0.1:PORT goes by CONNECT to the proxy; HTTPS_PROXY
# in upper case is not looked at; `no_grpc_proxy` mends it without a word to other programs. Where it meets another real thing: Pulumi's
# Node.js programs talk to their own engine by this library, so that `https_proxy` alone, set for downloads, cuts them off from it.
# Fails when that changes. Needs node and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent @grpc/grpc-js@1.14.7
cat >try.mjs <<'JS'
import { createServer } from "node:http";
import grpc from "@grpc/grpc-js";
let asked = "nobody";
const proxy = createServer().on("connect", (request, socket) => {
  asked = request.url.replace(/\d+$/, "PORT");
  socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
});
await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
const name = process.argv[2];
if (name !== "none") process.env[name] = `http://127.0.0.1:${proxy.address().port}`;
const raw = { path: "/t.T/Echo", requestStream: false, responseStream: false };
const same = (value) => value;
Object.assign(raw, { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same });
const server = new grpc.Server();
server.addService({ echo: raw }, { echo: (call, done) => done(null, call.request) });
const port = await new Promise((resolve, reject) =>
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
);
const Client = grpc.makeGenericClientConstructor({ echo: raw }, "T");
const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
const answer = await new Promise((resolve) =>
  client.echo(Buffer.from("hello"), { deadline: Date.now() + 5000 }, (error, value) => resolve(error ? `error ${error.code}` : String(value))),
);
console.log(`${name}: ${answer}; the proxy was asked for: ${asked}`);
process.exit(0);
JS
seen=$(
  unset https_proxy http_proxy grpc_proxy HTTPS_PROXY HTTP_PROXY no_proxy no_grpc_proxy NO_PROXY
  for name in none HTTPS_PROXY https_proxy http_proxy; do node try.mjs "$name"; done
  no_grpc_proxy=127.0.0.1 node try.mjs https_proxy | sed 's/^/with no_grpc_proxy, /'
)
echo "$seen"
diff <(echo "$seen") - <<'SEEN' || { echo "it changed" >&2; exit 1; }
none: hello; the proxy was asked for: nobody
HTTPS_PROXY: hello; the proxy was asked for: nobody
https_proxy: error 14; the proxy was asked for: 127.0.0.1:PORT
http_proxy: error 14; the proxy was asked for: 127.0.0.1:PORT
with no_grpc_proxy, https_proxy: hello; the proxy was asked for: nobody
SEEN
