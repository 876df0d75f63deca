#!/usr/bin/env bash
# npm consul 2.0.1 (with papi 1.1.2), Node 20.20.2: a base URL with an IPv6 address in brackets.
#
# Expected: { host: "::1" } or { baseUrl: "http://[::1]:PORT" } reaches a server on ::1, as fetch() of the same URL does.
# Seen: the library takes the brackets along from the URL into the `hostname` of http.request, and the request ends with
# "getaddrinfo ENOTFOUND [::1]"; nothing is dialled. A Consul with only IPv6 addresses cannot be used through it, unless
# the options of each request are mended first.
# Fails when that changes. Needs node, npm and ::1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent consul@2.0.1
cat >try.mjs <<'JS'
import { createServer } from "node:http";
import Consul from "consul";
const server = createServer((_, response) => response.setHeader("content-type", "application/json").end('"[::1]:8300"'));
await new Promise((resolve) => server.listen(0, "::1", resolve));
const { port } = server.address();
const base = `http://[::1]:${port}`;
console.log("fetch:", await (await fetch(`${base}/v1/status/leader`)).json());
const words = async (consul) => await consul.status.leader().then(String, (error) => error.message);
console.log("consul, baseUrl:", await words(new Consul({ baseUrl: `${base}/v1` })));
console.log("consul, host [::1]:", await words(new Consul({ host: "[::1]", port })));
server.close();
JS
seen=$(node try.mjs)
echo "$seen"
grep -qx 'fetch: \[::1\]:8300' <<<"$seen"
[ "$(grep -c 'ENOTFOUND \[::1\]' <<<"$seen")" = 2 ] || { echo "it changed" >&2; exit 1; }
